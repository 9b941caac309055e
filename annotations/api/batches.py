"""Batches: work on thousands of images or annotations at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.asked import caller_of, checked
from annotations.actions import batches, bulk, steering
from annotations.api.ai_jobs import ProviderChoiceSerializer
from annotations.api.annotations import VIEW
from annotations.api.declared import ANNOTATE, READ, REVIEW
from annotations.api.fields import SelectionSerializer, filters_of
from annotations.api.rows import AT, COLLECTION, IMAGE, PERSON, example
from annotations.models import (
    BatchJob,
    BatchJobError,
    BatchStatus,
    BatchType,
    Decision,
    RejectionReason,
)
from config.api import preconditions
from config.api.filters import FilterSet, KeyFilter, MomentFilter, TextFilter
from config.api.views import Listed, Retrieved, RowViewSet
from imaging.api.fields import ObjectField, RowSerializer, key_field
from imaging.api.job_rows import ProgressSerializer, without_places

_ANNOTATE: Final = "annotations.annotate_image"
_REVIEW: Final = "annotations.review_annotation"
_MOST_NAMED: Final = 10_000

_ID: Final = "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e60"
_EXAMPLE: Final[dict[str, Any]] = {
    "id": _ID,
    "job_type": "approve",
    "status": "processing",
    "user_id": PERSON,
    "parameters": {"filters": {"label": "robin", "least": "0.95"}, "reason": ""},
    "item_count": 8200,
    "done_count": 4000,
    "error_count": 0,
    "priority": 5,
    "error_message": None,
    "cancel_requested": False,
    "progress": {"done": 4000, "total": 8200, "message": "4,000 done"},
    "created_at": AT,
    "started_at": AT,
    "completed_at": None,
    "estimated_completion_at": "2026-11-21T14:05:30.000000Z",
}


@example("Batch", _EXAMPLE)
class BatchSerializer(RowSerializer[BatchJob]):
    """One batch: what is to be done, with what, and how far it has come."""

    user_id = key_field(allow_null=True, help_text="Who asked for it.")
    job_type = serializers.ChoiceField(choices=BatchType.choices, read_only=True)
    status = serializers.ChoiceField(choices=BatchStatus.choices, read_only=True)
    parameters = ObjectField(read_only=True, help_text="What it was asked for with.")
    priority = serializers.IntegerField(read_only=True)
    error_message = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()

    class Meta:
        model = BatchJob
        fields = tuple(_EXAMPLE)
        read_only_fields = fields

    def get_error_message(self, job: BatchJob) -> str | None:
        """Why the last attempt failed."""
        return without_places(job.error_message)

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, job: BatchJob) -> dict[str, Any]:
        """Items done and to do."""
        return {
            "done": job.done_count,
            "total": job.item_count,
            "message": job.progress_message,
        }


class _OverImagesSerializer(ProviderChoiceSerializer):
    collection_id = serializers.UUIDField(required=False, help_text="Those of this collection.")
    image_ids = serializers.ListField(
        child=serializers.UUIDField(),
        max_length=_MOST_NAMED,
        default=list,
        help_text="These alone; empty: all that there are.",
    )
    unannotated_only = serializers.BooleanField(
        default=True, help_text="Leave out what the provider annotated before."
    )


@example("A collection", {"collection_id": COLLECTION, "provider": "local"}, asked=True)
class BatchToAnnotateSerializer(_OverImagesSerializer):
    """Images to be annotated."""


@example("Two images", {"image_ids": [IMAGE], "provider": "openai"}, asked=True)
class BatchToWarmSerializer(_OverImagesSerializer):
    """Images to be asked about ahead; nothing is proposed."""


@example("Sure robins", {"label": "robin", "min_confidence": 0.95}, asked=True)
class BatchToApproveSerializer(SelectionSerializer):
    """What is to be approved of what waits now."""


@example("Unlikely ones", {"max_confidence": 0.05, "reason": "no_bird"}, asked=True)
class BatchToRejectSerializer(SelectionSerializer):
    """What is to be rejected of what waits now."""

    reason = serializers.ChoiceField(choices=RejectionReason.choices)


@example(
    "Error",
    {
        "id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e61",
        "image_id": IMAGE,
        "annotation_id": None,
        "error_code": "NotNow",
        "error_message": "robin.jpg is archived; an archived image is not annotated.",
        "created_at": AT,
    },
)
class BatchErrorSerializer(RowSerializer[BatchJobError]):
    """What went wrong with one item."""

    error_message = serializers.SerializerMethodField()

    class Meta:
        model = BatchJobError
        fields = (
            "id",
            "image_id",
            "annotation_id",
            "error_code",
            "error_message",
            "created_at",
        )
        read_only_fields = fields

    def get_error_message(self, row: BatchJobError) -> str | None:
        """In a sentence."""
        return without_places(row.error_message)


class BatchFilters(FilterSet):
    """Filters of the list of batches."""

    job_type = django_filters.MultipleChoiceFilter(
        choices=BatchType.choices, distinct=False, help_text="May be given more than once."
    )
    status = django_filters.MultipleChoiceFilter(
        choices=BatchStatus.choices, distinct=False, help_text="May be given more than once."
    )
    user_id = KeyFilter(help_text="The key of the person who asked.")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = BatchJob
        fields: ClassVar[list[str]] = []


class BatchErrorFilters(FilterSet):
    """Filters of the list of a batch's errors."""

    image_id = KeyFilter()
    error_code = TextFilter()

    class Meta:
        model = BatchJobError
        fields: ClassVar[list[str]] = []


