"""What the pages of AI jobs and of batches share."""

from __future__ import annotations

from typing import Any, ClassVar, Final
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

from annotations.admin.sections import sections
from jobs.admin.addresses import page_of
from jobs.admin.any_job import JobAdmin, title_of
from jobs.admin.attempts import attempts_of
from jobs.models import Job
from jobs.printable import one_line, printable

_MAY_STEER: Final = ("annotations.annotate_image", "annotations.review_annotation")


class AnnotationJobAdmin(JobAdmin):
    """As the pages of any job, beside the other pages about annotations, with more of the job."""

    change_list_template = "annotations/list.html"
    job_template: ClassVar[str] = ""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees annotations sees where they come from."""
        return request.user.has_perm("annotations.view_annotation")

    def has_steer_permission(self, request: HttpRequest) -> bool:
        """Whoever may ask for such jobs may steer them, and so may whoever runs the queues."""
        own = any(request.user.has_perm(one) for one in _MAY_STEER)
        return own or super().has_steer_permission(request)

    def get_urls(self) -> list[URLPattern]:
        """Those of any job, and how far one is."""
        own = path(
            "<uuid:job_id>/status/",
            self.admin_site.admin_view(require_safe(self.status_view)),
            name=f"{self.opts.app_label}_{self.opts.model_name}_status",
        )
        return [own, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, titled by what such jobs are called."""
        name = str(self.opts.verbose_name_plural)
        context = {"title": name[0].upper() + name[1:], "sections": sections(request)}
        return super().changelist_view(request, context | (extra_context or {}))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one job; it changes nothing itself."""
        job = self._found(request, object_id)
        if job is None:
            self.message_user(request, f"There is no job {object_id[:64]}.", messages.WARNING)
            return HttpResponseRedirect(page_of(self.kind, "changelist"))
        steers = self.has_steer_permission(request)
        possible = self._possible(job)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title_of(job),
            "sections": sections(request),
            "job": job,
            "badge": self.state(job),
            "error": printable(job.error_message or ""),
            "waited": self.waited(job),
            "ran": self.ran(job),
            "failed": job.status == job.states.failed,
            "live": job.status in job.states.live,
            "sentence": sentence_of(job),
            "attempts": attempts_of(job),
            "list_url": page_of(self.kind, "changelist"),
            "status_url": page_of(self.kind, "status", job.pk),
            **{
                f"{name}_url": page_of(self.kind, name, job.pk)
                for name in ("retry", "cancel")
                if steers and name == possible
            },
            **self.more_of(request, job),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, self.job_template, context)

    def more_of(self, request: HttpRequest, job: Any) -> dict[str, Any]:
        """What the page of one job shows besides."""
        return {}

    def status_view(self, request: HttpRequest, job_id: UUID) -> JsonResponse:
        """How far the job is: what its page asks once a second."""
        job = self._found(request, str(job_id))
        if job is None:
            return JsonResponse({"error": "There is no such job."}, status=404)
        response = JsonResponse(
            {
                "live": job.status in job.states.live,
                "done": job.progress_done,
                "total": job.progress_total,
                "message": sentence_of(job),
            }
        )
        response["Cache-Control"] = "no-store"
        return response

    def _found(self, request: HttpRequest, object_id: str) -> Any:
        if not self.has_view_permission(request):
            raise PermissionDenied("Your role may not do this.")
        try:
            key = UUID(object_id)
        except ValueError:
            return None
        return self.get_queryset(request).filter(pk=key).first()


def sentence_of(job: Job) -> str:
    """What a job does at the moment, in words."""
    if job.status not in job.states.live:
        return ""
    if job.cancel_requested:
        return "Asked to stop; it ends at the next step."
    if job.status == job.states.running:
        return (one_line(job.progress_message or "") or "It has begun").capitalize() + "."
    if job.error_message:
        return "An attempt failed; the next one follows by itself."
    return "In line; a worker takes it as soon as one is free."
