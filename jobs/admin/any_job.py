"""The pages of jobs whose own package has none: a list, one job, retrying and cancelling."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin import AdminSite, ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator, capfirst
from django.views.decorators.http import require_POST

from config.admin.formats import (
    NOTHING,
    badge,
    duration,
    folded_json,
    moment,
    progress,
    short_id,
    spoken,
)
from config.admin.model_admin import ReadOnlyModelAdmin
from config.admin.refusals import refusal
from jobs import registry, switches
from jobs.admin.addresses import as_id, page_of, queue_url, way_back
from jobs.admin.attempts import attempts_of
from jobs.admin.rights import may_steer_jobs
from jobs.admin.sections import add_place, with_sections
from jobs.admin.states import job_look, state_choices
from jobs.errors import DuplicateJob
from jobs.models import Job
from jobs.printable import one_line, printable

_MOST_AT_ONCE: Final = 500
_ONLY_FAILED: Final = "Only a failed job can be retried; this one is {}."
_ENDED: Final = "The job has ended already: it is {}."


class StateFilter(admin.SimpleListFilter):
    """The states that the table has."""

    title = "state"
    parameter_name = "status"  # as in the lists of other packages

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """Each with its word."""
        return state_choices(model_admin.model.states)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        """The jobs in the chosen state."""
        return queryset.filter(status=self.value()) if self.value() else queryset


class JobAdmin(ReadOnlyModelAdmin):
    """Jobs of one queue: looked at, retried, cancelled."""

    domain_errors: ClassVar[tuple[type[Exception], ...]] = (DuplicateJob,)
    numeric: ClassVar[Sequence[str]] = ("priority_shown", "attempts", "waited", "ran")
    purpose: ClassVar[str] = "Every job of this queue: what it does, what waits, what went wrong."
    empty_text: ClassVar[str] = "Nothing was put into this queue yet. Each job appears here."

    # The page about jobs under which these stand.
    section: ClassVar[str] = "jobs_queue_"

    change_list_template = "jobs/list.html"
    list_display: tuple[str, ...] = (
        "job",
        "state",
        "priority_shown",
        "attempts",
        "waited",
        "ran",
        "what_happens",
        "asked",
        "steer",
    )
    list_filter = (StateFilter,)
    ordering = ("-id",)
    search_fields: ClassVar[tuple[str, ...]] = ("id",)
    search_help_text = "Id of a job"
    actions = ("retry", "cancel")

    @property
    def kind(self) -> registry.JobKind:
        """What the registry knows of these jobs."""
        return next(kind for kind in registry.kinds() if kind.model is self.model)

    # --- Permissions and addresses --------------------------------------------------------------

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whoever may see the queue may see its jobs."""
        return request.user.has_perm("jobs.view_queue") or super().has_view_permission(request, obj)

    def has_steer_permission(self, request: HttpRequest) -> bool:
        """Whether the person may retry and cancel."""
        return may_steer_jobs(request, self.model)

    def get_urls(self) -> list[URLPattern]:
        """Django's, and an address for each way of steering a job."""
        own = [
            path(
                f"<uuid:job_id>/{name}/",
                self.admin_site.admin_view(require_POST(view)),
                name=f"{self.opts.app_label}_{self.opts.model_name}_{name}",
            )
            for name, view in (("retry", self.retry_view), ("cancel", self.cancel_view))
        ]
        return own + super().get_urls()

    # --- The list -------------------------------------------------------------------------------

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, beside the other pages about jobs."""
        context = {
            "title": f"{spoken(self.kind.queue)}: jobs",
            "queue": self.kind.queue,
            "queue_url": queue_url(self.kind.queue),
            **(extra_context or {}),
        }
        full = with_sections(request, context, under=self.section)
        return super().changelist_view(request, full)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By id."""
        if not search_term.strip():
            return queryset, False
        wanted = as_id(search_term)
        return (queryset.filter(pk=wanted) if wanted else queryset.none()), False

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """The buttons only for whoever may press them."""
        may_steer = self.has_steer_permission(request)
        return tuple(name for name in self.list_display if may_steer or name != "steer")

    @admin.display(description="job")
    def job(self, job: Job) -> SafeString:
        """Its id."""
        return short_id(job.pk)

    @admin.display(description="state")
    def state(self, job: Job) -> SafeString:
        """Where it stands."""
        return badge(*job_look(job.status, job.states, held=job.available_at is not None))

    @admin.display(description="priority")
    def priority_shown(self, job: Job) -> str:
        """1 to 10; 10 goes first."""
        return str(job.priority)

    @admin.display(description="attempts")
    def attempts(self, job: Job) -> str:
        """How often it was begun."""
        return str(job.attempt) if job.attempt else NOTHING

    @admin.display(description="waited")
    def waited(self, job: Job) -> str:
        """From being asked for to the last start, or until now."""
        until = job.started_at or job.completed_at or timezone.now()
        return duration(max(0.0, (until - job.created_at).total_seconds() * 1000))

    @admin.display(description="ran")
    def ran(self, job: Job) -> str:
        """How long the last attempt took, or takes so far."""
        if job.started_at is None or job.status in {job.states.ready, job.states.waiting}:
            return NOTHING
        until = job.completed_at or timezone.now()
        return duration(max(0.0, (until - job.started_at).total_seconds() * 1000))

    @admin.display(description="what happens", empty_value="")
    def what_happens(self, job: Job) -> SafeString | str:
        """Progress while it runs, the error when it went wrong."""
        if job.status == job.states.running and job.progress_total:
            return progress(
                job.progress_done,
                job.progress_total,
                label="Progress",
                note=one_line(job.progress_message or ""),
            )
        if job.error_message and job.status in {job.states.failed, job.states.waiting}:
            return format_html(
                '<span class="job-error" title="{}">{}</span>',
                printable(job.error_message[:1000]),
                Truncator(one_line(job.error_message)).chars(120),
            )
        return ""

    @admin.display(description="asked for")
    def asked(self, job: Job) -> SafeString:
        """When."""
        return moment(job.created_at)

    @admin.display(description="", empty_value="")
    def steer(self, job: Job) -> SafeString | str:
        """The one button that its state allows; it submits the list's form to its own address."""
        name = self._possible(job)
        if not name:
            return ""
        return format_html(
            '<button type="submit" class="btn is-quiet is-small" formaction="{}"'
            ' aria-label="{} {}">{}</button>',
            page_of(self.kind, name, job.pk),
            name.capitalize(),
            title_of(job),
            name.capitalize(),
        )

    @staticmethod
    def _possible(job: Job) -> str:
        if job.status == job.states.failed:
            return "retry"
        return "cancel" if job.status in job.states.live and not job.cancel_requested else ""

    # --- One job --------------------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Everything about a job; it changes nothing itself."""
        if not self.has_view_permission(request):
            raise PermissionDenied("Your role may not do this.")
        job_id = as_id(object_id)
        job = self.kind.jobs.filter(pk=job_id).first() if job_id else None
        if job is None:
            self.message_user(request, f"There is no job {object_id[:64]}.", messages.WARNING)
            return HttpResponseRedirect(page_of(self.kind, "changelist"))
        steers = self.has_steer_permission(request)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title_of(job),
            "job": job,
            "kind": self.kind,
            "badge": self.state(job),
            "error": printable(job.error_message or ""),
            "progress_message": one_line(job.progress_message or ""),
            "waited": self.waited(job),
            "ran": self.ran(job),
            "failed": job.status == job.states.failed,
            "done": job.status == job.states.done,
            "own_fields": list(_own_fields(job)),
            "attempts": attempts_of(job),
            "queue_url": queue_url(self.kind.queue),
            "list_url": page_of(self.kind, "changelist"),
            **{
                f"{name}_url": page_of(self.kind, name, job.pk)
                for name in ("retry", "cancel")
                if steers and name == self._possible(job)
            },
        }
        request.current_app = self.admin_site.name
        full = with_sections(request, context, under=self.section)
        return TemplateResponse(request, "jobs/job.html", full)

    # --- Steering -------------------------------------------------------------------------------

    def retry_view(self, request: HttpRequest, job_id: UUID) -> HttpResponse:
        """Put a failed job in line once more."""
        return self._steered(request, job_id, self._retry, "is in line again")

    def cancel_view(self, request: HttpRequest, job_id: UUID) -> HttpResponse:
        """Take a job out of the line, or ask it to stop."""
        return self._steered(request, job_id, self._cancel, "is cancelled, or asked to stop")

    def _steered(
        self, request: HttpRequest, job_id: UUID, change: Callable[[UUID], str], done: str
    ) -> HttpResponse:
        if not self.has_steer_permission(request):
            raise PermissionDenied("Your role may not do this.")
        if refused := self._attempted(change, job_id):
            messages.warning(request, refused)
        else:
            messages.success(request, f"The job {done}.")
        return HttpResponseRedirect(way_back(request, page_of(self.kind, "changelist")))

    @admin.action(description="Retry", permissions=["steer"])
    def retry(self, request: HttpRequest, chosen: QuerySet[Job]) -> None:
        """Put failed jobs in line once more."""
        self._each(request, chosen, self._retry, "put in line again")

    @admin.action(description="Cancel", permissions=["steer"])
    def cancel(self, request: HttpRequest, chosen: QuerySet[Job]) -> None:
        """Take waiting jobs out of the line, ask running ones to stop."""
        self._each(request, chosen, self._cancel, "cancelled, or asked to stop")

    def _each(
        self, request: HttpRequest, chosen: QuerySet[Job], change: Callable[[UUID], str], done: str
    ) -> None:
        ids = list(chosen.values_list("pk", flat=True)[: _MOST_AT_ONCE + 1])
        if len(ids) > _MOST_AT_ONCE:
            text = f"At most {_MOST_AT_ONCE} jobs are changed at once. Go page by page."
            self.message_user(request, text, messages.WARNING)
            return
        refusals = [self._attempted(change, pk) for pk in ids]
        if changed := refusals.count(""):
            noun = "job is" if changed == 1 else "jobs are"
            self.message_user(request, f"{changed} {noun} {done}.", messages.SUCCESS)
        for sentence in dict.fromkeys(filter(None, refusals)):
            times = refusals.count(sentence)
            text = sentence if times == 1 else f"{times} jobs: {sentence}"
            self.message_user(request, text, messages.WARNING)

    def _attempted(self, change: Callable[[UUID], str], job_id: UUID) -> str:
        """The sentence with which the change was refused, or nothing."""
        try:
            with transaction.atomic():
                return change(job_id)
        except DuplicateJob:
            return "The same job already waits or runs."
        except DatabaseError as error:
            sentence = refusal(error, self.model)
            if sentence is None:
                raise
            return sentence

    def _retry(self, job_id: UUID) -> str:
        if switches.retry_job(self.kind.queue, job_id):
            return ""
        return self._why_not(job_id, _ONLY_FAILED)

    def _cancel(self, job_id: UUID) -> str:
        if switches.cancel_job(self.kind.queue, job_id):
            return ""
        return self._why_not(job_id, _ENDED)

    def _why_not(self, job_id: UUID, sentence: str) -> str:
        status = self.kind.jobs.filter(pk=job_id).values_list("status", flat=True).first()
        if status is None:
            return f"There is no job {job_id}."
        return sentence.format(job_look(status, self.model.states)[0].lower())


