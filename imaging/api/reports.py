"""The documented reports, to read in pages: the same rows as in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import django_filters
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from accounts.roles import Role
from config.api.filters import (
    FilterSet,
    KeyFilter,
    MomentFilter,
    TextFilter,
    TruthFilter,
)
from config.api.views import Listed, RowViewSet
from imaging.api.declared import READ_REPORTS
from imaging.api.fields import RowSerializer
from imaging.api.job_rows import without_places
from imaging.api.report_rows import (
    AnalysisPerformanceSummary,
    DuplicateImagesReport,
    ImageAnalysisStatus,
    QueueStatusSummary,
    UserActivitySummary,
)
from imaging.models import AnalysisStatus, QueueStatus

_ID: Final = "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e10"
_USER: Final = "01936f00-0000-7000-8000-000000000001"
_AT: Final = "2026-11-21T14:05:00.123456Z"
_LATER: Final = "2026-11-21T14:05:01.502113Z"


def _example(values: dict[str, Any]) -> Any:
    return extend_schema_serializer(examples=[OpenApiExample("Row", values, response_only=True)])


class _Report(Listed, RowViewSet):
    """A view of the database, read through the rights of the caller."""

    tag = "Reports"
    scope = READ_REPORTS


# --- Images -------------------------------------------------------------------------------------


@_example(
    {
        "image_id": _ID,
        "user_id": _USER,
        "file_name": "gallery-wall.jpg",
        "file_size": 2481093,
        "analysis_status": "completed",
        "uploaded_at": _AT,
        "processed_at": _LATER,
        "analysis_id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e11",
        "algorithm_version": "ns-1",
        "confidence_score": 0.9312,
        "processing_time_ms": 184,
        "anomaly_count": 1,
        "from_cache": False,
        "job_id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e12",
        "queue_status": "completed",
        "priority": 5,
        "retry_count": 0,
        "error_message": None,
        "worker_id": None,
    }
)
class ImageAnalysisStatusSerializer(RowSerializer[ImageAnalysisStatus]):
    """An image with its result in force and its latest job."""

    error_message = serializers.SerializerMethodField()
    worker_id = serializers.SerializerMethodField(
        help_text="Null for callers who may not see workers."
    )

    class Meta:
        model = ImageAnalysisStatus
        fields = "__all__"

    def get_error_message(self, row: ImageAnalysisStatus) -> str | None:
        """Why the latest job failed."""
        return without_places(row.error_message)

    def get_worker_id(self, row: ImageAnalysisStatus) -> str | None:
        """Who worked on it."""
        may_see: bool = self.context["sees_workers"]
        return row.worker_id if may_see else None


class ImageAnalysisStatusFilters(FilterSet):
    """Filters of the report."""

    user_id = KeyFilter()
    analysis_status = django_filters.ChoiceFilter(choices=AnalysisStatus.choices)
    queue_status = django_filters.ChoiceFilter(choices=QueueStatus.choices)
    algorithm_version = TextFilter()
    uploaded_after = MomentFilter(field_name="uploaded_at", lookup_expr="gte")
    uploaded_before = MomentFilter(field_name="uploaded_at", lookup_expr="lt")

    class Meta:
        model = ImageAnalysisStatus
        fields: ClassVar[list[str]] = []


class ImageAnalysisStatusReport(_Report):
    """`image_analysis_status`: each image with its result in force and its latest job."""

    queryset = ImageAnalysisStatus._default_manager.all()
    serializer_class = ImageAnalysisStatusSerializer
    filterset_class = ImageAnalysisStatusFilters
    permission = "imaging.view_processingjob"

    def get_serializer_context(self) -> dict[str, Any]:
        """Whether the caller may see who worked."""
        user = getattr(self.request, "user", None)
        sees_workers = bool(user and user.has_perm("jobs.view_worker"))
        return {**super().get_serializer_context(), "sees_workers": sees_workers}


@_example(
    {
        "image_id": _ID,
        "file_name": "gallery-wall-copy.jpg",
        "file_size": 2481101,
        "user_id": _USER,
        "uploaded_at": _AT,
        "duplicate_kind": "near",
        "duplicate_of_id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e0f",
        "duplicate_of_file_name": "gallery-wall.jpg",
        "distance_bits": 2,
        "duplicate_detected_at": _LATER,
        "times_handed_in": None,
    }
)
class DuplicateImagesSerializer(RowSerializer[DuplicateImagesReport]):
    """A near duplicate, or an image whose bytes were handed in again."""

    class Meta:
        model = DuplicateImagesReport
        fields = "__all__"


class DuplicateImagesFilters(FilterSet):
    """Filters of the report."""

    user_id = KeyFilter()
    duplicate_kind = django_filters.ChoiceFilter(choices=[("near", "near"), ("exact", "exact")])
    duplicate_of_id = KeyFilter()

    class Meta:
        model = DuplicateImagesReport
        fields: ClassVar[list[str]] = []


class DuplicateImages(_Report):
    """`duplicate_images_report`: near duplicates, and images that were handed in again."""

    queryset = DuplicateImagesReport._default_manager.all()
    serializer_class = DuplicateImagesSerializer
    filterset_class = DuplicateImagesFilters
    permission = "imaging.view_image"
    orders: ClassVar[Mapping[str, Sequence[str]]] = {"newest": ("duplicate_kind", "-image_id")}


# --- Analyses -----------------------------------------------------------------------------------


@_example(
    {
        "status": "completed",
        "job_count": 8123,
        "avg_priority": 5.02,
        "avg_retry_count": 0.01,
        "oldest_created_at": _AT,
        "newest_created_at": _LATER,
        "avg_wait_seconds": 1.402,
        "avg_processing_seconds": 0.311,
        "max_processing_seconds": 9.204,
    }
)
class QueueStatusSerializer(RowSerializer[QueueStatusSummary]):
    """The jobs of one status."""

    class Meta:
        model = QueueStatusSummary
        fields = "__all__"


class QueueStatusReport(_Report):
    """`queue_status_summary`: jobs by status, with how long they wait and run."""

    queryset = QueueStatusSummary._default_manager.all()
    serializer_class = QueueStatusSerializer
    permission = "imaging.view_processingjob"
    orders: ClassVar[Mapping[str, Sequence[str]]] = {"status": ("status",)}


@_example(
    {
        "algorithm_version": "ns-1",
        "performance_category": "fast",
        "analysis_count": 7902,
        "avg_processing_time_ms": 204.1,
        "min_processing_time_ms": 12,
        "max_processing_time_ms": 998,
        "p50_processing_time_ms": 184.0,
        "p95_processing_time_ms": 611.3,
        "avg_confidence_score": 0.9021,
        "last_analysis_at": _LATER,
    }
)
class AnalysisPerformanceSerializer(RowSerializer[AnalysisPerformanceSummary]):
    """The results of one version and speed."""

    class Meta:
        model = AnalysisPerformanceSummary
        fields = "__all__"


class AnalysisPerformanceFilters(FilterSet):
    """Filters of the report."""

    algorithm_version = TextFilter()

    class Meta:
        model = AnalysisPerformanceSummary
        fields: ClassVar[list[str]] = []


class AnalysisPerformanceReport(_Report):
    """`analysis_performance_summary`: results by version and speed."""

    queryset = AnalysisPerformanceSummary._default_manager.all()
    serializer_class = AnalysisPerformanceSerializer
    filterset_class = AnalysisPerformanceFilters
    permission = "imaging.view_analysisresult"
    orders: ClassVar[Mapping[str, Sequence[str]]] = {
        "version": ("algorithm_version", "performance_category")
    }


# --- People -------------------------------------------------------------------------------------


@_example(
    {
        "user_id": _USER,
        "email": "ada@example.org",
        "full_name": "Ada Example",
        "role": "analyst",
        "is_active": True,
        "last_login_at": _AT,
        "images_uploaded": 120,
        "images_completed": 118,
        "images_failed": 2,
        "bytes_uploaded": 310240012,
        "last_upload_at": _AT,
        "analyses_run": 131,
        "avg_confidence_score": 0.9102,
        "avg_processing_time_ms": 201.4,
        "last_analysis_at": _LATER,
    }
)
class UserActivitySerializer(RowSerializer[UserActivitySummary]):
    """One person's uploads and analyses."""

    class Meta:
        model = UserActivitySummary
        fields = "__all__"


class UserActivityFilters(FilterSet):
    """Filters of the report."""

    user_id = KeyFilter()
    role = django_filters.ChoiceFilter(choices=Role.choices)
    is_active = TruthFilter()

    class Meta:
        model = UserActivitySummary
        fields: ClassVar[list[str]] = []


class UserActivityReport(_Report):
    """`user_activity_summary`: each person's uploads and analyses; it names addresses."""

    queryset = UserActivitySummary._default_manager.all()
    serializer_class = UserActivitySerializer
    filterset_class = UserActivityFilters
    permission = "accounts.view_user"
