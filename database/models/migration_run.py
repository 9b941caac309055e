"""The history of migrations: what ran when, for how long, and how it ended."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from database.fields import KeyField


class MigrationStatus(models.TextChoices):
    """How a run of one migration stands."""

    PENDING = "pending", "pending"
    RUNNING = "running", "running"
    SUCCESS = "success", "success"
    FAILED = "failed", "failed"
    ROLLED_BACK = "rolled_back", "rolled back"


class MigrationRun(models.Model):
    """One run of one migration; written outside its transaction, so that a failure stays visible.

    A row left at ``running`` belongs to a process that was killed.
    """

    app_privileges = ("SELECT",)  # the owner writes it, while migrating

    id = KeyField()
    name = models.CharField(max_length=255)
    status = models.CharField(
        max_length=20,
        choices=MigrationStatus.choices,
        default=MigrationStatus.PENDING,
        db_default=MigrationStatus.PENDING,
    )
    batch = models.IntegerField()
    duration_ms = models.IntegerField(null=True, blank=True)
    error_message = models.TextField(null=True, blank=True)
    checksum = models.CharField(max_length=64, null=True, blank=True)
    started_at = models.DateTimeField(default=timezone.now, db_default=Now())
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "migrations_history"
        verbose_name = "migration run"
        constraints = [
            models.CheckConstraint(
                name="migrations_history_status_check",
                condition=models.Q(status__in=MigrationStatus.values),
            )
        ]
        indexes = [models.Index(fields=["name", "-started_at"], name="idx_migrations_history_name")]

    def __str__(self) -> str:
        return f"{self.name}: {self.get_status_display()}"
