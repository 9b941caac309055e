"""The queue of monitoring, which is also the record of what was done with a dataset."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from jobs.models.job import Job, States
from monitoring.querysets import AnalysisQuerySet


class AnalysisType(models.TextChoices):
    """What is done with the file."""

    FIT = "fit", "make a map"
    PLACE = "place", "place samples"


class AnalysisStatus(models.TextChoices):
    """Where an analysis stands."""

    PENDING = "pending", "pending"
    PROCESSING = "processing", "processing"
    COMPLETED = "completed", "completed"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"


class Analysis(Job):
    """One file of a dataset, made a map of or placed on its map.

    ``user`` is the dataset's owner, for whom the job runs (``take_owner()`` fills it in);
    ``created_by`` asked for it. ``config`` are the parameters of a fit. ``dinsight`` is the map: of
    a fit, once it is made; of a placing, from the start. ``alarm_level`` is that of a placing, by
    default its map's. ``results`` are figures, see docs/monitoring.md. Changes of status are
    guarded by ``validate_analysis_transition()``; what it is about never changes
    (``keep_analysis()``).
    """

    audit_noun: ClassVar[str] = "job"
    states: ClassVar[States] = States(
        ready=AnalysisStatus.PENDING,
        running=AnalysisStatus.PROCESSING,
        done=AnalysisStatus.COMPLETED,
        failed=AnalysisStatus.FAILED,
        cancelled=AnalysisStatus.CANCELLED,
    )

    dataset = models.ForeignKey(
        "monitoring.Dataset", on_delete=models.CASCADE, related_name="analyses", db_index=False
    )
    file_upload = models.ForeignKey(
        "ingestion.FileUpload", on_delete=models.RESTRICT, related_name="analyses", db_index=False
    )
    dinsight = models.ForeignKey(
        "monitoring.BaselineMap",
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        related_name="analyses",
        db_index=False,
        verbose_name="map",
    )
    analysis_type = models.CharField(max_length=50, choices=AnalysisType.choices)
    status = models.CharField(
        max_length=50,
        choices=AnalysisStatus.choices,
        default=AnalysisStatus.PENDING,
        db_default=AnalysisStatus.PENDING,
    )
    results = models.JSONField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_column="created_by",
        db_index=False,
        verbose_name="asked for by",
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name="owner",
    )
    config = models.ForeignKey(
        "monitoring.MapConfig",
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name="parameters",
    )
    alarm_level = models.FloatField(null=True, blank=True)

    objects = AnalysisQuerySet.as_manager()  # type: ignore[misc] # of Job, in its own way

    class Meta(Job.Meta):
        db_table = "analyses"
        verbose_name_plural = "analyses"
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                name="analyses_status_check",
                condition=models.Q(status__in=AnalysisStatus.values),
            ),
            models.CheckConstraint(
                name="analyses_analysis_type_check",
                condition=models.Q(analysis_type__in=AnalysisType.values),
            ),
            # A completed analysis has its map and says what came out.
            models.CheckConstraint(
                name="analyses_completed_check",
                condition=~models.Q(status=AnalysisStatus.COMPLETED)
                | models.Q(dinsight__isnull=False, results__isnull=False),
            ),
            models.CheckConstraint(
                name="analyses_alarm_level_check",
                condition=models.Q(alarm_level__isnull=True)
                | models.Q(alarm_level__gt=0, alarm_level__lt=1),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_analysis_type_display()} {self.pk}"
