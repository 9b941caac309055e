"""The documented reports, to read in pages: the same rows as in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

import django_filters
from rest_framework import serializers

from annotations.api.annotations import VIEW
from annotations.api.fields import EXAMPLE_BOX, BoxField
from annotations.api.report_rows import (
    AiJobStats,
    CacheStats,
    PendingAiAnnotation,
    ReviewerStats,
)
from annotations.api.rows import AT, COLLECTION, ID, IMAGE, PERSON, example
from annotations.models import AiJobStatus, ReviewStage
from config.api.filters import FilterSet, KeyFilter, NumberFilter, TextFilter
from config.api.views import Listed, RowViewSet
from imaging.api.declared import READ_REPORTS
from imaging.api.fields import ObjectField, RowSerializer

_LATER: Final = "2026-11-21T14:05:01.502113Z"


class _Report(Listed, RowViewSet):
    """A view of the database, read through the rights of the caller."""

    tag = "Reports"
    scope = READ_REPORTS
    permission = VIEW


@example(
    "Row",
    {
        "id": ID,
        "bounding_box": EXAMPLE_BOX,
        "image_dimensions": {"width": 4000, "height": 3000},
        "image_id": IMAGE,
        "label": "robin",
        "vision_confidence": 0.51,
        "calibrated_confidence": 0.43,
        "vision_provider": "local",
        "vision_model": "birds-3",
        "review_status": "pending",
        "review_stage": "final",
        "collection_id": COLLECTION,
        "created_at": AT,
        "file_name": "garden.jpg",
        "ai_job_id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e40",
        "job_status": "completed",
        "job_created_at": AT,
        "job_completed_at": _LATER,
    },
)
class PendingAiAnnotationSerializer(RowSerializer[PendingAiAnnotation]):
    """What AI proposed and nobody has decided on."""

    bounding_box = BoxField(read_only=True)
    image_dimensions = ObjectField(read_only=True)

    class Meta:
        model = PendingAiAnnotation
        fields = "__all__"


class PendingAiAnnotationFilters(FilterSet):
    """Filters of the report."""

    image_id = KeyFilter()
    collection_id = KeyFilter()
    vision_provider = TextFilter()
    label = TextFilter()
    review_stage = django_filters.ChoiceFilter(choices=ReviewStage.choices)
    max_confidence = NumberFilter(field_name="vision_confidence", lookup_expr="lte")

    class Meta:
        model = PendingAiAnnotation
        fields: ClassVar[list[str]] = []


class PendingAiAnnotationReport(_Report):
    """`pending_ai_annotations`: what AI proposed and waits, the least certain first."""

    queryset = PendingAiAnnotation._default_manager.all()
    serializer_class = PendingAiAnnotationSerializer
    filterset_class = PendingAiAnnotationFilters
    orders: ClassVar[Mapping[str, Sequence[str]]] = {"least_certain": ("vision_confidence", "pk")}


@example(
    "Row",
    {
        "provider": "local",
        "status": "completed",
        "job_count": 8123,
        "avg_duration_seconds": 0.412,
        "avg_response_time_ms": 184.1,
        "total_boxes": 15210,
        "total_cost": "0.000000",
        "first_job_at": AT,
        "last_job_at": _LATER,
    },
)
class AiJobStatsSerializer(RowSerializer[AiJobStats]):
    """The AI jobs of one provider and status."""

    total_cost = serializers.DecimalField(14, 6, allow_null=True, help_text="In US dollars.")

    class Meta:
        model = AiJobStats
        fields = "__all__"


class AiJobStatsFilters(FilterSet):
    """Filters of the report."""

    provider = TextFilter()
    status = django_filters.ChoiceFilter(choices=AiJobStatus.choices)

    class Meta:
        model = AiJobStats
        fields: ClassVar[list[str]] = []


class AiJobStatsReport(_Report):
    """`ai_job_stats`: AI jobs by provider and status, with how long they took and cost."""

    queryset = AiJobStats._default_manager.all()
    serializer_class = AiJobStatsSerializer
    filterset_class = AiJobStatsFilters
    orders: ClassVar[Mapping[str, Sequence[str]]] = {"provider": ("provider", "status")}


@example(
    "Row",
    {
        "reviewer_id": PERSON,
        "reviewer_email": "ada@example.org",
        "reviewer_name": "Ada Example",
        "total_reviews": 1204,
        "approved_count": 1011,
        "rejected_count": 193,
        "edited_count": 88,
        "reopened_count": 4,
        "avg_review_time_seconds": 2.31,
        "median_review_time_seconds": 1.9,
        "gold_count": 30,
        "gold_agreement": 0.9667,
        "spot_check_count": 51,
        "spot_check_agreement": 0.9412,
        "first_review_at": AT,
        "last_review_at": _LATER,
    },
)
class ReviewerStatsSerializer(RowSerializer[ReviewerStats]):
    """One reviewer's work."""

    class Meta:
        model = ReviewerStats
        fields = "__all__"


class ReviewerStatsFilters(FilterSet):
    """Filters of the report."""

    reviewer_id = KeyFilter()

    class Meta:
        model = ReviewerStats
        fields: ClassVar[list[str]] = []


class ReviewerStatsReport(_Report):
    """`reviewer_stats`: what each reviewer decided, how fast, how often others agreed.

    It judges people, so it is for those who say how is reviewed.
    """

    queryset = ReviewerStats._default_manager.all()
    serializer_class = ReviewerStatsSerializer
    filterset_class = ReviewerStatsFilters
    permission = "annotations.change_imagecollection"


@example(
    "Row",
    {
        "provider": "openai",
        "total_entries": 5210,
        "active_entries": 5100,
        "total_accesses": 2410,
        "cache_hit_potential": 31.63,
        "total_size_mb": 12.402,
        "avg_response_time_ms": 2140.5,
        "last_accessed_at": AT,
    },
)
class CacheStatsSerializer(RowSerializer[CacheStats]):
    """The answers of one provider that are kept."""

    class Meta:
        model = CacheStats
        fields = "__all__"


class CacheStatsReport(_Report):
    """`cache_stats`: the cache of providers' answers, and how often it answers."""

    queryset = CacheStats._default_manager.all()
    serializer_class = CacheStatsSerializer
    orders: ClassVar[Mapping[str, Sequence[str]]] = {"provider": ("provider",)}
