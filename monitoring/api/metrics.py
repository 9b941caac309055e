"""How fast the system itself is (``performance_metrics``): figures, and windows of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

import django_filters
from django.db import connection
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.examples import answer
from config.api.filters import FilterSet, MomentFilter, TextFilter
from config.api.views import Listed, RowViewSet
from monitoring.api import examples
from monitoring.api.declared import READ_METRICS
from monitoring.api.fields import MomentField, NumberField, ObjectField, RowSerializer
from monitoring.models import MetricType, PerformanceMetric

_MOST_WINDOWS: Final = 1000
_MOST_ROWS: Final = 10_000
_LONGEST_WINDOW: Final = 31 * 86_400
_BY_WINDOW: Final = """
SELECT window_start, metric_name, metric_type, unit, labels, sample_count, value, lowest, highest,
    percentile_p50, percentile_p95, percentile_p99
FROM aggregate_performance_metrics(make_interval(secs => %s), %s, %s)
WHERE %s = '' OR metric_name = %s
LIMIT %s
"""


@answer("A fit", examples.METRIC)
class PerformanceMetricSerializer(RowSerializer[PerformanceMetric]):
    """One measurement, or the summary of several."""

    metric_type = serializers.ChoiceField(choices=MetricType.choices, read_only=True)
    labels = ObjectField(read_only=True)
    sample_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = PerformanceMetric
        fields = tuple(examples.METRIC)
        read_only_fields = fields


class MetricWindowSerializer(serializers.Serializer[Any]):
    """The measurements of one name and its labels in one window."""

    window_start = MomentField()
    metric_name = serializers.CharField()
    metric_type = serializers.ChoiceField(choices=MetricType.choices)
    unit = serializers.CharField(allow_blank=True)
    labels = ObjectField()
    sample_count = serializers.IntegerField()
    value = NumberField(help_text="The mean.")
    lowest = NumberField()
    highest = NumberField()
    percentile_p50 = NumberField()
    percentile_p95 = NumberField()
    percentile_p99 = NumberField()


@answer("An hour", examples.METRIC_WINDOWS)
class MetricWindowsSerializer(serializers.Serializer[Any]):
    """Windows in order, and by name in each."""

    since = MomentField()
    until = MomentField()
    window_seconds = serializers.IntegerField()
    results = MetricWindowSerializer(many=True)


class _WindowsQuery(serializers.Serializer[Any]):
    window_seconds = serializers.IntegerField(min_value=1, max_value=_LONGEST_WINDOW, default=3600)
    metric_name = serializers.CharField(max_length=255, default="")


class PerformanceMetricFilters(FilterSet):
    """Filters of the list of measurements."""

    metric_name = TextFilter()
    metric_type = django_filters.ChoiceFilter(choices=MetricType.choices)
    since = MomentFilter(field_name="recorded_at", lookup_expr="gte")
    until = MomentFilter(field_name="recorded_at", lookup_expr="lt")

    class Meta:
        model = PerformanceMetric
        fields: ClassVar[list[str]] = []


class PerformanceMetricViewSet(Listed, RowViewSet):
    """How fast the system itself is."""

    tag = "Monitoring"
    queryset = PerformanceMetric.objects.all()
    serializer_class = PerformanceMetricSerializer
    filterset_class = PerformanceMetricFilters
    orders: ClassVar[Mapping[str, Sequence[str]]] = {
        "newest": ("-recorded_at", "-pk"),
        "oldest": ("recorded_at", "pk"),
    }
    query_parameters: ClassVar[Mapping[str, Sequence[str]]] = {
        "by_window": ("window_seconds", "metric_name", "since", "until")
    }
    permission = "monitoring.view_performancemetric"
    scope = READ_METRICS

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "window_seconds",
                {"type": "integer", "minimum": 1, "maximum": _LONGEST_WINDOW, "default": 3600},
                description="How long a window is.",
            ),
            OpenApiParameter("metric_name", str, description="One name; left out: all."),
            OpenApiParameter("since", OpenApiTypes.DATETIME, description="A day before `until`."),
            OpenApiParameter("until", OpenApiTypes.DATETIME, description="Left out: now."),
        ],
        responses=MetricWindowsSerializer,
    )
    @action(detail=False, url_path="by-window")
    def by_window(self, request: Request) -> Response:
        """How many, mean, range and percentiles of each measurement by window of time.

        At most 1,000 windows, and the first 10,000 rows of them.
        """
        asked = request.query_params.dict()
        moments = _moments({name: asked.pop(name) for name in ("since", "until") if name in asked})
        query = _WindowsQuery(data=asked)
        query.is_valid(raise_exception=True)
        seconds: int = query.validated_data["window_seconds"]
        until = moments.get("until") or timezone.now()
        since = moments.get("since") or until - timedelta(days=1)
        if not timedelta(0) < until - since <= _MOST_WINDOWS * timedelta(seconds=seconds):
            raise serializers.ValidationError(
                {"until": [f"It lies after since, by at most {_MOST_WINDOWS:,} windows."]}
            )
        rows = _rows(seconds, since, until, query.validated_data["metric_name"])
        told = {"since": since, "until": until, "window_seconds": seconds, "results": rows}
        return Response(MetricWindowsSerializer(told).data)


def _moments(asked: dict[str, str]) -> dict[str, datetime]:
    """The moments as the filters of the list read them."""
    filters = PerformanceMetricFilters(data=asked, queryset=PerformanceMetric.objects.none())
    if not filters.is_valid():
        raise serializers.ValidationError(filters.errors)
    found: dict[str, datetime] = filters.form.cleaned_data
    return {name: moment for name, moment in found.items() if name in asked}


def _rows(seconds: int, since: datetime, until: datetime, name: str) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(_BY_WINDOW, [seconds, since, until, name, name, _MOST_ROWS])
        columns = [column.name for column in cursor.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
