"""The queue of checks."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from jobs.models.job import Job, States


class CheckStatus(models.TextChoices):
    """Where a check stands."""

    QUEUED = "queued", "queued"
    RUNNING = "running", "running"
    DONE = "done", "done"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"


class FileCheck(Job):
    """One file to be read to its end, for its rows, its columns and what is wrong.

    A file in which something is wrong makes a check that is done; a check that failed could not be
    made. Changes of status are guarded by ``validate_file_check_transition()``.
    """

    states: ClassVar[States] = States(
        ready=CheckStatus.QUEUED,
        running=CheckStatus.RUNNING,
        done=CheckStatus.DONE,
        failed=CheckStatus.FAILED,
        cancelled=CheckStatus.CANCELLED,
    )

    status = models.CharField(
        max_length=20,
        choices=CheckStatus.choices,
        default=CheckStatus.QUEUED,
        db_default=CheckStatus.QUEUED,
    )
    file = models.ForeignKey(
        "ingestion.FileUpload", on_delete=models.CASCADE, related_name="checks", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name="asked for by",
    )

    class Meta(Job.Meta):
        db_table = "file_checks"
        verbose_name = "check of a file"
        verbose_name_plural = "checks of files"
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                name="file_checks_status_check",
                condition=models.Q(status__in=CheckStatus.values),
            ),
        ]

    def __str__(self) -> str:
        return f"check {self.pk}"
