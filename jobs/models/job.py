"""The columns that every queue has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from django.db import models

from database.fields import CreatedAtField, KeyField
from jobs.querysets import JobQuerySet


@dataclass(frozen=True, slots=True)
class States:
    """What a table calls the states of its jobs.

    Without a name for ``retrying``, a job that is to be tried again waits as ``ready`` with a
    moment in ``available_at``.
    """

    ready: str
    running: str
    done: str
    failed: str
    cancelled: str
    retrying: str | None = None

    @property
    def waiting(self) -> str:
        """The state of a job that will be tried again."""
        return self.retrying or self.ready

    @property
    def live(self) -> tuple[str, ...]:
        """The states of jobs that wait or run."""
        return tuple(dict.fromkeys((self.ready, self.waiting, self.running)))


class Job(models.Model):
    """One piece of work, as a row of a domain's own table.

    A concrete model names its ``states``, redeclares ``status`` with its choices, and has a
    migration that calls ``install_queue('<table>', …)`` for indexes and triggers. A row is ready
    to be claimed when its status is ``states.ready`` and ``available_at`` is null; a moment in
    ``available_at`` holds it back until then. A row inserted by plain SQL is as good as any.
    """

    states: ClassVar[States]
    audit_noun: ClassVar[str] = "job"

    id = KeyField()
    status = models.CharField(max_length=20)
    priority = models.IntegerField(default=5, db_default=5, help_text="1 to 10; 10 goes first")
    retry_count = models.IntegerField(default=0, db_default=0, editable=False)
    max_retries = models.IntegerField(default=3, db_default=3)
    error_message = models.TextField(null=True, blank=True, editable=False)
    last_error_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = CreatedAtField()
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    completed_at = models.DateTimeField(null=True, blank=True, editable=False)
    estimated_completion_at = models.DateTimeField(null=True, blank=True, editable=False)
    worker_id = models.CharField(max_length=255, null=True, blank=True, editable=False)
    # The fencing token: one more at each claim. A write that carries an older one has no effect.
    attempt = models.IntegerField(default=0, db_default=0, editable=False)
    available_at = models.DateTimeField("not before", null=True, blank=True)
    # A job that has not begun by then is cancelled; one that runs is stopped.
    expires_at = models.DateTimeField("not after", null=True, blank=True)
    # When the attempt that runs must have ended.
    deadline_at = models.DateTimeField(null=True, blank=True, editable=False)
    # The place in line among jobs of the same priority: virtual time, one step for each job of a
    # person, so that everybody's next job stands beside everybody else's. Set by trigger.
    turn = models.BigIntegerField(null=True, editable=False)
    cancel_requested = models.BooleanField(default=False, db_default=False, editable=False)
    # Of the jobs that wait or run, one alone may have a given key.
    unique_key = models.CharField(max_length=255, null=True, blank=True, editable=False)
    progress_done = models.IntegerField(default=0, db_default=0, editable=False)
    progress_total = models.IntegerField(null=True, blank=True, editable=False)
    progress_message = models.TextField(default="", db_default="", blank=True, editable=False)

    objects = JobQuerySet.as_manager()

    class Meta:
        abstract = True
        constraints: ClassVar = [
            models.CheckConstraint(
                name="%(class)s_priority_check",
                condition=models.Q(priority__gte=1, priority__lte=10),
            ),
            models.CheckConstraint(
                name="%(class)s_counts_check",
                condition=models.Q(
                    retry_count__gte=0, max_retries__gte=0, attempt__gte=0, progress_done__gte=0
                ),
            ),
        ]

    @property
    def actor_id(self) -> UUID | None:
        """For whom the job runs: its ``user_id``, in tables that have one."""
        return getattr(self, "user_id", None)
