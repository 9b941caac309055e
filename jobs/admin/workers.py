"""The workers: who works on what, and who has fallen silent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.db.models import BooleanField, Case, QuerySet, Value, When
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from config.admin.formats import NOTHING, badge, moment, tag
from config.admin.model_admin import ReadOnlyModelAdmin
from jobs.admin.sections import with_sections
from jobs.admin.states import ALIVE, SILENT, STOPPED
from jobs.health import SEEN_WITHIN
from jobs.models import Worker

# A worker of more queues than this has the rest of them counted.
_QUEUES_SHOWN: Final = 8


def _silent() -> Case:
    """Whether a worker that was not stopped has not been seen, by the database's clock."""
    seen = When(last_seen_at__gte=Now() - SEEN_WITHIN, then=Value(False))
    return Case(seen, default=Value(True), output_field=BooleanField())


class WorkerStateFilter(admin.SimpleListFilter):
    """Alive, silent, stopped."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """The choices."""
        return [("alive", "Alive"), ("silent", "Silent"), ("stopped", "Stopped")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        """The workers in the chosen state."""
        match self.value():
            case "alive":
                return queryset.filter(stopped_at=None, silent=False)
            case "silent":
                return queryset.filter(stopped_at=None, silent=True)
            case "stopped":
                return queryset.filter(stopped_at__isnull=False)
        return queryset


@admin.register(Worker)
class WorkerAdmin(ReadOnlyModelAdmin):
    """Runs of ``run_worker``, the newest first."""

    purpose: ClassVar[str] = (
        "The processes that do the work. A silent one has not been seen for"
        f" {SEEN_WITHIN.seconds} seconds; its jobs are given to others."
    )
    empty_text: ClassVar[str] = (
        "No worker has run yet. An operator starts one with: python manage.py run_worker"
    )
    numeric: ClassVar[Sequence[str]] = ("in_hand",)
    change_list_template = "jobs/list.html"
    list_display = (
        "name_shown",
        "state",
        "serves",
        "in_hand",
        "hears",
        "hostname",
        "pid",
        "started",
        "seen",
    )
    list_filter = (WorkerStateFilter,)
    ordering = ("-id",)
    search_fields = ("name__startswith", "hostname__startswith")
    search_help_text = "How a worker's name or host begins"
    fields = (
        "name",
        "state",
        "serves",
        "in_hand",
        "hears",
        "hostname",
        "pid",
        "started",
        "seen",
        "stopped",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Worker]:
        """Workers, with whether they are silent."""
        workers: QuerySet[Worker] = super().get_queryset(request)
        return workers.annotate(silent=_silent())

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, beside the other pages about jobs."""
        return super().changelist_view(request, with_sections(request, extra_context))

    @admin.display(description="worker")
    def name_shown(self, worker: Worker) -> SafeString:
        """Its name, as jobs carry it."""
        return format_html('<code class="worker-name">{}</code>', worker.name)

    @admin.display(description="state")
    def state(self, worker: Worker) -> SafeString:
        """Whether it lives."""
        if worker.stopped_at is not None:
            return badge(*STOPPED)
        return badge(*(SILENT if getattr(worker, "silent", True) else ALIVE))

    @admin.display(description="queues")
    def serves(self, worker: Worker) -> SafeString:
        """What it works on."""
        names = worker.queues if isinstance(worker.queues, list) else []
        tags = format_html_join(" ", "{}", ((tag(str(name)),) for name in names[:_QUEUES_SHOWN]))
        more = len(names) - _QUEUES_SHOWN
        return format_html("{} and {} more", tags, more) if more > 0 else tags

    @admin.display(description="jobs in hand")
    def in_hand(self, worker: Worker) -> str:
        """At its last beat, of how many at most."""
        if worker.stopped_at is not None:
            return NOTHING
        return f"{worker.busy} of {worker.concurrency}"

    @admin.display(description="hears of jobs")
    def hears(self, worker: Worker) -> str:
        """At once, or at its next look."""
        return "at once" if worker.listens else "by polling"

    @admin.display(description="started")
    def started(self, worker: Worker) -> SafeString:
        """When."""
        return moment(worker.started_at)

    @admin.display(description="last seen")
    def seen(self, worker: Worker) -> SafeString:
        """Its last beat."""
        return moment(worker.last_seen_at)

    @admin.display(description="stopped")
    def stopped(self, worker: Worker) -> SafeString:
        """When, if it was."""
        return moment(worker.stopped_at)
