"""Results that need not be computed again: what is kept, and clearing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.asked import checked
from config.api.filters import FilterSet, KeyFilter, MomentFilter, TextFilter
from config.api.views import Listed, RowViewSet
from imaging.actions import cache
from imaging.api.declared import READ_RESULTS, WRITE_RESULTS
from imaging.api.fields import MomentField, RowSerializer, key_field
from imaging.models import AnalysisCacheEntry

_VIEW = "imaging.view_analysiscacheentry"


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Kept result",
            {
                "id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e13",
                "cache_key": "9f86d081…:5f1c5f1c…",
                "image_id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e10",
                "analysis_id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e11",
                "algorithm_fingerprint": "5f1c" * 16,
                "hit_count": 3,
                "size_bytes": 9120,
                "last_accessed_at": "2026-11-21T15:00:00.000000Z",
                "created_at": "2026-11-21T14:05:01.502113Z",
                "expires_at": "2026-12-21T14:05:01.502113Z",
            },
            response_only=True,
        )
    ]
)
class CachedResultSerializer(RowSerializer[AnalysisCacheEntry]):
    """A result that is kept; what it found is read where it is in force."""

    image_id = key_field()
    analysis_id = key_field(allow_null=True)

    class Meta:
        model = AnalysisCacheEntry
        fields = (
            "id",
            "cache_key",
            "image_id",
            "analysis_id",
            "algorithm_fingerprint",
            "hit_count",
            "size_bytes",
            "last_accessed_at",
            "created_at",
            "expires_at",
        )
        read_only_fields = fields


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Figures",
            {
                "entries": 812,
                "expired": 3,
                "hit_count": 2210,
                "size_bytes": 7405440,
                "oldest_created_at": "2026-10-22T08:00:00.000000Z",
                "last_accessed_at": "2026-11-21T15:00:00.000000Z",
            },
            response_only=True,
        )
    ]
)
class CacheStatisticsSerializer(serializers.Serializer[Any]):
    """What is kept, summed up."""

    entries = serializers.IntegerField()
    expired = serializers.IntegerField(help_text="Of them, those that count no longer.")
    hit_count = serializers.IntegerField(help_text="How often one saved an analysis.")
    size_bytes = serializers.IntegerField()
    oldest_created_at = MomentField(allow_null=True)
    last_accessed_at = MomentField(allow_null=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample("What would go", {"older_than_days": 14, "dry_run": True}, request_only=True)
    ]
)
class CleanUpSerializer(serializers.Serializer[Any]):
    """What is to go beside what has expired."""

    older_than_days = serializers.IntegerField(
        required=False, min_value=0, max_value=36_500, help_text="Not used for so many days."
    )
    max_entries = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=1_000_000_000,
        help_text="Keep at most so many; without it, the setting analysis_cache_max_entries.",
    )
    dry_run = serializers.BooleanField(default=False, help_text="Only say what would go.")


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Cleaned",
            {
                "expired": 3,
                "older": 40,
                "least_recently_used": 0,
                "rows": 43,
                "bytes": 392160,
                "rows_left": 769,
                "bytes_left": 7013280,
            },
            response_only=True,
        )
    ]
)
class CleanedSerializer(serializers.Serializer[Any]):
    """What went, by reason, and what is left."""

    expired = serializers.IntegerField()
    older = serializers.IntegerField()
    least_recently_used = serializers.IntegerField()
    rows = serializers.IntegerField()
    bytes = serializers.IntegerField()
    rows_left = serializers.IntegerField()
    bytes_left = serializers.IntegerField()


class CachedResultFilters(FilterSet):
    """Filters of the list."""

    image_id = KeyFilter()
    algorithm_fingerprint = TextFilter()
    used_before = MomentFilter(field_name="last_accessed_at", lookup_expr="lt")
    expires_before = MomentFilter(field_name="expires_at", lookup_expr="lt")

    class Meta:
        model = AnalysisCacheEntry
        fields: ClassVar[list[str]] = []


class CachedResultViewSet(Listed, RowViewSet):
    """Results kept so that the same analysis of the same bytes is not computed twice."""

    tag = "Cached results"
    queryset = AnalysisCacheEntry.objects.all()
    serializer_class = CachedResultSerializer
    filterset_class = CachedResultFilters
    # idx_analysis_cache_last_accessed_at
    orders: ClassVar[Mapping[str, Sequence[str]]] = {
        "used": ("-last_accessed_at", "-pk"),
        "unused": ("last_accessed_at", "pk"),
    }
    permission: ClassVar[Mapping[str, str]] = {
        "list": _VIEW,
        "statistics": _VIEW,
        "clean_up": "imaging.delete_analysiscacheentry",  # no role but the admin's
    }
    scope: ClassVar[Mapping[str, str]] = {
        "list": READ_RESULTS,
        "statistics": READ_RESULTS,
        "clean_up": WRITE_RESULTS,
    }
    # Each batch is a transaction of its own, and repeating does no harm.
    never_repeated: ClassVar[frozenset[str]] = frozenset({"clean_up"})

    def get_queryset(self) -> QuerySet[AnalysisCacheEntry]:
        """Without the results themselves."""
        return AnalysisCacheEntry.objects.defer("cached_result")

    @extend_schema(responses=CacheStatisticsSerializer)
    @action(detail=False)
    def statistics(self, request: Request) -> Response:
        """How much is kept, and how often it was of use."""
        found = AnalysisCacheEntry.objects.aggregate(
            entries=Count("pk"),
            expired=Count("pk", filter=Q(expires_at__lte=timezone.now())),
            hits=Sum("hit_count"),
            bytes=Sum("size_bytes"),
            oldest_created_at=Min("created_at"),
            last_accessed_at=Max("last_accessed_at"),
        )
        told = found | {"hit_count": found["hits"] or 0, "size_bytes": found["bytes"] or 0}
        return Response(CacheStatisticsSerializer(told).data)

    @extend_schema(request=CleanUpSerializer, responses={200: CleanedSerializer})
    @action(detail=False, methods=["post"], url_path="clean-up", url_name="clean-up")
    def clean_up(self, request: Request) -> Response:
        """Remove what has expired, what was long not used, and what is too much; admins only."""
        asked = checked(CleanUpSerializer(data=request.data))
        days: int | None = asked.get("older_than_days")
        cleaned = cache.clean_up(
            older_than=None if days is None else timedelta(days=days),
            max_entries=asked.get("max_entries"),
            dry_run=asked["dry_run"],
        )
        return Response(cleaned.as_dict())
