"""One step that was taken, as the view ``audit_log`` shows it."""

from __future__ import annotations

from typing import Any

from django.db import models


class Entry(models.Model):
    """An entry of the audit log. The table behind the view refuses every change by trigger.

    Written by ``audit.recording.record``, by ``audits.record()`` and by the trigger
    ``log_audit_event()`` of guarded tables.
    """

    class Outcome(models.TextChoices):
        """How it ended."""

        SUCCESS = "success", "success"
        FAILURE = "failure", "failure"
        PARTIAL = "partial", "partial"

    entry_id = models.UUIDField(primary_key=True)
    id = models.BigIntegerField("number")
    created_at = models.DateTimeField("when")
    actor_id = models.UUIDField("who", null=True)
    action = models.TextField()
    resource_type = models.TextField(null=True)
    resource_id = models.TextField(null=True)
    outcome = models.TextField(choices=Outcome.choices)
    duration_ms = models.IntegerField("duration (ms)", null=True)
    ip_address = models.GenericIPAddressField("address", null=True)
    user_agent = models.TextField("browser", null=True)
    source = models.TextField(null=True)
    request_id = models.TextField(null=True)
    job_id = models.TextField(null=True)
    changes_before: models.JSONField[Any, Any] = models.JSONField(null=True)
    changes_after: models.JSONField[Any, Any] = models.JSONField(null=True)
    details: models.JSONField[Any, Any] = models.JSONField(null=True)
    error_message = models.TextField(null=True)
    payload = models.TextField()
    personal = models.BinaryField(null=True)
    leaf = models.BinaryField()
    xid = models.BigIntegerField()
    prev_hash = models.BinaryField(null=True)

    class Meta:
        managed = False
        db_table = "audit_log"
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.action} #{self.id}"
