"""The queue of analyses: how it stands, who works on it, every job, and steering them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.views.decorators.http import require_POST

from accounts.admin.posting import at_once, person, require
from config.admin.formats import NOTHING, duration, moment, progress
from config.admin.model_admin import PageAction, ReadOnlyModelAdmin
from imaging.actions import jobs
from imaging.admin import filters
from imaging.admin.image_page import progress_sentence
from imaging.admin.pictures import PictureColumns, image_url, thumbnail
from imaging.admin.posting import attempted
from imaging.admin.queue_state import state_of_queue
from imaging.admin.search import as_id
from imaging.admin.states import job_badge
from imaging.errors import ImagingError
from imaging.models import ProcessingJob, QueueStatus
from jobs.admin.attempts import attempts_of
from jobs.admin.rights import may_steer_jobs


@admin.register(ProcessingJob)
class ProcessingJobAdmin(PictureColumns, ReadOnlyModelAdmin):
    """Jobs: looked at, retried, cancelled, moved in line."""

    purpose: ClassVar[str] = "What workers analyse now, what waits, and what went wrong."
    empty_text: ClassVar[str] = (
        "No analysis was asked for yet. Each uploaded image brings a job here by itself."
    )
    domain_errors: ClassVar[tuple[type[Exception], ...]] = (ImagingError,)
    numeric: ClassVar[Sequence[str]] = ("priority_shown", "attempts", "waited", "ran")

    change_list_template = "imaging/queue.html"
    list_display = (
        "picture",
        "name",
        "status_shown",
        "priority_shown",
        "attempts",
        "waited",
        "ran",
        "what_happens",
        "asked",
        "steer",
    )
    list_display_links = ("name",)
    list_filter = (filters.JobStatusFilter, filters.PriorityFilter)
    sortable_by = ("asked",)
    ordering = ("-created_at", "-id")
    search_fields = ("id",)
    search_help_text = "Id of a job or an image"
    actions = ("retry", "cancel", "prioritise")

    # --- Permissions and addresses --------------------------------------------------------------

    def has_steer_permission(self, request: HttpRequest) -> bool:
        """Whether the person may retry, cancel and move jobs."""
        return may_steer_jobs(request, ProcessingJob)

    def get_urls(self) -> list[URLPattern]:
        """Django's, and an address for each way of steering a job."""
        guarded = self.admin_site.admin_view
        steering = {"retry": retry_view, "cancel": cancel_view, "priority": priority_view}
        own = [
            path(
                f"<uuid:job_id>/{name}/",
                guarded(require_POST(view)),
                name=f"imaging_processingjob_{name}",
            )
            for name, view in steering.items()
        ]
        return own + super().get_urls()

    def get_page_actions(self, request: HttpRequest, obj: Any = None) -> Sequence[PageAction]:
        """On the list: the way to what was kept."""
        if obj is None and request.user.has_perm("imaging.view_analysiscacheentry"):
            address = reverse("admin:imaging_analysiscacheentry_changelist")
            return [PageAction("Kept results", address, kind="quiet")]
        return []

    def get_empty_action(self, request: HttpRequest) -> PageAction | None:
        """Uploading makes the first job appear."""
        if request.user.has_perm("imaging.add_image"):
            return PageAction("Upload images", reverse("admin:imaging_image_add"))
        return None

    # --- The list -------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProcessingJob]:
        """Jobs with the name and place of their image."""
        return (
            super()
            .get_queryset(request)
            .select_related("image")
            .defer("image__metadata", "image__image_dimensions", "parameters")
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By the id of the job, or of its image."""
        if not search_term.strip():
            return queryset, False
        wanted = as_id(search_term)
        if wanted is None:
            return queryset.none(), False
        found = queryset.filter(pk=wanted)
        return (found if found.exists() else queryset.filter(image_id=wanted)), False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list under the state of the queue."""
        context = {**(extra_context or {}), "title": "Analyses"}
        if request.method == "GET":
            context["queue"] = state_of_queue()
        return super().changelist_view(request, context)

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """The buttons only for whoever may press them."""
        may_steer = self.has_steer_permission(request)
        return tuple(name for name in self.list_display if may_steer or name != "steer")

    @admin.display(description="status")
    def status_shown(self, job: ProcessingJob) -> SafeString:
        """Where it stands."""
        return job_badge(job.status)

    @admin.display(description="priority")
    def priority_shown(self, job: ProcessingJob) -> str:
        """1 to 10; 10 goes first."""
        return str(job.priority)

    @admin.display(description="attempts")
    def attempts(self, job: ProcessingJob) -> str:
        """How often it was begun."""
        return str(job.attempt) if job.attempt else NOTHING

    @admin.display(description="waited")
    def waited(self, job: ProcessingJob) -> str:
        """From being asked for to the last start, or until now."""
        if job.status == QueueStatus.CANCELLED and job.started_at is None:
            return NOTHING
        until = job.started_at or timezone.now()
        return duration(max(0.0, (until - job.created_at).total_seconds() * 1000))

    @admin.display(description="ran")
    def ran(self, job: ProcessingJob) -> str:
        """How long the last attempt took, or takes so far."""
        return running_time(job)

    @admin.display(description="what happens", empty_value="")
    def what_happens(self, job: ProcessingJob) -> SafeString | str:
        """Progress while it lives, the error when it failed."""
        if job.status == QueueStatus.PROCESSING and job.progress_total:
            return progress(
                job.progress_done,
                job.progress_total,
                label="Progress of the analysis",
                note=job.progress_message,
            )
        if job.status == QueueStatus.PROCESSING:
            return progress_sentence(job)
        if job.status in {QueueStatus.FAILED, QueueStatus.RETRYING} and job.error_message:
            return format_html(
                '<span class="job-error" title="{}">{}</span>',
                job.error_message[:1000],
                Truncator(job.error_message).chars(120),
            )
        return ""

    @admin.display(description="asked for", ordering="created_at")
    def asked(self, job: ProcessingJob) -> SafeString:
        """When."""
        return moment(job.created_at)

    @admin.display(description="", empty_value="")
    def steer(self, job: ProcessingJob) -> SafeString | str:
        """The one button that its state allows; it submits the list's form to its own address."""
        name = {
            QueueStatus.FAILED: "retry",
            QueueStatus.QUEUED: "cancel",
            QueueStatus.RETRYING: "cancel",
            QueueStatus.PROCESSING: "cancel",
        }.get(QueueStatus(job.status))
        if name is None or (name == "cancel" and job.cancel_requested):
            return ""
        return format_html(
            '<button type="submit" class="btn is-quiet is-small" formaction="{}"'
            ' aria-label="{} the analysis of {}">{}</button>',
            reverse(f"admin:imaging_processingjob_{name}", args=[job.pk]),
            name.capitalize(),
            Truncator(job.image.file_name).chars(60),
            name.capitalize(),
        )

    # --- One job --------------------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Everything about a job; it changes nothing itself."""
        job_id = as_id(object_id)
        require(request, "imaging.view_processingjob")
        jobs_here = ProcessingJob.objects.select_related("image", "user").defer(
            "image__metadata", "image__image_dimensions"
        )
        job = jobs_here.filter(pk=job_id).first() if job_id else None
        if job is None:
            self.message_user(request, f"There is no job {object_id[:64]}.", messages.WARNING)
            return HttpResponseRedirect(reverse("admin:imaging_processingjob_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "has_view_permission": True,
            "title": f"Analysis of {job.image.file_name}",
            "job": job,
            "badge": job_badge(job.status),
            "picture": thumbnail(job.image),
            "fingerprint": (job.unique_key or "").rpartition(":")[2],
            "waited": self.waited(job),
            "ran": self.ran(job),
            "live_sentence": progress_sentence(job) if job.status in job.states.live else "",
            "may_steer": self.has_steer_permission(request),
            "may_retry": job.status == QueueStatus.FAILED,
            "may_cancel": job.status in job.states.live and not job.cancel_requested,
            "may_move": job.status in {QueueStatus.QUEUED, QueueStatus.RETRYING},
            "priorities": list(reversed(jobs.PRIORITIES)),
            "attempts": attempts_of(job),
        }
        return TemplateResponse(request, "imaging/job.html", context)

    # --- Actions on many ------------------------------------------------------------------------

    @admin.action(description="Retry", permissions=["steer"])
    def retry(self, request: HttpRequest, chosen: QuerySet[ProcessingJob]) -> None:
        """Put failed jobs in line once more."""
        by = person(request)
        self._each(request, chosen, lambda pk: jobs.retry(pk, by=by), "put in line again")

    @admin.action(description="Cancel", permissions=["steer"])
    def cancel(self, request: HttpRequest, chosen: QuerySet[ProcessingJob]) -> None:
        """Take waiting jobs out of the line, ask running ones to stop."""
        by = person(request)
        self._each(request, chosen, lambda pk: jobs.cancel(pk, by=by), "cancelled")

    @admin.action(description="Set priority", permissions=["steer"])
    def prioritise(
        self, request: HttpRequest, chosen: QuerySet[ProcessingJob]
    ) -> HttpResponse | None:
        """Ask for the priority, then move the waiting ones."""
        if "priority" not in request.POST:
            jobs_here = at_once(self, request, chosen)
            return self._ask_priority(request, jobs_here) if jobs_here else None
        priority, by = _priority(request), person(request)
        self._each(
            request,
            chosen,
            lambda pk: jobs.prioritise(pk, priority=priority, by=by),
            f"moved to priority {priority}",
        )
        return HttpResponseRedirect(request.get_full_path())

    def _each(
        self,
        request: HttpRequest,
        chosen: QuerySet[ProcessingJob],
        change: Callable[[UUID], ProcessingJob],
        done: str,
    ) -> None:
        """Change each job on its own; say how many it was, and why the others were left."""
        changed, refusals = 0, dict[str, int]()
        for one in at_once(self, request, chosen):
            job, refused = attempted(functools.partial(change, one.pk), ProcessingJob)
            if job is None:
                refusals[refused] = refusals.get(refused, 0) + 1
            else:
                changed += 1
        if changed:
            noun = "job is" if changed == 1 else "jobs are"
            self.message_user(request, f"{changed} {noun} {done}.", messages.SUCCESS)
        for sentence, times in refusals.items():
            text = sentence if times == 1 else f"{times} jobs: {sentence}"
            self.message_user(request, text, messages.WARNING)

    def _ask_priority(self, request: HttpRequest, chosen: list[ProcessingJob]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Move {len(chosen)} job{'' if len(chosen) == 1 else 's'} in line",
            "purpose": "The highest priority goes first; jobs of the same priority keep their"
            " order. Only waiting jobs have a place in line.",
            "action": "prioritise",
            "button": "Set priority",
            "chosen": [job.image for job in chosen],
            "selected": [str(job.pk) for job in chosen],
            "priorities": list(reversed(jobs.PRIORITIES)),
        }
        return TemplateResponse(request, "imaging/confirm.html", context)


def running_time(job: ProcessingJob) -> str:
    """How long the last attempt took, or takes so far."""
    if job.started_at is None:
        return NOTHING
    if job.status == QueueStatus.PROCESSING:
        return duration(max(0.0, (timezone.now() - job.started_at).total_seconds() * 1000))
    if job.completed_at is None:
        return NOTHING
    return duration(max(0.0, (job.completed_at - job.started_at).total_seconds() * 1000))


def _priority(request: HttpRequest) -> int:
    """The priority that was sent; 0, which no job may have, where it is no number."""
    text = request.POST.get("priority", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _require_steering(request: HttpRequest) -> None:
    if not may_steer_jobs(request, ProcessingJob):
        raise PermissionDenied("Your role may not do this.")


def retry_view(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Put a failed job in line once more."""
    _require_steering(request)
    return _steered(request, lambda: jobs.retry(job_id, by=person(request)), "is in line again")


def cancel_view(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Take a job out of the line, or ask it to stop."""
    _require_steering(request)

    def change() -> ProcessingJob:
        return jobs.cancel(job_id, by=person(request))

    return _steered(request, change, "is cancelled", running="is asked to stop")


def priority_view(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Move a waiting job in line."""
    _require_steering(request)
    priority = _priority(request)

    def change() -> ProcessingJob:
        return jobs.prioritise(job_id, priority=priority, by=person(request))

    return _steered(request, change, f"has priority {priority} now")


def _steered(
    request: HttpRequest, change: Callable[[], ProcessingJob], done: str, *, running: str = ""
) -> HttpResponse:
    """Make the change, say what came of it, and go back to where the person was."""
    job, refused = attempted(change, ProcessingJob)
    if job is None:
        messages.warning(request, refused)
    else:
        said = running if running and job.status == QueueStatus.PROCESSING else done
        messages.success(request, f"The analysis of {job.image.file_name} {said}.")
        if request.POST.get("back") == "image":
            return HttpResponseRedirect(image_url(job.image_id))
    return HttpResponseRedirect(_way_back(request))


def _way_back(request: HttpRequest) -> str:
    """The page of this site that the request came from, else the queue."""
    came_from = request.headers.get("Referer", "")
    own = f"{request.scheme}://{request.get_host()}/"
    if came_from.startswith(own) and url_has_allowed_host_and_scheme(
        came_from, {request.get_host()}, require_https=request.is_secure()
    ):
        return came_from
    return reverse("admin:imaging_processingjob_changelist")
