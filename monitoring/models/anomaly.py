"""Samples that left the healthy region."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from database.fields import CreatedAtField, KeyField
from monitoring.querysets import AnomalyQuerySet


class AnomalySeverity(models.TextChoices):
    """How bad it is; each implies those before it."""

    LOW = "low", "low"
    MEDIUM = "medium", "medium"
    HIGH = "high", "high"
    CRITICAL = "critical", "critical"


class Anomaly(models.Model):
    """A sample whose p-value is at most the alarm level.

    ``distance`` is its score and ``threshold`` the largest one that is healthy at this level;
    ``ratio`` is the score over the largest healthy one. ``features``: the ten that deviate most,
    ``[{"name", "value", "deviation"}, ...]``, the deviation in healthy standard deviations.
    ``metadata`` are the texts of the sample's other columns by name. ``process_order`` is its
    number on its map, ``file_row`` its row in the file, ``x``, ``y`` its place.

    Partitioned by month on ``timestamp``, the moment of the judgement. Only the three fields of the
    acknowledgement change (``keep_anomaly()``), and they stand together.
    """

    app_privileges: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE")
    audit_noun: ClassVar[str] = "anomaly"

    id = KeyField()
    # The application deletes none: they go with their analysis, which the database sees to.
    analysis = models.ForeignKey(
        "monitoring.Analysis", on_delete=models.DO_NOTHING, related_name="anomalies", db_index=False
    )
    dataset = models.ForeignKey(
        "monitoring.Dataset", on_delete=models.DO_NOTHING, related_name="anomalies", db_index=False
    )
    timestamp = models.DateTimeField(default=timezone.now, db_default=Now())
    severity = models.CharField(max_length=20, choices=AnomalySeverity.choices)
    distance = models.FloatField()
    threshold = models.FloatField()
    features = models.JSONField()
    metadata = models.JSONField(null=True, blank=True)
    acknowledged = models.BooleanField(default=False, db_default=False)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_column="acknowledged_by",
        db_index=False,
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    created_at = CreatedAtField()

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name="owner",
    )
    process_order = models.IntegerField(null=True, blank=True)
    file_row = models.IntegerField(null=True, blank=True)
    p_value = models.FloatField(null=True, blank=True)
    ratio = models.FloatField(null=True, blank=True)
    off_map = models.BooleanField(default=False, db_default=False)
    x = models.FloatField(null=True, blank=True)
    y = models.FloatField(null=True, blank=True)

    objects = AnomalyQuerySet.as_manager()

    class Meta:
        db_table = "anomalies"
        verbose_name_plural = "anomalies"

    def __str__(self) -> str:
        return f"{self.severity} at {self.timestamp:%Y-%m-%d %H:%M}"
