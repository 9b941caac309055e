"""The queue of analyses."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from jobs.models.job import Job, States


class QueueStatus(models.TextChoices):
    """Where a job stands."""

    QUEUED = "queued", "queued"
    PROCESSING = "processing", "processing"
    COMPLETED = "completed", "completed"
    FAILED = "failed", "failed"
    RETRYING = "retrying", "retrying"
    CANCELLED = "cancelled", "cancelled"


class ProcessingJob(Job):
    """One analysis of one image, to be done or done.

    ``parameters`` are those of ``imaging.analysis.Parameters``; empty means the default. Changes
    of status are guarded by ``validate_queue_status_transition()``, and
    ``follow_processing_queue()`` keeps the image's own status in step.
    """

    states: ClassVar[States] = States(
        ready=QueueStatus.QUEUED,
        running=QueueStatus.PROCESSING,
        done=QueueStatus.COMPLETED,
        failed=QueueStatus.FAILED,
        cancelled=QueueStatus.CANCELLED,
        retrying=QueueStatus.RETRYING,
    )

    status = models.CharField(
        max_length=20,
        choices=QueueStatus.choices,
        default=QueueStatus.QUEUED,
        db_default=QueueStatus.QUEUED,
    )
    image = models.ForeignKey(
        "imaging.Image", on_delete=models.CASCADE, related_name="jobs", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name="asked for by",
    )
    parameters = models.JSONField(
        default=dict, db_default=models.Value({}, models.JSONField()), blank=True
    )

    class Meta(Job.Meta):
        db_table = "processing_queue"
        verbose_name = "job"
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                name="processing_queue_status_check",
                condition=models.Q(status__in=QueueStatus.values),
            ),
        ]

    def __str__(self) -> str:
        return f"analysis {self.pk}"
