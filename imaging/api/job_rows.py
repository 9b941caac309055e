"""Analyses on their way through the queue, as programs see them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, ClassVar, Final

import django_filters
from django.conf import settings
from django.db.models import Q
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from accounts.api.asked import caller_of
from config.api.filters import FilterSet, KeyFilter, MomentFilter, WholeNumberFilter
from imaging.api.fields import MomentField, ObjectField, RowSerializer, key_field
from imaging.api.parameters import ParametersField, priority_field
from imaging.models import ProcessingJob, QueueStatus
from jobs.models import Attempt
from jobs.printable import printable

# Those farther back have no place told: nobody waits for the ten-thousandth.
FARTHEST_PLACE: Final = 10_000
_ATTEMPTS: Final = 20

_ID: Final = "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e12"
_AT: Final = "2026-11-21T14:05:00.125001Z"
EXAMPLE: Final[dict[str, Any]] = {
    "id": _ID,
    "image_id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e10",
    "user_id": "01936f00-0000-7000-8000-000000000001",
    "status": "processing",
    "priority": 5,
    "retry_count": 0,
    "max_retries": 3,
    "error_message": None,
    "last_error_at": None,
    "created_at": _AT,
    "started_at": "2026-11-21T14:05:00.310442Z",
    "completed_at": None,
    "estimated_completion_at": None,
    "worker_id": None,
    "attempt": 1,
    "available_at": None,
    "expires_at": None,
    "cancel_requested": False,
    "progress": {"done": 1, "total": 3, "message": "measuring the negative space"},
}
_DETAIL: Final = EXAMPLE | {"parameters": {"method": "luma"}, "place": None, "attempts": []}


class ProgressSerializer(serializers.Serializer[Any]):
    """How far a job is."""

    done = serializers.IntegerField()
    total = serializers.IntegerField(allow_null=True)
    message = serializers.CharField()


class AttemptSerializer(RowSerializer[Attempt]):
    """An attempt that ended otherwise than done."""

    error_message = serializers.SerializerMethodField()

    class Meta:
        model = Attempt
        fields = ("attempt", "started_at", "ended_at", "outcome", "error_message")
        read_only_fields = fields

    def get_error_message(self, attempt: Attempt) -> str | None:
        """Why."""
        return without_places(attempt.error_message)


@extend_schema_serializer(examples=[OpenApiExample("Analysis", EXAMPLE, response_only=True)])
class JobSerializer(RowSerializer[ProcessingJob]):
    """One analysis of one image, in a list."""

    image_id = key_field()
    user_id = key_field(help_text="Who asked for it.")
    status = serializers.ChoiceField(choices=QueueStatus.choices, read_only=True)
    priority = serializers.IntegerField(read_only=True, help_text="1 to 10; 10 goes first.")
    max_retries = serializers.IntegerField(read_only=True)
    available_at = MomentField(read_only=True, allow_null=True, help_text="Not before.")
    expires_at = MomentField(read_only=True, allow_null=True, help_text="Not after.")
    error_message = serializers.SerializerMethodField()
    worker_id = serializers.SerializerMethodField(
        help_text="Null for callers who may not see workers."
    )
    progress = serializers.SerializerMethodField()

    class Meta:
        model = ProcessingJob
        fields: tuple[str, ...] = tuple(EXAMPLE)
        read_only_fields = fields

    def get_error_message(self, job: ProcessingJob) -> str | None:
        """Why the last attempt failed."""
        return without_places(job.error_message)

    def get_worker_id(self, job: ProcessingJob) -> str | None:
        """Who works on it, for those who see workers on the pages."""
        return job.worker_id if self._may("jobs.view_worker") else None

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, job: ProcessingJob) -> dict[str, Any]:
        """Steps done and to do, and what happens at the moment."""
        return {
            "done": job.progress_done,
            "total": job.progress_total,
            "message": job.progress_message,
        }

    def _may(self, permission: str) -> bool:
        return caller_of(self.context["request"]).has_perm(permission)


@extend_schema_serializer(examples=[OpenApiExample("Analysis", _DETAIL, response_only=True)])
class JobDetailSerializer(JobSerializer):
    """One analysis of one image."""

    parameters = ObjectField(read_only=True, help_text="As asked for; empty for the default.")
    place = serializers.SerializerMethodField(
        help_text="How many start before it, and itself; null for a job that is not in line, or"
        f" farther back than {FARTHEST_PLACE}."
    )
    attempts = serializers.SerializerMethodField(
        help_text=f"The latest {_ATTEMPTS} attempts that ended otherwise than done; null for"
        " callers who may not see them."
    )

    class Meta(JobSerializer.Meta):
        fields = tuple(_DETAIL)
        read_only_fields = fields

    def get_place(self, job: ProcessingJob) -> int | None:
        """The place in line at this moment."""
        return place_of(job)

    @extend_schema_field(AttemptSerializer(many=True, allow_null=True))
    def get_attempts(self, job: ProcessingJob) -> list[dict[str, Any]] | None:
        """The latest first."""
        if not self._may("jobs.view_attempt"):
            return None
        found = Attempt.objects.filter(job_id=job.pk, table_name=job._meta.db_table)
        latest = found.order_by("-attempt", "-id")[:_ATTEMPTS]
        return [dict(AttemptSerializer(one).data) for one in latest]


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Analyse by brightness, soon",
            {
                "image_id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e10",
                "priority": 8,
                "parameters": {"method": "luma"},
            },
            request_only=True,
        )
    ]
)
class JobToAskSerializer(serializers.Serializer[Any]):
    """An analysis to be made."""

    image_id = serializers.UUIDField()
    priority = priority_field()
    parameters = ParametersField(required=False)


@extend_schema_serializer(examples=[OpenApiExample("First", {"priority": 10}, request_only=True)])
class NewPrioritySerializer(serializers.Serializer[Any]):
    """The place among those who wait."""

    priority = serializers.IntegerField(
        min_value=1, max_value=10, help_text="1 to 10; 10 goes first."
    )


class _LastHourSerializer(serializers.Serializer[Any]):
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    retried = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    mean_wait_seconds = serializers.FloatField(allow_null=True)
    mean_run_seconds = serializers.FloatField(allow_null=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Queue",
            {
                "counts": {"queued": 12, "processing": 4, "failed": 1},
                "ready": 11,
                "delayed": 1,
                "running": 4,
                "failed": 1,
                "oldest_ready_seconds": 3.2,
                "workers": 2,
                "paused_at": None,
                "pause_reason": None,
                "last_hour": {
                    "done": 840,
                    "failed": 2,
                    "retried": 5,
                    "cancelled": 0,
                    "mean_wait_seconds": 1.4,
                    "mean_run_seconds": 0.3,
                },
            },
            response_only=True,
        )
    ]
)
class QueueSummarySerializer(serializers.Serializer[Any]):
    """How the queue of analyses stands."""

    counts = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="Jobs by status; in a large table those that ended are left out.",
    )
    ready = serializers.IntegerField(help_text="May start as soon as a worker is free.")
    delayed = serializers.IntegerField(help_text="Wait for their moment, or to be retried.")
    running = serializers.IntegerField()
    failed = serializers.IntegerField(
        allow_null=True, help_text="Null where counting them would take long."
    )
    oldest_ready_seconds = serializers.FloatField(
        allow_null=True, help_text="How long the first in line has waited."
    )
    workers = serializers.IntegerField(
        allow_null=True, help_text="Workers alive; null for callers who may not see them."
    )
    paused_at = MomentField(
        allow_null=True, help_text="Null also for callers who may not see queues."
    )
    pause_reason = serializers.CharField(allow_null=True)
    last_hour = _LastHourSerializer(
        allow_null=True, help_text="Null for callers who may not see queues."
    )


class JobFilters(FilterSet):
    """Filters of the list of analyses."""

    status = django_filters.MultipleChoiceFilter(
        choices=QueueStatus.choices, distinct=False, help_text="May be given more than once."
    )
    image_id = KeyFilter()
    user_id = KeyFilter(help_text="The key of the person who asked.")
    min_priority = WholeNumberFilter(field_name="priority", lookup_expr="gte")
    max_priority = WholeNumberFilter(field_name="priority", lookup_expr="lte")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = ProcessingJob
        fields: ClassVar[list[str]] = []


def place_of(job: ProcessingJob) -> int | None:
    """1 for the job that starts next, by priority and turn; None for one that is not in line."""
    if job.status != QueueStatus.QUEUED or job.available_at is not None or job.turn is None:
        return None
    before = Q(priority__gt=job.priority) | Q(priority=job.priority) & (
        Q(turn__lt=job.turn) | Q(turn=job.turn, pk__lt=job.pk)
    )
    count = ProcessingJob.objects.ready().filter(before)[:FARTHEST_PLACE].count()
    return count + 1 if count < FARTHEST_PLACE else None


def without_places(text: str | None) -> str | None:
    """An error's text without where on the disk things lie: that is nobody's business outside."""
    if text is None:
        return None
    kept_at = (settings.MEDIA_ROOT, settings.LACUNA_HOME, settings.BASE_DIR, tempfile.gettempdir())
    for folder in kept_at:
        text = text.replace(f"{Path(folder)}/", "").replace(str(Path(folder)), "…")
    return printable(text)