class BatchViewSet(Listed, Retrieved, RowViewSet):
    """Work on many images or annotations, in the background."""

    tag = "Batches"
    queryset = BatchJob.objects.all()
    serializer_class = BatchSerializer
    filterset_class = BatchFilters
    orders: ClassVar[Mapping[str, Sequence[str]]] = {
        "newest": ("-created_at", "-pk"),
        "oldest": ("created_at", "pk"),
    }
    permission: ClassVar[Mapping[str, str | tuple[str, ...]]] = {
        "list": VIEW,
        "retrieve": VIEW,
        "annotate": _ANNOTATE,
        "warm_cache": _ANNOTATE,
        "approve": _REVIEW,
        "reject": _REVIEW,
        "cancel": (_ANNOTATE, _REVIEW, "jobs.change_queue"),
    }
    scope: ClassVar[Mapping[str, str]] = {
        "list": READ,
        "retrieve": READ,
        "annotate": ANNOTATE,
        "warm_cache": ANNOTATE,
        "approve": REVIEW,
        "reject": REVIEW,
        "cancel": ANNOTATE,
    }

    def etag(self, row: Any) -> str:
        """A batch moves without a moment of change: what is shown of it counts."""
        return preconditions.etag_from(*BatchSerializer(row).data.items())

    @extend_schema(request=BatchToAnnotateSerializer, responses={201: BatchSerializer})
    @action(detail=False, methods=["post"])
    def annotate(self, request: Request) -> Response:
        """Have many images annotated by an AI provider, within one's own limits."""
        return self._over_images(BatchType.ANNOTATE, BatchToAnnotateSerializer(data=request.data))

    @extend_schema(request=BatchToWarmSerializer, responses={201: BatchSerializer})
    @action(detail=False, methods=["post"], url_path="warm-cache")
    def warm_cache(self, request: Request) -> Response:
        """Ask a provider ahead, so that its answers are there when they are needed."""
        return self._over_images(BatchType.WARM_CACHE, BatchToWarmSerializer(data=request.data))

    @extend_schema(request=BatchToApproveSerializer, responses={201: BatchSerializer})
    @action(detail=False, methods=["post"])
    def approve(self, request: Request) -> Response:
        """Approve everything that fits and waits for the caller when the batch runs."""
        values = checked(BatchToApproveSerializer(data=request.data))
        job = bulk.request(filters_of(values), Decision.APPROVED, by=caller_of(request))
        return self._made(job)

    @extend_schema(request=BatchToRejectSerializer, responses={201: BatchSerializer})
    @action(detail=False, methods=["post"])
    def reject(self, request: Request) -> Response:
        """Reject everything that fits and waits for the caller when the batch runs."""
        values = checked(BatchToRejectSerializer(data=request.data))
        job = bulk.request(
            filters_of(values), Decision.REJECTED, by=caller_of(request), reason=values["reason"]
        )
        return self._made(job)

    @extend_schema(request=None, responses=BatchSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Stop a batch; what was done stays."""
        return self.changed(steering.cancel(self.get_object(), by=caller_of(request)))

    def _over_images(self, kind: BatchType, asked: serializers.Serializer[Any]) -> Response:
        values = checked(asked)
        job = batches.request(
            kind,
            by=caller_of(self.request),
            provider=values["provider"],
            model=values["model"],
            fallbacks=values["fallbacks"],
            collection=values.get("collection_id"),
            images=values["image_ids"],
            unannotated_only=values["unannotated_only"],
        )
        return self._made(job)

    def _made(self, job: BatchJob) -> Response:
        return self.made(self.get_queryset().get(pk=job.pk), "batch-detail")


class BatchErrorViewSet(Listed, RowViewSet):
    """What went wrong in one batch, item by item."""

    tag = "Batches"
    queryset = BatchJobError.objects.all()
    serializer_class = BatchErrorSerializer
    filterset_class = BatchErrorFilters
    permission = VIEW
    scope = READ

    def get_queryset(self) -> QuerySet[BatchJobError]:
        """Those of the batch in the address."""
        rows = BatchJobError.objects.all()
        key = self.kwargs.get("batch_id")
        return rows.filter(job_id=key) if key else rows.none()
