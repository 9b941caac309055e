"""AI jobs: having an image annotated by a provider, watching that, steering it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

import django_filters
from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.asked import caller_of, checked
from annotations.actions import ai_jobs, steering
from annotations.api.annotations import VIEW
from annotations.api.declared import ANNOTATE, READ
from annotations.api.rows import AT, IMAGE, PERSON, example
from annotations.models import AiAnnotationJob, AiJobStatus
from config.api.filters import FilterSet, KeyFilter, MomentFilter, TextFilter, TruthFilter
from config.api.views import Listed, Retrieved, RowViewSet
from imaging.api.fields import MomentField, RowSerializer, key_field
from imaging.api.job_rows import ProgressSerializer, without_places
from imaging.api.parameters import priority_field
from imaging.models import Image

# Whoever may steer the queue may steer its jobs, as on the pages.
_STEER: Final = ("annotations.annotate_image", "jobs.change_queue")

_EXAMPLE: Final[dict[str, Any]] = {
    "id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e40",
    "image_id": IMAGE,
    "user_id": PERSON,
    "status": "completed",
    "provider": "local",
    "model": "birds-3",
    "fallbacks": [],
    "priority": 5,
    "batch_job_id": None,
    "from_cache": False,
    "box_count": 2,
    "cost": "0.000000",
    "response_time_ms": 184,
    "error_code": "",
    "error_message": None,
    "retry_count": 0,
    "max_retries": 12,
    "attempt": 1,
    "available_at": None,
    "cancel_requested": False,
    "progress": {"done": 3, "total": 3, "message": "storing what was found"},
    "created_at": AT,
    "started_at": AT,
    "completed_at": "2026-11-21T14:05:01.502113Z",
    "updated_at": "2026-11-21T14:05:01.502113Z",
}


@example("AI job", _EXAMPLE)
class AiJobSerializer(RowSerializer[AiAnnotationJob]):
    """One question to one provider about one image, or to those that stand in for it."""

    image_id = key_field()
    user_id = key_field(allow_null=True, help_text="Who asked for it.")
    batch_job_id = key_field(allow_null=True)
    status = serializers.ChoiceField(choices=AiJobStatus.choices, read_only=True)
    provider = serializers.CharField(
        read_only=True, help_text="Who is asked first; in the end, who answered."
    )
    fallbacks = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="Asked in this order instead."
    )
    cost = serializers.DecimalField(
        14, 6, read_only=True, allow_null=True, help_text="In US dollars."
    )
    priority = serializers.IntegerField(read_only=True, help_text="1 to 10; 10 goes first.")
    max_retries = serializers.IntegerField(read_only=True)
    available_at = MomentField(read_only=True, allow_null=True, help_text="Not before.")
    error_message = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()

    class Meta:
        model = AiAnnotationJob
        fields = tuple(_EXAMPLE)
        read_only_fields = fields

    def get_error_message(self, job: AiAnnotationJob) -> str | None:
        """Why the last attempt failed."""
        return without_places(job.error_message)

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, job: AiAnnotationJob) -> dict[str, Any]:
        """Steps done and to do, and what happens at the moment."""
        return {
            "done": job.progress_done,
            "total": job.progress_total,
            "message": job.progress_message,
        }


class ProviderChoiceSerializer(serializers.Serializer[Any]):
    """Who is asked."""

    provider = serializers.CharField(max_length=40, default="local")
    model = serializers.CharField(
        max_length=120, default="", allow_blank=True, help_text="Left out: the provider's usual."
    )
    fallbacks = serializers.ListField(
        child=serializers.CharField(max_length=40),
        max_length=5,
        default=list,
        help_text="Providers that are asked, in this order, where it cannot answer.",
    )


@example(
    "Ask one provider, else another",
    {"image_id": IMAGE, "provider": "openai", "fallbacks": ["local"], "priority": 8},
    asked=True,
)
class AiJobToAskSerializer(ProviderChoiceSerializer):
    """A question to be asked."""

    image_id = serializers.UUIDField()
    priority = priority_field()


class AiJobFilters(FilterSet):
    """Filters of the list of AI jobs."""

    status = django_filters.MultipleChoiceFilter(
        choices=AiJobStatus.choices, distinct=False, help_text="May be given more than once."
    )
    image_id = KeyFilter()
    user_id = KeyFilter(help_text="The key of the person who asked.")
    batch_job_id = KeyFilter()
    provider = TextFilter()
    from_cache = TruthFilter()
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = AiAnnotationJob
        fields: ClassVar[list[str]] = []


class AiJobViewSet(Listed, Retrieved, RowViewSet):
    """Questions to AI providers: what waits, runs and has ended."""

    tag = "AI jobs"
    # What providers were asked and answered may be long, and is not told here.
    queryset = AiAnnotationJob.objects.defer(
        "request_payload", "response_payload", "sealed_payloads"
    )
    serializer_class = AiJobSerializer
    filterset_class = AiJobFilters
    orders: ClassVar[Mapping[str, Sequence[str]]] = {
        "newest": ("-created_at", "-pk"),
        "oldest": ("created_at", "pk"),
    }
    permission: ClassVar[Mapping[str, str | tuple[str, ...]]] = {
        "list": VIEW,
        "retrieve": VIEW,
        "create": "annotations.annotate_image",
        "cancel": _STEER,
        "retry": _STEER,
    }
    scope: ClassVar[Mapping[str, str]] = {
        "list": READ,
        "retrieve": READ,
        "create": ANNOTATE,
        "cancel": ANNOTATE,
        "retry": ANNOTATE,
    }

    @extend_schema(
        request=AiJobToAskSerializer, responses={201: AiJobSerializer, 200: AiJobSerializer}
    )
    def create(self, request: Request) -> Response:
        """Have an image annotated, within one's own limits.

        201 for a new job; 200 where the same question waits or is being asked, with that job.
        """
        values = checked(AiJobToAskSerializer(data=request.data))
        image = Image.objects.filter(pk=values.pop("image_id")).first()
        if image is None:
            raise ValidationError({"image_id": ["There is no image with this id."]})
        asked = ai_jobs.ask(image, by=caller_of(request), **values)
        address = reverse("ai-job-detail", kwargs={"pk": asked.job.pk})
        response = self._answer_with(asked.job, status=201 if asked.created else 200)
        response["Location" if asked.created else "Content-Location"] = address
        return response

    @extend_schema(request=None, responses=AiJobSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Take a waiting job out of the line, or ask a running one to stop."""
        return self._answer_with(steering.cancel(self.get_object(), by=caller_of(request)))

    @extend_schema(request=None, responses=AiJobSerializer)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: UUID) -> Response:
        """Put a failed job in line once more; its attempts count anew."""
        return self._answer_with(steering.retry(self.get_object(), by=caller_of(request)))

    def _answer_with(self, job: AiAnnotationJob, *, status: int = 200) -> Response:
        """The job as it stands now, triggers included."""
        row = self.get_queryset().get(pk=job.pk)
        return Response(self.get_serializer(row).data, status=status)
