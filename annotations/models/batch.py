"""Work on thousands of images at once."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from database.fields import CreatedAtField, KeyField
from jobs.models.job import Job, States


class BatchStatus(models.TextChoices):
    """Where a batch stands."""

    PENDING = "pending", "pending"
    PROCESSING = "processing", "processing"
    COMPLETED = "completed", "completed"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"


class BatchType(models.TextChoices):
    """What is done with each image or annotation."""

    ANNOTATE = "annotate", "annotate by AI"
    APPROVE = "approve", "approve"
    REJECT = "reject", "reject"
    WARM_CACHE = "warm_cache", "ask ahead"
    RECALIBRATE = "recalibrate", "recalibrate"
    IMPORT = "import", "import"


class BatchJob(Job):
    """One batch: what is to be done, with what, and how far it has come.

    ``parameters`` name the selection and the options; ``item_count``, ``done_count`` and
    ``error_count`` count images or annotations, errors by image stand in ``batch_job_errors``.
    ``resume_after`` is the key of the last item that was done: a batch that stopped goes on there.
    """

    audit_noun: ClassVar[str] = "job"
    states: ClassVar[States] = States(
        ready=BatchStatus.PENDING,
        running=BatchStatus.PROCESSING,
        done=BatchStatus.COMPLETED,
        failed=BatchStatus.FAILED,
        cancelled=BatchStatus.CANCELLED,
    )

    status = models.CharField(
        max_length=20,
        choices=BatchStatus.choices,
        default=BatchStatus.PENDING,
        db_default=BatchStatus.PENDING,
    )
    job_type = models.CharField(max_length=40, choices=BatchType.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name="asked for by",
    )
    parameters = models.JSONField(
        default=dict, db_default=models.Value({}, models.JSONField()), blank=True
    )
    item_count = models.IntegerField(null=True, blank=True, editable=False)
    done_count = models.IntegerField(default=0, db_default=0, editable=False)
    error_count = models.IntegerField(default=0, db_default=0, editable=False)
    resume_after = models.UUIDField(null=True, blank=True, editable=False)

    class Meta(Job.Meta):
        db_table = "batch_jobs"
        verbose_name = "batch"
        verbose_name_plural = "batches"
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                name="batch_jobs_status_check",
                condition=models.Q(status__in=BatchStatus.values),
            ),
            models.CheckConstraint(
                name="batch_jobs_item_counts_check",
                condition=models.Q(done_count__gte=0, error_count__gte=0),
            ),
        ]

    def __str__(self) -> str:
        asked_at = timezone.localtime(self.created_at)
        return f"{self.get_job_type_display()}, {asked_at:%Y-%m-%d %H:%M}"


class BatchJobError(models.Model):
    """What went wrong with one item of a batch."""

    id = KeyField()
    job = models.ForeignKey(
        BatchJob, on_delete=models.CASCADE, related_name="errors", db_index=False
    )
    image_id = models.UUIDField(null=True, blank=True)
    annotation_id = models.UUIDField(null=True, blank=True)
    error_code = models.CharField(max_length=40, blank=True, default="", db_default="")
    error_message = models.TextField()
    created_at = CreatedAtField()

    class Meta:
        db_table = "batch_job_errors"
        verbose_name = "error of a batch"
        verbose_name_plural = "errors of batches"

    def __str__(self) -> str:
        return self.error_message[:80]
