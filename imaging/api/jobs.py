"""Analyses: asking for them, watching them, steering them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.asked import caller_of, checked
from accounts.models import User
from config.api import preconditions
from config.api.views import Listed, Retrieved, RowViewSet
from imaging.actions import jobs
from imaging.api.declared import READ_JOBS, WRITE_JOBS
from imaging.api.job_rows import (
    JobDetailSerializer,
    JobFilters,
    JobSerializer,
    JobToAskSerializer,
    NewPrioritySerializer,
    QueueSummarySerializer,
)
from imaging.kinds import IMAGING
from imaging.models import Image, ProcessingJob
from jobs import status

_VIEW: Final = "imaging.view_processingjob"
# Whoever may steer the queue may steer its jobs, as on the pages.
_STEER: Final = ("imaging.change_processingjob", "jobs.change_queue")


class AnalysisJobViewSet(Listed, Retrieved, RowViewSet):
    """The queue of analyses: what waits, runs and has ended."""

    tag = "Analyses"
    queryset = ProcessingJob.objects.all()
    serializer_class = JobDetailSerializer
    filterset_class = JobFilters
    orders: ClassVar[Mapping[str, Sequence[str]]] = {
        "newest": ("-created_at", "-pk"),
        "oldest": ("created_at", "pk"),
        "priority": ("-priority", "created_at", "pk"),
    }
    permission: ClassVar[Mapping[str, str | tuple[str, ...]]] = {
        "list": _VIEW,
        "retrieve": _VIEW,
        "summary": _VIEW,
        "create": "imaging.analyse_image",
        "cancel": _STEER,
        "retry": _STEER,
        "prioritise": _STEER,
    }
    scope: ClassVar[Mapping[str, str]] = {
        "list": READ_JOBS,
        "retrieve": READ_JOBS,
        "summary": READ_JOBS,
        "create": WRITE_JOBS,
        "cancel": WRITE_JOBS,
        "retry": WRITE_JOBS,
        "prioritise": WRITE_JOBS,
    }

    def get_serializer_class(self) -> type[JobSerializer]:
        """A list has neither parameters nor attempts."""
        return JobSerializer if self.current_action() == "list" else JobDetailSerializer

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One analysis with its progress and place; 304 while none of it has changed."""
        data = self.get_serializer(self.get_object()).data
        etag = preconditions.etag_from(*data.items())
        if preconditions.is_unchanged(request, etag):
            return preconditions.not_modified(etag)
        return preconditions.tag(Response(data), etag)

    @extend_schema(
        request=JobToAskSerializer,
        responses={201: JobDetailSerializer, 200: JobDetailSerializer},
    )
    def create(self, request: Request) -> Response:
        """Have an image analysed.

        201 for a new job; 200 where the same analysis waits or runs already, with that job.
        """
        values = checked(JobToAskSerializer(data=request.data))
        image = Image.objects.filter(pk=values["image_id"]).first()
        if image is None:
            raise ValidationError({"image_id": ["There is no image with this id."]})
        asked = jobs.ask(
            image,
            by=caller_of(request),
            parameters=values.get("parameters"),
            priority=values["priority"],
        )
        address = reverse("analysis-job-detail", kwargs={"pk": asked.job.pk})
        response = Response(self._data(asked.job), status=201 if asked.created else 200)
        response["Location" if asked.created else "Content-Location"] = address
        return response

    @extend_schema(request=None, responses=JobDetailSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Take a waiting job out of the line, or ask a running one to stop."""
        job = jobs.cancel(self.get_object().pk, by=caller_of(request))
        return Response(self._data(job))

    @extend_schema(request=None, responses=JobDetailSerializer)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: UUID) -> Response:
        """Put a failed job in line once more; its attempts count anew."""
        job = jobs.retry(self.get_object().pk, by=caller_of(request))
        return Response(self._data(job))

    @extend_schema(request=NewPrioritySerializer, responses=JobDetailSerializer)
    @action(detail=True, methods=["post"])
    def prioritise(self, request: Request, pk: UUID) -> Response:
        """Move a waiting job forward or back."""
        job = self.get_object()
        priority: int = checked(NewPrioritySerializer(data=request.data))["priority"]
        moved = jobs.prioritise(job.pk, priority=priority, by=caller_of(request))
        return Response(self._data(moved))

    @extend_schema(responses=QueueSummarySerializer)
    @action(detail=False)
    def summary(self, request: Request) -> Response:
        """How the queue stands: what waits and runs, who works, and the last hour."""
        return Response(QueueSummarySerializer(_summary(caller_of(request))).data)

    def _data(self, job: ProcessingJob) -> Any:
        """The job as it stands now, triggers included."""
        return self.get_serializer(self.get_queryset().get(pk=job.pk)).data


def _summary(caller: User) -> dict[str, Any]:
    """Figures of tables that the caller may not see are null: the database would count none."""
    now = status.queue(IMAGING.queue)
    sees_queues = caller.has_perm("jobs.view_queue")
    switches, hour = now.switches, now.hour.total
    return {
        "counts": now.counts.by_status,
        "ready": now.counts.ready,
        "delayed": now.counts.delayed,
        "running": now.counts.running,
        "failed": now.counts.failed,
        "oldest_ready_seconds": now.oldest_ready_seconds,
        "workers": now.workers if caller.has_perm("jobs.view_worker") else None,
        "paused_at": switches.paused_at if switches else None,
        "pause_reason": (switches.pause_reason or None) if switches else None,
        "last_hour": {
            "done": hour.done,
            "failed": hour.failed,
            "retried": hour.retried,
            "cancelled": hour.cancelled,
            "mean_wait_seconds": hour.mean_wait,
            "mean_run_seconds": hour.mean_run,
        }
        if sees_queues
        else None,
    }
