"""Measuring the system itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db import connection
from django.utils import timezone

from database import system_settings
from database.actor import acting_as_system
from monitoring.models import MetricType, PerformanceMetric

_LARGEST = 99_999_999_999.0


class Measured(NamedTuple):
    """One figure."""

    name: str
    kind: MetricType
    value: float
    unit: str


def note(measured: Sequence[Measured], *, labels: dict[str, str] | None = None) -> None:
    """Write figures down, in the caller's transaction if there is one."""
    with acting_as_system():
        PerformanceMetric.objects.bulk_create(
            PerformanceMetric(
                metric_name=one.name,
                metric_type=one.kind,
                value=Decimal(repr(round(max(-_LARGEST, min(one.value, _LARGEST)), 4))),
                unit=one.unit,
                labels=labels or {},
            )
            for one in measured
        )


def forget_old(*, dry_run: bool = False) -> int:
    """Delete measurements that are older than ``performance_metric_days``; returns how many."""
    before = timezone.now() - timedelta(days=system_settings.get("performance_metric_days"))
    old = PerformanceMetric.objects.filter(recorded_at__lt=before)
    if dry_run:
        return old.count()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM performance_metrics WHERE recorded_at < %s", [before])
        return int(cursor.rowcount)
