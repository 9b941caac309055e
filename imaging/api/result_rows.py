"""Results as programs see them, and by what a list of them can be narrowed."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import django_filters
from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from config.api.filters import (
    FilterSet,
    KeyFilter,
    MomentFilter,
    NumberFilter,
    TextFilter,
    TruthFilter,
)
from imaging.actions.images import LONGEST_NOTE
from imaging.api.fields import ListField, ObjectField, RowSerializer, key_field, share_field
from imaging.models import AnalysisResult, AnalysisResultHistory

_ID: Final = "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e11"
_AT: Final = "2026-11-21T14:05:01.502113Z"
_ANOMALY: Final[dict[str, Any]] = {
    "code": "blurred",
    "severity": "info",
    "value": 11.2,
    "limit": 20.0,
}
EXAMPLE: Final[dict[str, Any]] = {
    "id": _ID,
    "image_id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e10",
    "user_id": "01936f00-0000-7000-8000-000000000001",
    "algorithm_version": "ns-1",
    "algorithm_fingerprint": "5f1c" * 16,
    "confidence_score": 0.9312,
    "void_ratio": 0.6241,
    "anomaly_count": 1,
    "processing_time_ms": 184,
    "from_cache": False,
    "job_id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e12",
    "created_at": _AT,
    "updated_at": _AT,
}
_DETAIL: Final = {
    **{name: value for name, value in EXAMPLE.items() if name != "void_ratio"},
    "algorithm_parameters": {"method": "mbd", "working_edge": 2048},
    "negative_space_data": {"void_ratio": 0.6241, "figure_count": 3, "hole_count": 1},
    "anomalies": [_ANOMALY],
    "quality_metrics": {"separability": 0.83, "stability": 0.97},
    "notes": "Outline checked by eye.",
}


class _FindingsSerializer(RowSerializer[Any]):
    """The columns that a result in force and an earlier one have in common, figures left out."""

    image_id = key_field()
    user_id = key_field(help_text="For whom the analysis ran.")
    confidence_score = share_field(help_text="Expected overlap with the true figure, 0 to 1.")
    void_ratio = serializers.SerializerMethodField(help_text="Share of the picture that is ground.")
    anomaly_count = serializers.IntegerField(read_only=True)

    def get_void_ratio(self, result: Any) -> float | None:
        """The share, read as text: plain SQL can store numbers that no float holds."""
        try:
            share = float(result.void_text)
        except (TypeError, ValueError):
            return None
        return share if 0 <= share <= 1 else None


_SLIM: Final = (
    "id",
    "image_id",
    "user_id",
    "algorithm_version",
    "algorithm_fingerprint",
    "confidence_score",
    "void_ratio",
    "anomaly_count",
    "processing_time_ms",
    "from_cache",
    "job_id",
    "created_at",
    "updated_at",
)
_FULL: Final = (
    *(name for name in _SLIM if name != "void_ratio"),
    "algorithm_parameters",
    "negative_space_data",
    "anomalies",
    "quality_metrics",
    "notes",
)


@extend_schema_serializer(examples=[OpenApiExample("Result", EXAMPLE, response_only=True)])
class ResultSerializer(_FindingsSerializer):
    """The result in force of an image, in a list."""

    class Meta:
        model = AnalysisResult
        fields = _SLIM
        read_only_fields = fields


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Earlier result",
            EXAMPLE | {"result_id": _ID, "superseded_at": "2026-11-21T15:00:00.000000Z"},
            response_only=True,
        )
    ]
)
class EarlierResultSerializer(_FindingsSerializer):
    """A result that another replaced, in a list."""

    class Meta:
        model = AnalysisResultHistory
        fields = (*_SLIM, "result_id", "superseded_at")
        read_only_fields = fields


class _DetailSerializer(_FindingsSerializer):
    """Everything that was found; lengths in ``negative_space_data`` are pixels of the original."""

    void_ratio = None  # type: ignore[assignment] # stands in negative_space_data
    anomaly_count = serializers.SerializerMethodField()  # type: ignore[assignment] # counted here
    algorithm_parameters = ObjectField(read_only=True)
    negative_space_data = ObjectField(
        read_only=True, help_text="Every figure; lengths are pixels of the original."
    )
    anomalies = ListField(read_only=True)
    quality_metrics = ObjectField(read_only=True)

    def get_anomaly_count(self, result: Any) -> int:
        """How many there are."""
        return len(result.anomalies) if isinstance(result.anomalies, list) else 0


@extend_schema_serializer(examples=[OpenApiExample("Result", _DETAIL, response_only=True)])
class ResultDetailSerializer(_DetailSerializer):
    """The result in force of an image."""

    class Meta:
        model = AnalysisResult
        fields = _FULL
        read_only_fields = fields


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Earlier result",
            _DETAIL | {"result_id": _ID, "superseded_at": "2026-11-21T15:00:00.000000Z"},
            response_only=True,
        )
    ]
)
class EarlierResultDetailSerializer(_DetailSerializer):
    """A result that another replaced."""

    class Meta:
        model = AnalysisResultHistory
        fields = (*_FULL, "result_id", "superseded_at")
        read_only_fields = fields


class AnomalySerializer(serializers.Serializer[Any]):
    """One thing a reviewer should know about a result, in words."""

    code = serializers.CharField()
    severity = serializers.CharField(help_text="`critical`, `warning` or `info`.")
    title = serializers.CharField()
    meaning = serializers.CharField(help_text="Empty for a code that is not known here.")
    advice = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    limit = serializers.FloatField(allow_null=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Anomalies",
            {
                "results": [
                    _ANOMALY
                    | {
                        "title": "The picture is soft",
                        "meaning": "Edges are wide, so the border may lie a few pixels off.",
                        "advice": "Hand in a sharper picture if the exact border matters.",
                    }
                ]
            },
            response_only=True,
        )
    ]
)
class AnomalyListSerializer(serializers.Serializer[Any]):
    """The anomalies of a result, the gravest first."""

    results = AnomalySerializer(many=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Written",
            {
                "id": _ID,
                "image_id": EXAMPLE["image_id"],
                "notes": "Outline checked by eye.",
                "updated_at": _AT,
            },
            response_only=True,
        ),
    ]
)
class NoteSerializer(RowSerializer[AnalysisResult]):
    """The note on a result."""

    image_id = key_field()

    class Meta:
        model = AnalysisResult
        fields = ("id", "image_id", "notes", "updated_at")
        read_only_fields = fields


@extend_schema_serializer(
    examples=[OpenApiExample("Write", {"notes": "Outline checked by eye."}, request_only=True)]
)
class NoteToWriteSerializer(serializers.Serializer[Any]):
    """The note to be written; null or empty removes it."""

    notes = serializers.CharField(
        max_length=LONGEST_NOTE, allow_null=True, allow_blank=True, trim_whitespace=False
    )


class _FindingsFilters(FilterSet):
    """What lists of results have in common."""

    image_id = KeyFilter()
    user_id = KeyFilter(help_text="The key of the person for whom the analysis ran.")
    algorithm_version = TextFilter()
    min_confidence = NumberFilter(
        field_name="confidence_score", lookup_expr="gte", min_value=0, max_value=1
    )
    max_confidence = NumberFilter(
        field_name="confidence_score", lookup_expr="lte", min_value=0, max_value=1
    )
    has_anomalies = TruthFilter(field_name="anomalies", method="with_anomalies")
    severity = django_filters.ChoiceFilter(
        method="with_severity",
        choices=[("critical", "critical"), ("warning", "warning"), ("info", "info")],
        help_text="Results with an anomaly of this severity.",
    )
    from_cache = TruthFilter(help_text="Whether it was taken from the cache, not computed.")
    analysed_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    analysed_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    def with_anomalies(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """Those with anomalies, or those without."""
        none = Q(anomalies=[])
        return rows.filter(~none if value else none)

    def with_severity(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """By containment, which the index of ``anomalies`` answers."""
        return rows.filter(anomalies__contains=[{"severity": value}])


class ResultFilters(_FindingsFilters):
    """Filters of the list of results."""

    class Meta:
        model = AnalysisResult
        fields: ClassVar[list[str]] = []


class EarlierResultFilters(_FindingsFilters):
    """Filters of the list of earlier results."""

    class Meta:
        model = AnalysisResultHistory
        fields: ClassVar[list[str]] = []