def title_of(job: Job) -> str:
    """What the job calls itself; else what such jobs are called, and its id."""
    if type(job).__str__ is not Model.__str__:
        return capfirst(str(job))
    return f"{capfirst(str(job._meta.verbose_name))} {job.pk}"


def _own_fields(job: Job) -> Iterator[tuple[str, SafeString | str]]:
    """What the job's own table adds to the columns of every queue: name and value."""
    common = {field.name for field in Job._meta.local_fields}
    for field in job._meta.concrete_fields:
        if field.name in common or field.primary_key:
            continue
        value = getattr(job, field.attname)
        if isinstance(value, (dict, list)):
            shown: SafeString | str = folded_json(value, "Show")
        elif value is None or value == "":
            shown = NOTHING
        else:
            shown = moment(value) if hasattr(value, "tzinfo") else str(value)
        yield capfirst(str(field.verbose_name)), shown


def register_missing(site: AdminSite) -> None:
    """Give every queue whose package has no pages of its own the ones made here.

    To be called once all apps are ready, before the site's addresses are made.
    """
    models = [kind.model for kind in registry.kinds()]
    for model in models:
        if not site.is_registered(model):
            site.register(model, JobAdmin)
    # A package with pages of its own says itself where they belong.
    made = (model._meta for model in models if type(site._registry[model]) is JobAdmin)
    add_place(*(f"{options.app_label}_{options.model_name}_" for options in made))
