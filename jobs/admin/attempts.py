"""Attempts at jobs: every one that did not end well, and those of one job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from config.admin.formats import NOTHING, badge, duration, moment, short_id
from config.admin.model_admin import ReadOnlyModelAdmin
from jobs import registry
from jobs.admin.addresses import as_id, job_url, kind_of_table
from jobs.admin.sections import with_sections
from jobs.admin.states import OUTCOME_MEANINGS, job_look, outcome_badge
from jobs.models import Attempt, Job
from jobs.printable import one_line, printable

# More than this of one job are not shown on its page; the list of attempts has them all.
SHOWN_OF_ONE_JOB: Final = 20


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One attempt at a job, as the pages show it."""

    number: int
    badge: SafeString
    meaning: str
    started_at: datetime | None
    ended_at: datetime | None
    took: str
    worker: str
    error: str


def attempts_of(job: Job) -> list[AttemptRow]:
    """The latest attempts at a job, the last one first, for ``{% include "jobs/attempts.html" %}``.

    Those that did not end well have rows of their own; the one that runs, or that ended the job,
    stands on the job's row.
    """
    found = Attempt.objects.filter(job_id=job.pk, table_name=job._meta.db_table)
    kept = list(found.order_by("-attempt", "-id")[:SHOWN_OF_ONE_JOB])
    rows = [_kept(one) for one in kept]
    latest = max((one.attempt for one in kept), default=0)
    states = job.states
    if job.attempt > latest and job.status in {states.running, states.done, states.failed}:
        rows.insert(0, _own(job))
    return rows


def _kept(one: Attempt) -> AttemptRow:
    return AttemptRow(
        one.attempt,
        outcome_badge(one.outcome),
        OUTCOME_MEANINGS.get(one.outcome, ""),
        one.started_at,
        one.ended_at,
        _took(one.started_at, one.ended_at),
        one.worker_id or "",
        printable(one.error_message or ""),
    )


def _own(job: Job) -> AttemptRow:
    states = job.states
    ended = None if job.status == states.running else job.completed_at
    return AttemptRow(
        job.attempt,
        badge(*job_look(job.status, states)),
        "",
        job.started_at,
        ended,
        _took(job.started_at, ended or timezone.now()),
        job.worker_id or "",
        printable(job.error_message or "") if job.status == states.failed else "",
    )


def _took(started_at: datetime | None, ended_at: datetime | None) -> str:
    if started_at is None or ended_at is None:
        return NOTHING
    return duration(max(0.0, (ended_at - started_at).total_seconds() * 1000))


class QueueFilter(admin.SimpleListFilter):
    """The queues there are."""

    title = "queue"
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """Table and name of each queue."""
        return [(kind.model._meta.db_table, kind.queue) for kind in registry.kinds()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        """The attempts at jobs of the chosen queue."""
        table = self.value()
        return queryset.filter(table_name=table) if table else queryset


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyModelAdmin):
    """Attempts that did not end well, the newest first."""

    purpose: ClassVar[str] = (
        "Every attempt at a job that did not end well: what went wrong, where, and when."
    )
    empty_text: ClassVar[str] = (
        "No attempt has gone wrong. Each one that fails, is lost or is cancelled appears here."
    )
    numeric: ClassVar[Sequence[str]] = ("attempt_shown", "took")
    change_list_template = "jobs/list.html"
    list_display = (
        "when",
        "queue",
        "job",
        "attempt_shown",
        "outcome_shown",
        "error",
        "took",
        "worker",
    )
    list_filter = (QueueFilter, "outcome")
    ordering = ("-id",)
    search_fields = ("job_id",)
    search_help_text = "Id of a job"
    fields = (
        "queue",
        "job",
        "attempt_shown",
        "outcome_shown",
        "meaning",
        "error_whole",
        "started",
        "ended",
        "took",
        "worker",
    )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, beside the other pages about jobs."""
        return super().changelist_view(request, with_sections(request, extra_context))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By the id of the job."""
        if not search_term.strip():
            return queryset, False
        wanted = as_id(search_term)
        return (queryset.filter(job_id=wanted) if wanted else queryset.none()), False

    @admin.display(description="ended")
    def when(self, one: Attempt) -> SafeString:
        """When it ended."""
        return moment(one.ended_at)

    ended = when

    @admin.display(description="started")
    def started(self, one: Attempt) -> SafeString:
        """When it began."""
        return moment(one.started_at)

    @admin.display(description="queue")
    def queue(self, one: Attempt) -> str:
        """Its name, or the table's where the queue is gone."""
        kind = kind_of_table(one.table_name)
        return kind.queue if kind else one.table_name

    @admin.display(description="job")
    def job(self, one: Attempt) -> SafeString:
        """Its id, leading to its page."""
        url = job_url(one.table_name, one.job_id)
        shown = short_id(one.job_id)
        return format_html('<a href="{}">{}</a>', url, shown) if url else shown

    @admin.display(description="attempt")
    def attempt_shown(self, one: Attempt) -> str:
        """Its number."""
        return str(one.attempt)

    @admin.display(description="outcome")
    def outcome_shown(self, one: Attempt) -> SafeString:
        """How it ended."""
        return outcome_badge(one.outcome)

    @admin.display(description="meaning")
    def meaning(self, one: Attempt) -> str:
        """What such an end means."""
        return OUTCOME_MEANINGS.get(one.outcome, NOTHING)

    @admin.display(description="error")
    def error(self, one: Attempt) -> SafeString | str:
        """What went wrong, in short."""
        if not one.error_message:
            return NOTHING
        return format_html(
            '<span class="job-error" title="{}">{}</span>',
            printable(one.error_message[:1000]),
            Truncator(one_line(one.error_message)).chars(160),
        )

    @admin.display(description="error")
    def error_whole(self, one: Attempt) -> SafeString | str:
        """What went wrong."""
        if not one.error_message:
            return NOTHING
        text = printable(one.error_message)
        return format_html('<span class="job-error is-whole">{}</span>', text)

    @admin.display(description="took")
    def took(self, one: Attempt) -> str:
        """For how long it ran."""
        return _took(one.started_at, one.ended_at)

    @admin.display(description="worker")
    def worker(self, one: Attempt) -> SafeString:
        """Who had it."""
        if not one.worker_id:
            return format_html("{}", NOTHING)
        return format_html('<code class="worker-name">{}</code>', one.worker_id)
