"""How fast the system itself is."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from database.fields import KeyField


class MetricType(models.TextChoices):
    """What kind of figure it is."""

    DURATION = "duration", "duration"
    RATE = "rate", "rate"
    COUNT = "count", "count"
    GAUGE = "gauge", "gauge"


def _figure() -> models.DecimalField[Decimal | None, Decimal | None]:
    return models.DecimalField(max_digits=15, decimal_places=4, null=True, blank=True)


class PerformanceMetric(models.Model):
    """One measurement, or the summary of ``sample_count`` of them with their percentiles.

    Partitioned by month on ``recorded_at``; ``aggregate_performance_metrics()`` sums up by window
    of time. Added, never changed.
    """

    app_privileges: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "DELETE")
    audit_noun: ClassVar[str] = "performance_metric"

    id = KeyField()
    metric_name = models.CharField(max_length=255)
    metric_type = models.CharField(max_length=50, choices=MetricType.choices)
    value = models.DecimalField(max_digits=15, decimal_places=4)
    unit = models.CharField(max_length=50, blank=True, default="", db_default="")
    labels = models.JSONField(
        default=dict, db_default=models.Value({}, models.JSONField()), blank=True
    )
    context = models.JSONField(null=True, blank=True)
    recorded_at = models.DateTimeField(default=timezone.now, db_default=Now())
    sample_count = models.IntegerField(default=1, db_default=1)
    percentile_p50 = _figure()
    percentile_p95 = _figure()
    percentile_p99 = _figure()

    class Meta:
        db_table = "performance_metrics"
        verbose_name = "measurement"

    def __str__(self) -> str:
        return f"{self.metric_name} {self.value} {self.unit}".strip()
