"""What an analysis found: the result in force, and those it replaced."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now

from database.fields import CreatedAtField, KeyField, UpdatedAtField


class _Findings(models.Model):
    """The columns of a result, in force or not."""

    algorithm_version = models.CharField(max_length=50)
    algorithm_parameters = models.JSONField(
        default=dict, db_default=models.Value({}, models.JSONField())
    )
    algorithm_fingerprint = models.TextField(default="", db_default="", editable=False)
    negative_space_data = models.JSONField(
        default=dict, db_default=models.Value({}, models.JSONField())
    )
    anomalies = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    confidence_score = models.DecimalField(
        max_digits=5,
        decimal_places=4,
        null=True,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
    )
    processing_time_ms = models.IntegerField(null=True)
    quality_metrics = models.JSONField(
        default=dict, db_default=models.Value({}, models.JSONField())
    )
    visualization_path = models.CharField(max_length=1024, null=True, blank=True)
    notes = models.TextField(null=True, blank=True)
    from_cache = models.BooleanField(default=False, db_default=False, editable=False)
    job_id = models.UUIDField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True


class AnalysisResult(_Findings):
    """The result in force of one image.

    ``archive_analysis_result()`` copies what an update or a deletion replaces to the history.
    Lengths in ``negative_space_data`` are source pixels; ``imaging.analysis`` says what each is.
    """

    audit_noun: ClassVar[str] = "result"

    id = KeyField()
    image = models.OneToOneField(
        "imaging.Image", on_delete=models.CASCADE, related_name="analysis_result"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name="run by",
    )
    created_at = CreatedAtField()
    updated_at = UpdatedAtField()

    class Meta:
        db_table = "analysis_results"
        constraints = [
            models.CheckConstraint(
                name="analysis_results_confidence_score_check",
                condition=models.Q(confidence_score__gte=0, confidence_score__lte=1),
            ),
            models.CheckConstraint(
                name="analysis_results_processing_time_ms_check",
                condition=models.Q(processing_time_ms__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.algorithm_version} of {self.image_id}"


class AnalysisResultHistory(_Findings):
    """A result that another replaced; written by trigger alone, never changed."""

    app_privileges = ("SELECT",)
    audit_noun: ClassVar[str] = "earlier_result"

    id = KeyField()
    result_id = models.UUIDField()
    image = models.ForeignKey(
        "imaging.Image",
        on_delete=models.CASCADE,
        related_name="earlier_results",
        db_index=False,
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    superseded_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "analysis_results_history"
        verbose_name = "earlier result"

    def __str__(self) -> str:
        return f"{self.algorithm_version} of {self.image_id}, until {self.superseded_at:%Y-%m-%d}"
