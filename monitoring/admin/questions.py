"""What the pages ask the tables, each with a bounded number of queries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDate
from django.http import HttpRequest

from config.admin.counting import Count as Counted
from config.admin.counting import count_rows
from monitoring.models import (
    Alert,
    AlertStatus,
    Analysis,
    AnalysisStatus,
    AnalysisType,
    Anomaly,
    BaselineMap,
    Dataset,
)

MOST_MAPS: Final = 50
_NAV_CAP: Final = 1000
_HEAVY: Final = ("baseline", "detector", "x_values", "y_values")


def maps_of(dataset_id: UUID) -> QuerySet[BaselineMap]:
    """The maps that were made for a dataset, the newest first, without their arrays and bytes."""
    fits = Analysis.objects.filter(
        dataset=dataset_id, analysis_type=AnalysisType.FIT, status=AnalysisStatus.COMPLETED
    )
    maps = BaselineMap.objects.filter(pk__in=fits.values("dinsight_id"))
    light = maps.defer(*_HEAVY).select_related("config", "file_upload")
    return light.order_by("-created_at", "-id")


def open_alerts() -> QuerySet[Alert]:
    """Alerts that are not over."""
    return Alert.objects.exclude(status=AlertStatus.RESOLVED)


def alerts_in_nav(request: HttpRequest) -> int:
    """How many alerts wait for somebody, counted to 1,000; for the navigation."""
    return Alert.objects.filter(status=AlertStatus.ACTIVE)[:_NAV_CAP].count()


def open_anomalies(dataset_id: UUID) -> Counted:
    """How many of a dataset nobody has seen, counted to 10,000."""
    return count_rows(Anomaly.objects.open().filter(dataset=dataset_id))


def datasets_named() -> list[tuple[str, str]]:
    """Keys and names of the active datasets, for choices; by name, at most 200."""
    rows = Dataset.objects.active().order_by("name", "id").values_list("pk", "name")
    return [(str(key), name) for key, name in rows[:200]]


def days(rows: QuerySet[Any], since: datetime, moment: str) -> dict[Any, dict[str, int]]:
    """Anomalies or alerts since a moment, counted by the day of ``moment`` and severity."""
    counted: Iterable[tuple[Any, str, int]] = (
        rows.filter(**{f"{moment}__gte": since})
        .order_by()
        .values(day=TruncDate(moment))
        .annotate(times=Count("pk"))
        .values_list("day", "severity", "times")
    )
    found: dict[Any, dict[str, int]] = {}
    for day, severity, times in counted:
        found.setdefault(day, {})[severity] = times
    return found
