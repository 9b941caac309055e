"""Work that recurs: what is due when, and its runs."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from database.fields import CreatedAtField, KeyField, UpdatedAtField
from jobs.models.job import Job, States


class Missed(models.TextChoices):
    """What becomes of ticks that passed while no worker was there to see them."""

    SKIP = "skip", "dropped"  # what is older than the tolerance does not run any more
    ONCE = "once", "made up for by one run"
    EACH = "each", "each run, oldest first"


class RunStatus(models.TextChoices):
    """Where a run stands."""

    QUEUED = "queued", "queued"
    PROCESSING = "processing", "processing"
    COMPLETED = "completed", "completed"
    FAILED = "failed", "failed"
    RETRYING = "retrying", "retrying"
    CANCELLED = "cancelled", "cancelled"


class Recurrence(models.Model):
    """One entry of the schedule, as the code declares it and the workers keep it.

    Workers write the declared columns when they start (``jobs.schedule.synchronise``), and move
    ``next_at`` in the transaction that queues the run. Staff may pause an entry. A row whose entry
    has left the code stays, ``declared`` false, for its history.
    """

    audit_noun: ClassVar[str] = "schedule_entry"
    audit_key: ClassVar[str] = "name"

    id = KeyField()
    name = models.CharField(max_length=100, unique=True)
    cron = models.CharField(max_length=255)
    timezone = models.CharField("time zone", max_length=64)
    missed = models.CharField(
        "missed ticks are",
        max_length=10,
        choices=Missed.choices,
        default=Missed.ONCE,
        db_default=Missed.ONCE,
    )
    tolerance_seconds = models.IntegerField(default=60, db_default=60)
    overlap = models.BooleanField(
        default=False, db_default=False, help_text="a run may begin while the one before it lasts"
    )
    max_retries = models.IntegerField(default=3, db_default=3)
    time_limit_seconds = models.FloatField(null=True, blank=True)
    description = models.TextField(default="", db_default="", blank=True)
    declared = models.BooleanField(default=True, db_default=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.CharField(max_length=255, default="", db_default="", blank=True)
    pause_reason = models.TextField(default="", db_default="", blank=True)
    next_at = models.DateTimeField(null=True, blank=True)  # null: never
    last_at = models.DateTimeField("tick of the last run", null=True, blank=True)
    # No foreign key: the run is pruned one day, and the entry stays.
    last_job_id = models.UUIDField(null=True, blank=True)
    created_at = CreatedAtField()
    updated_at = UpdatedAtField()

    class Meta:
        db_table = "job_schedule"
        verbose_name = "schedule entry"
        verbose_name_plural = "schedule"
        indexes: ClassVar = [
            models.Index(
                name="idx_job_schedule_due",
                fields=["next_at"],
                condition=models.Q(declared=True, paused_at=None),
            )
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="job_schedule_missed_check", condition=models.Q(missed__in=Missed.values)
            ),
            models.CheckConstraint(
                name="job_schedule_numbers_check",
                condition=models.Q(tolerance_seconds__gte=1, max_retries__gte=0)
                & (models.Q(time_limit_seconds=None) | models.Q(time_limit_seconds__gt=0)),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RecurringJob(Job):
    """One run of recurring work, for one tick of its entry.

    Changes of status are guarded by ``validate_recurring_status_transition()``; the time limit of
    its own, where it has one, is applied by ``limit_recurring_job()`` when a worker claims it.
    """

    states: ClassVar[States] = States(
        ready=RunStatus.QUEUED,
        running=RunStatus.PROCESSING,
        done=RunStatus.COMPLETED,
        failed=RunStatus.FAILED,
        cancelled=RunStatus.CANCELLED,
        retrying=RunStatus.RETRYING,
    )

    status = models.CharField(
        max_length=20,
        choices=RunStatus.choices,
        default=RunStatus.QUEUED,
        db_default=RunStatus.QUEUED,
    )
    name = models.CharField(max_length=100)
    # The moment for which it runs: when it was due, or when somebody asked for it.
    tick = models.DateTimeField()
    time_limit_seconds = models.FloatField(null=True, blank=True)

    class Meta(Job.Meta):
        db_table = "recurring_jobs"
        verbose_name = "recurring run"
        constraints: ClassVar = [
            *Job.Meta.constraints,
            # One run for each tick, whoever inserts it.
            models.UniqueConstraint(name="recurring_jobs_name_tick_key", fields=["name", "tick"]),
            models.CheckConstraint(
                name="recurring_jobs_status_check",
                condition=models.Q(status__in=RunStatus.values),
            ),
            models.CheckConstraint(
                name="recurring_jobs_time_limit_check",
                condition=models.Q(time_limit_seconds=None) | models.Q(time_limit_seconds__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.tick:%Y-%m-%d %H:%M %Z}"
