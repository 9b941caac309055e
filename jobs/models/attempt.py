"""What became of the attempts that did not end well."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from database.fields import KeyField


class Attempt(models.Model):
    """One attempt at a job that ended otherwise than done.

    The attempt that runs, or that succeeded, stands on the job's own row; so a job that goes well
    the first time costs nothing here. Rows are written by the statement that settles the attempt
    and go when their job is pruned. Nobody changes them.
    """

    class Outcome(models.TextChoices):
        """How it ended."""

        FAILED = "failed", "failed"  # an error; tried again while retries are left
        GAVE_UP = "gave_up", "gave up"  # an error that trying again would not mend
        LOST = "lost", "lost"  # its worker stopped answering, or did not stop it in time
        RELEASED = "released", "released"  # nobody's fault: handed back
        CANCELLED = "cancelled", "cancelled"

    app_privileges: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "DELETE")

    id = KeyField()
    table_name = models.CharField(max_length=63)
    job_id = models.UUIDField()
    attempt = models.IntegerField()
    worker_id = models.CharField(max_length=255, null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(default=timezone.now, db_default=Now())
    outcome = models.CharField(max_length=20, choices=Outcome.choices)
    error_message = models.TextField(null=True)

    class Meta:
        db_table = "job_attempts"
        indexes: ClassVar = [models.Index(name="idx_job_attempts_job_id", fields=["job_id"])]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="job_attempts_outcome_check",
                condition=models.Q(
                    outcome__in=["failed", "gave_up", "lost", "released", "cancelled"]
                ),
            )
        ]

    def __str__(self) -> str:
        return f"attempt {self.attempt} of {self.job_id}"
