"""The queues: how each stands, its course in pictures, and its switches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, TypeVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from config.admin.formats import number, spoken
from config.admin.model_admin import PageAction, ReadOnlyModelAdmin
from jobs import figures, health, registry, status, switches
from jobs.admin import charts, standing
from jobs.admin.addresses import as_id, page_of, queue_url
from jobs.admin.rights import may_switch_queues
from jobs.admin.sections import with_sections
from jobs.errors import UnknownQueue
from jobs.models import Queue

# More than this are not put in line again within one request.
_MOST_AT_ONCE: Final = 20_000

F = TypeVar("F", bound=forms.Form)


class PauseForm(forms.Form):
    """Why a queue is stopped."""

    reason = forms.CharField(
        label="Why?",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text="Everybody who looks at the queue reads this, and who paused it.",
    )


class LimitForm(forms.Form):
    """How many jobs may start in how long."""

    jobs = forms.IntegerField(label="Jobs at most", min_value=1, max_value=switches.MOST_JOBS)
    seconds = forms.IntegerField(
        label="In seconds",
        min_value=1,
        max_value=switches.LONGEST_RATE_SECONDS,
        initial=60,
        help_text="60 for so many a minute, 3600 for so many an hour.",
    )


@admin.register(Queue)
class QueueAdmin(ReadOnlyModelAdmin):
    """Every registered queue, with a row of switches or without."""

    purpose: ClassVar[str] = (
        "All work done in the background: what waits, what runs, how fast, and what went wrong."
    )

    def get_urls(self) -> list[URLPattern]:
        """Django's, and an address for each switch; a form is shown by GET, changes are POSTed."""
        views: dict[str, Callable[..., HttpResponse]] = {
            "pause": self.pause_view,
            "resume": require_POST(self.resume_view),
            "limit": self.limit_view,
            "unlimit": require_POST(self.unlimit_view),
            "retry": self.retry_view,
        }
        own = [
            path(
                f"<str:queue>/{name}/",
                self.admin_site.admin_view(view),
                name=f"jobs_queue_{name}",
            )
            for name, view in views.items()
        ]
        return own + super().get_urls()

    # --- Pages ----------------------------------------------------------------------------------

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """All queues on one page; there are few."""
        self._require(request, "jobs.view_queue")
        context = {
            "title": "Queues",
            "purpose": self.purpose,
            "cards": [standing.card(one) for one in status.queues()],
            "warnings": health.warnings(),
            "may_steer": may_switch_queues(request),
            **(extra_context or {}),
        }
        return self._page(request, "jobs/queues.html", context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One queue, by its name or the id of its row."""
        self._require(request, "jobs.view_queue")
        kind = self._kind_or_none(object_id)
        if kind is None:
            text = f"There is no queue {object_id[:64]}. These are the queues there are."
            self.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(reverse("admin:jobs_queue_changelist"))
        span = figures.SPANS.get(request.GET.get("span", ""), figures.HOUR)
        now, table = status.queue(kind.queue), kind.model._meta.db_table
        course = now.hour if span is figures.HOUR else figures.course(table, span)
        context = {
            "title": spoken(kind.queue),
            "kicker": "Queue",
            "purpose": "How the queue stands, how fast it is, and how long its jobs wait and run.",
            "card": standing.card(now),
            "tiles": standing.tiles(now),
            "facts": standing.facts(now),
            "spans": [(one.name, one is span) for one in figures.SPANS.values()],
            "pictures": charts.pictures(course),
            "course_rows": charts.rows(course),
            "step_words": charts.step_words(course),
            "jobs_url": page_of(kind, "changelist"),
            "attempts_url": f"{reverse('admin:jobs_attempt_changelist')}?queue={table}",
            "history_url": reverse("admin:jobs_queue_history", args=[now.switches.pk])
            if now.switches is not None
            else "",
            "may_see_attempts": request.user.has_perm("jobs.view_attempt"),
            "may_steer": may_switch_queues(request),
            "page_actions": self._actions(request, now),
            **(extra_context or {}),
        }
        return self._page(request, "jobs/queue.html", context)

    def _actions(self, request: HttpRequest, now: status.QueueStatus) -> Sequence[PageAction]:
        jobs = PageAction("Its jobs", page_of(registry.kind(now.queue), "changelist"), kind="quiet")
        if not may_switch_queues(request):
            return [jobs]
        limited = now.switches is not None and now.switches.rate_limit is not None
        limit = "Change the rate limit" if limited else "Limit the rate"
        found = [jobs, PageAction(limit, queue_url(now.queue, "limit"), kind="quiet")]
        if limited:
            url = queue_url(now.queue, "unlimit")
            found.append(PageAction("Remove the limit", url, kind="quiet", method="post"))
        if now.counts.failed != 0:
            url = queue_url(now.queue, "retry")
            found.append(PageAction("Retry all failed", url, kind="quiet"))
        if now.paused:
            url = queue_url(now.queue, "resume")
            found.append(PageAction("Resume", url, method="post", key="r"))
        else:
            found.append(PageAction("Pause", queue_url(now.queue, "pause"), kind="danger"))
        return found

    # --- Switches -------------------------------------------------------------------------------

    def pause_view(self, request: HttpRequest, queue: str) -> HttpResponse:
        """Ask for the reason, then stop the queue."""
        kind = self._steerable(request, queue)
        form = PauseForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            reason = form.cleaned_data["reason"]
            switches.pause(kind.queue, by=request.user.get_username(), reason=reason)
            return self._changed(request, kind, "is paused. What runs is finished first.", reason)
        return self._ask(
            request,
            kind,
            form,
            title=f"Pause {spoken(kind.queue)}",
            purpose="No further job of the queue starts until somebody resumes it. Jobs that run"
            " are finished, and new ones still come in and wait.",
            button="Pause the queue",
            danger=True,
        )

    def resume_view(self, request: HttpRequest, queue: str) -> HttpResponse:
        """Let the queue run again."""
        kind = self._steerable(request, queue)
        switches.resume(kind.queue, by=request.user.get_username())
        return self._changed(request, kind, "runs again.", "")

    def limit_view(self, request: HttpRequest, queue: str) -> HttpResponse:
        """Ask for the rate, then set it."""
        kind = self._steerable(request, queue)
        row = Queue.objects.filter(table_name=kind.model._meta.db_table).first()
        now = {"jobs": row.rate_limit, "seconds": row.rate_seconds} if row else {}
        form = LimitForm(request.POST if request.method == "POST" else None, initial=now)
        if request.method == "POST" and form.is_valid():
            jobs, seconds = form.cleaned_data["jobs"], form.cleaned_data["seconds"]
            by = request.user.get_username()
            switches.limit(kind.queue, jobs=jobs, seconds=seconds, by=by)
            said = f"starts at most {number(jobs)} jobs in {number(seconds)} s now."
            return self._changed(request, kind, said, "")
        return self._ask(
            request,
            kind,
            form,
            title=f"Limit the rate of {spoken(kind.queue)}",
            purpose="So many jobs of the queue start in that time at most, over all workers.",
            button="Set the limit",
        )

    def unlimit_view(self, request: HttpRequest, queue: str) -> HttpResponse:
        """Let jobs start as fast as there are workers."""
        kind = self._steerable(request, queue)
        switches.limit(kind.queue, jobs=None, by=request.user.get_username())
        return self._changed(request, kind, "has no rate limit any more.", "")

    def retry_view(self, request: HttpRequest, queue: str) -> HttpResponse:
        """Say how many it would be, then put every failed job in line once more."""
        kind = self._steerable(request, queue)
        failed = status.counts(kind).failed
        if failed is None or failed > _MOST_AT_ONCE:
            text = (
                "So many jobs may have failed that one click is too little for them. An operator"
                f" retries them with: python manage.py retry_jobs {kind.queue} --all"
            )
            self.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(queue_url(kind.queue))
        if request.method == "POST":
            count = switches.retry_failed(kind.queue)
            said = f"has {number(count)} job{'' if count == 1 else 's'} in line again."
            return self._changed(request, kind, said, "")
        jobs = "1 failed job" if failed == 1 else f"{number(failed)} failed jobs"
        return self._ask(
            request,
            kind,
            forms.Form(),
            title=f"Retry {jobs} of {kind.queue}?",
            purpose="Each is put in line once more, its retries counted anew. What failed for a"
            " reason that still stands will fail again.",
            button=f"Retry {jobs}",
            possible=failed > 0,
        )

    # --- Parts ----------------------------------------------------------------------------------

    def _require(self, request: HttpRequest, permission: str) -> None:
        if not request.user.has_perm(permission):
            raise PermissionDenied("Your role may not do this.")

    def _steerable(self, request: HttpRequest, queue: str) -> registry.JobKind:
        if not may_switch_queues(request):
            raise PermissionDenied("Your role may not do this.")
        kind = self._kind_or_none(queue)
        if kind is None:
            raise Http404(f"There is no queue {queue[:64]}.")
        return kind

    def _kind_or_none(self, name: str) -> registry.JobKind | None:
        row_id = as_id(name)
        if row_id is not None:
            row = Queue.objects.filter(pk=row_id).first()
            tables = {kind.model._meta.db_table: kind for kind in registry.kinds()}
            return tables.get(row.table_name) if row else None
        try:
            return registry.kind(name)
        except UnknownQueue:
            return None

    def _changed(
        self, request: HttpRequest, kind: registry.JobKind, said: str, reason: str
    ) -> HttpResponse:
        """Note the change in the history, say it, and show the queue."""
        row = Queue.objects.filter(table_name=kind.model._meta.db_table).first()
        if row is not None:
            self.log_change(request, row, f"{spoken(kind.queue)} {said} {reason}".strip())
        self.message_user(request, f"{spoken(kind.queue)} {said}", messages.SUCCESS)
        return HttpResponseRedirect(queue_url(kind.queue))

    def _ask(
        self, request: HttpRequest, kind: registry.JobKind, form: F, **context: Any
    ) -> HttpResponse:
        context = {
            "form": form,
            "queue": kind.queue,
            "queue_url": queue_url(kind.queue),
            "possible": True,
            **context,
        }
        return self._page(request, "jobs/ask.html", context)

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        request.current_app = self.admin_site.name
        common = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(request, template, with_sections(request, {**common, **context}))
