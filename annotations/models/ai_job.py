"""Jobs that ask a provider what is in an image."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from database.encryption.fields import EncryptedJSONField
from database.fields import UpdatedAtField
from jobs.models.job import Job, States


class AiJobStatus(models.TextChoices):
    """Where a job stands."""

    PENDING = "pending", "pending"
    PROCESSING = "processing", "processing"
    COMPLETED = "completed", "completed"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"


class AiAnnotationJob(Job):
    """One question to one provider about one image, or to those that stand in for it.

    ``provider`` is who is asked first, and after the job who answered. ``request_payload`` says
    what was asked (never the picture), ``response_payload`` what came back; with the setting
    ``encrypt_ai_payloads`` both stand encrypted in ``sealed_payloads`` instead. ``hold_id`` is the
    money that is set aside for the call under way.
    """

    hidden_columns: ClassVar[frozenset[str]] = frozenset({"sealed_payloads"})
    audit_noun: ClassVar[str] = "job"
    states: ClassVar[States] = States(
        ready=AiJobStatus.PENDING,
        running=AiJobStatus.PROCESSING,
        done=AiJobStatus.COMPLETED,
        failed=AiJobStatus.FAILED,
        cancelled=AiJobStatus.CANCELLED,
    )

    status = models.CharField(
        max_length=20,
        choices=AiJobStatus.choices,
        default=AiJobStatus.PENDING,
        db_default=AiJobStatus.PENDING,
    )
    image = models.ForeignKey(
        "imaging.Image", on_delete=models.CASCADE, related_name="ai_jobs", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name="asked for by",
    )
    provider = models.CharField(max_length=40, default="local", db_default="local")
    model = models.CharField(max_length=120, blank=True, default="", db_default="")
    # Who is asked when the first one cannot answer, in this order; empty: nobody.
    fallbacks = models.JSONField(
        default=list, db_default=models.Value([], models.JSONField()), blank=True
    )
    request_payload = models.JSONField(
        default=dict, db_default=models.Value({}, models.JSONField()), blank=True
    )
    response_payload = models.JSONField(null=True, blank=True)
    sealed_payloads = EncryptedJSONField(null=True, editable=False)
    batch_job = models.ForeignKey(
        "annotations.BatchJob",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="ai_jobs",
        db_index=False,
    )
    hold_id = models.UUIDField(null=True, blank=True, editable=False)
    from_cache = models.BooleanField(default=False, db_default=False, editable=False)
    box_count = models.IntegerField(null=True, blank=True, editable=False)
    cost = models.DecimalField(
        max_digits=14, decimal_places=6, null=True, blank=True, editable=False
    )
    response_time_ms = models.IntegerField(null=True, blank=True, editable=False)
    error_code = models.CharField(max_length=40, blank=True, default="", db_default="")
    updated_at = UpdatedAtField()

    class Meta(Job.Meta):
        db_table = "ai_annotation_jobs"
        verbose_name = "AI job"
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                name="ai_annotation_jobs_status_check",
                condition=models.Q(status__in=AiJobStatus.values),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} job {self.pk}"
