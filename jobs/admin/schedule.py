"""The schedule: what recurs, when it ran last and how that ended, and its switches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import quote

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from config.admin.formats import NOTHING, badge, moment
from config.admin.model_admin import PageAction, ReadOnlyModelAdmin
from jobs import schedule
from jobs.admin.any_job import JobAdmin
from jobs.admin.cron_words import in_words
from jobs.admin.rights import may_switch_schedule
from jobs.admin.sections import with_sections
from jobs.admin.states import job_look
from jobs.errors import DuplicateJob
from jobs.models import Recurrence, RecurringJob
from jobs.printable import one_line, printable


@admin.register(Recurrence)
class RecurrenceAdmin(ReadOnlyModelAdmin):
    """Every entry of the schedule."""

    purpose: ClassVar[str] = "Work that recurs by itself: what, when, and how its last run ended."
    fields = (
        "name",
        "description",
        "cron_shown",
        "timezone",
        "missed",
        "overlap_shown",
        "max_retries",
        "next_shown",
        "last_shown",
        "state",
        "why_paused",
        "updated_at",
    )

    def get_urls(self) -> list[URLPattern]:
        """Django's, and an address for each switch."""
        views: dict[str, Callable[..., HttpResponse]] = {
            "run": self.run_view,
            "pause": self.pause_view,
            "resume": self.resume_view,
        }
        own = [
            path(
                f"<str:name>/{verb}/",
                self.admin_site.admin_view(require_POST(view)),
                name=f"jobs_recurrence_{verb}",
            )
            for verb, view in views.items()
        ]
        return own + super().get_urls()

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """All entries on one page; there are few."""
        if not self.has_view_permission(request):
            raise PermissionDenied("Your role may not do this.")
        runs = reverse("admin:jobs_recurringjob_changelist")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Schedule",
            "purpose": self.purpose,
            "lines": [_line(one) for one in schedule.standing()],
            "may_steer": may_switch_schedule(request),
            "page_actions": [PageAction("Every run", runs, kind="quiet")],
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "jobs/schedule.html", with_sections(request, context))

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Recurrence | None:
        """The entry of this name or id."""
        row = Recurrence.objects.filter(name=object_id).first()
        return row or super().get_object(request, object_id, from_field)

    def get_page_actions(self, request: HttpRequest, obj: Any = None) -> Sequence[PageAction]:
        """From an entry to its runs, and its switches."""
        if obj is None:
            return []
        runs = f"{reverse('admin:jobs_recurringjob_changelist')}?q={quote(obj.name)}"
        found = [PageAction("Its runs", runs, kind="quiet")]
        if may_switch_schedule(request) and obj.declared:
            verb, label = ("pause", "Pause") if obj.paused_at is None else ("resume", "Resume")
            url = reverse(f"admin:jobs_recurrence_{verb}", args=[obj.name])
            found.append(PageAction(label, url, kind="quiet", method="post"))
            url = reverse("admin:jobs_recurrence_run", args=[obj.name])
            found.append(PageAction("Run now", url, method="post"))
        return found

    # --- Switches -------------------------------------------------------------------------------

    def run_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Queue a run now; the schedule goes on as it is."""
        by = self._steering(request)
        try:
            schedule.run_now(name, by=by)
        except DuplicateJob:
            return self._back(request, f"The entry {name} already waits or runs.", messages.WARNING)
        except (schedule.NotNow, schedule.UnknownEntry) as refused:
            return self._back(request, str(refused), messages.WARNING)
        return self._back(request, f"A run of {name} is in line.", messages.SUCCESS)

    def pause_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Let its ticks pass."""
        by = self._steering(request)
        return self._switched(
            request, lambda: schedule.pause(name, by=by), f"The entry {name} is paused.", name
        )

    def resume_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Let it run again from its next tick on."""
        by = self._steering(request)
        said = f"The entry {name} runs again from its next moment on."
        return self._switched(request, lambda: schedule.resume(name, by=by), said, name)

    def _steering(self, request: HttpRequest) -> str:
        if not may_switch_schedule(request):
            raise PermissionDenied("Your role may not do this.")
        return request.user.get_username()

    def _switched(
        self, request: HttpRequest, change: Callable[[], bool], said: str, name: str
    ) -> HttpResponse:
        try:
            changed = change()
        except schedule.UnknownEntry as refused:
            return self._back(request, str(refused), messages.WARNING)
        row = Recurrence.objects.filter(name=name).first()
        if changed and row is not None:
            self.log_change(request, row, said)
        return self._back(request, said, messages.SUCCESS)

    def _back(self, request: HttpRequest, said: str, level: int) -> HttpResponse:
        self.message_user(request, said, level)
        return HttpResponseRedirect(reverse("admin:jobs_recurrence_changelist"))

    # --- One entry ------------------------------------------------------------------------------

    @admin.display(description="when")
    def cron_shown(self, row: Recurrence) -> str:
        """In words, and as written."""
        words = in_words(row.cron)
        return row.cron if words == row.cron else f"{words} ({row.cron})"

    @admin.display(description="runs")
    def overlap_shown(self, row: Recurrence) -> str:
        """Whether a run may begin while the one before it lasts."""
        return "may overlap" if row.overlap else "one at a time"

    @admin.display(description="next run")
    def next_shown(self, row: Recurrence) -> SafeString:
        """When it is due next."""
        return moment(row.next_at if row.declared and row.paused_at is None else None)

    @admin.display(description="last run")
    def last_shown(self, row: Recurrence) -> SafeString:
        """When it was due last."""
        return moment(row.last_at)

    @admin.display(description="pause reason")
    def why_paused(self, row: Recurrence) -> str:
        """What was said when it was paused."""
        return printable(row.pause_reason) or NOTHING

    @admin.display(description="state")
    def state(self, row: Recurrence) -> SafeString:
        """Whether it runs."""
        return _state(declared=row.declared, paused=row.paused_at is not None)


@admin.register(RecurringJob)
class RecurringJobAdmin(JobAdmin):
    """The runs of all entries, the newest first."""

    purpose: ClassVar[str] = "Every run of recurring work, the newest first."
    empty_text: ClassVar[str] = "Nothing of the schedule has run yet. Each run appears here."
    numeric: ClassVar[Sequence[str]] = ("attempts", "waited", "ran")
    section: ClassVar[str] = "jobs_recurrence_"
    list_display: tuple[str, ...] = (
        "name",
        "due",
        "state",
        "attempts",
        "waited",
        "ran",
        "what_happens",
        "steer",
    )
    search_fields: ClassVar[tuple[str, ...]] = ("id", "name")
    search_help_text = "Id of a run, or the whole name of an entry"

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """By id, or by the name of the entry."""
        found, duplicates = super().get_search_results(request, queryset, search_term)
        term = search_term.strip()
        if not term or found.exists():
            return found, duplicates
        return queryset.filter(name=term), False

    @admin.display(description="due")
    def due(self, job: RecurringJob) -> SafeString:
        """The moment for which it runs."""
        return moment(job.tick)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the schedule's page."""

    name: str
    description: str
    words: str
    cron: str
    timezone: str
    paused: bool
    declared: bool
    badge: SafeString
    next_at: datetime | None
    last_at: datetime | None
    url: str
    run_url: str
    outcome: SafeString
    error: str


def _line(one: schedule.Standing) -> Line:
    paused, last = one.paused_at is not None, one.last_run
    run_url, outcome = "", badge("Never ran")
    if last is not None:
        run_url = reverse("admin:jobs_recurringjob_change", args=[last.id])
        outcome = badge(*job_look(last.status, RecurringJob.states))
    elif one.last_at is not None:
        outcome = badge("Ran, and is pruned")
    return Line(
        name=one.name,
        description=one.description,
        words=in_words(one.cron),
        cron=one.cron,
        timezone=one.timezone,
        paused=paused,
        declared=one.declared,
        badge=_state(declared=one.declared, paused=paused),
        next_at=one.next_at,
        last_at=one.last_at,
        url=reverse("admin:jobs_recurrence_change", args=[one.name]),
        run_url=run_url,
        outcome=outcome,
        error=one_line(last.error_message or "") if last else "",
    )


def _state(*, declared: bool, paused: bool) -> SafeString:
    if not declared:
        return badge("Not in the code any more", "warning")
    return badge("Paused", "warning") if paused else badge("On", "good")
