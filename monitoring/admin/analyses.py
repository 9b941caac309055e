"""Analyses: maps that are made, samples that are placed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from accounts.admin.posting import person as person_of
from config.admin.formats import number, percent
from config.admin.model_admin import PageAction
from jobs.admin.addresses import page_of
from jobs.admin.any_job import JobAdmin
from jobs.admin.attempts import attempts_of
from jobs.printable import one_line, printable
from monitoring.actions import requesting
from monitoring.admin import filters, shown
from monitoring.admin.posting import as_id, page
from monitoring.admin.sections import SEE_ANALYSES, sections
from monitoring.errors import MonitoringError
from monitoring.models import Analysis, AnalysisType


class TypeFilter(admin.SimpleListFilter):
    """What is done."""

    title, parameter_name = "kind", "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The two."""
        return [("fit", "Maps"), ("place", "Samples")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of the kind."""
        value = self.value()
        return queryset.filter(analysis_type=value) if value in AnalysisType.values else queryset


@admin.register(Analysis)
class AnalysisAdmin(JobAdmin):
    """As the pages of any job, with what came out."""

    beside = sections
    purpose: ClassVar[str] = "Maps that are made and samples that are placed, and what came out."
    empty_text: ClassVar[str] = (
        "No analysis was asked for yet. On a dataset's page, have a map made or samples placed."
    )
    numeric: ClassVar[Sequence[str]] = ("rows", "anomalous", "ran")
    domain_errors: ClassVar[tuple[type[Exception], ...]] = (MonitoringError,)
    change_list_template = "monitoring/list.html"
    list_display = (
        "title",
        "state",
        "machine",
        "rows",
        "anomalous",
        "ran",
        "what_happens",
        "asked",
        "steer",
    )
    list_display_links = ("title",)
    list_filter: ClassVar[Any] = (*JobAdmin.list_filter, TypeFilter, filters.DatasetFilter)
    list_select_related = ("dataset", "file_upload")
    ordering: ClassVar[Any] = ("-created_at", "-id")
    search_help_text = "Id of an analysis"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may see analyses; rows of others are not there for them."""
        return request.user.has_perm(SEE_ANALYSES)

    def get_urls(self) -> list[URLPattern]:
        """Those of any job, and how far one is."""
        own = path(
            "<uuid:job_id>/status/",
            self.admin_site.admin_view(require_safe(self.status_view)),
            name="monitoring_analysis_status",
        )
        return [own, *super().get_urls()]

    def get_empty_action(self, request: HttpRequest) -> PageAction | None:
        """To the datasets."""
        return PageAction("Datasets", reverse("admin:monitoring_dataset_changelist"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Analysis]:
        """Without the columns of long files, and what is noted of datasets."""
        rows: QuerySet[Analysis] = super().get_queryset(request)
        return rows.defer(
            "file_upload__header",
            "file_upload__column_kinds",
            "file_upload__remarks",
            *shown.HEAVY,
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, beside the other pages about monitoring."""
        context = {
            "title": "Analyses",
            "sections": sections(request),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    # --- Columns --------------------------------------------------------------------------------

    @admin.display(description="analysis")
    def title(self, row: Analysis) -> SafeString:
        """What is done, with which file."""
        return format_html(
            '{}<br><bdi class="quiet-text">{}</bdi>',
            shown.analysis_word(row.analysis_type),
            row.file_upload.original_filename,
        )

    @admin.display(description="dataset")
    def machine(self, row: Analysis) -> str:
        """The machine."""
        return row.dataset.name

    @admin.display(description="rows")
    def rows(self, row: Analysis) -> str:
        """How many the file has."""
        return number(_whole(row, "rows"))

    @admin.display(description="anomalous")
    def anomalous(self, row: Analysis) -> str:
        """How many left the healthy region."""
        return number(_whole(row, "anomalous"))

    # --- One analysis ---------------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Everything about an analysis; it changes nothing itself."""
        job = self._found(request, object_id)
        if job is None:
            self.message_user(request, f"There is no analysis {object_id[:64]}.", messages.WARNING)
            return HttpResponseRedirect(page_of(self.kind, "changelist"))
        possible, steers = self._possible(job), self.has_steer_permission(request)
        context = {
            "opts": self.opts,
            "job": job,
            "badge": self.state(job),
            "what": shown.analysis_word(job.analysis_type),
            "error": printable(job.error_message or ""),
            "failed": job.status == job.states.failed,
            "live": job.status in job.states.live,
            "sentence": sentence_of(job),
            "status_url": page_of(self.kind, "status", job.pk),
            "waited": self.waited(job),
            "ran": self.ran(job),
            "figures": figures_of(job),
            "severities": severities_of(job),
            "remarks": (job.results or {}).get("warnings", []),
            "dataset_url": shown.dataset_url(job.dataset_id),
            "anomalies_url": f"{reverse('admin:monitoring_anomaly_changelist')}?q={job.pk}",
            "attempts": attempts_of(job),
            **{
                f"{name}_url": page_of(self.kind, name, job.pk)
                for name in ("retry", "cancel")
                if steers and name == possible
            },
        }
        title = f"{context['what']}: {job.file_upload.original_filename}"
        return page(request, "analysis", title, context)

    def status_view(self, request: HttpRequest, job_id: UUID) -> JsonResponse:
        """How far the analysis is: what its page asks once a second."""
        job = self._found(request, str(job_id))
        if job is None:
            return JsonResponse({"error": "There is no such analysis."}, status=404)
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
        key = as_id(object_id)
        rows = self.get_queryset(request).select_related(
            "dataset", "file_upload", "created_by", "dinsight__config", "config"
        )
        heavy = [f"dinsight__{name}" for name in ("baseline", "detector", "x_values", "y_values")]
        return rows.defer(*heavy).filter(pk=key).first() if key else None

    # --- Steering -------------------------------------------------------------------------------

    def _steered(self, request: HttpRequest, job_id: UUID, change: Any, done: str) -> HttpResponse:
        """Through the package's own actions, which name who did it."""
        if not self.has_steer_permission(request):
            raise PermissionDenied("Your role may not do this.")
        by = person_of(request)
        act = requesting.retry if change == self._retry else requesting.cancel
        try:
            act(job_id, by=by)
        except MonitoringError as refused:
            messages.warning(request, str(refused))
        else:
            messages.success(request, f"The analysis {done}.")
        return HttpResponseRedirect(reverse("admin:monitoring_analysis_change", args=[job_id]))


def _whole(row: Analysis, name: str) -> int | None:
    value = (row.results or {}).get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def sentence_of(job: Analysis) -> str:
    """What an analysis does at the moment, in words."""
    if job.status not in job.states.live:
        return ""
    if job.cancel_requested:
        return "Asked to stop; it ends at the next step."
    if job.status == job.states.running:
        return (one_line(job.progress_message or "") or "It has begun").capitalize() + "."
    return "In line; a worker takes it as soon as one is free."


_FIGURES: dict[str, str] = {
    "rows": "Rows",
    "features": "Features",
    "anchors": "Rows that new samples are held against",
    "anomalous": "Anomalous",
    "discoveries": "Of these at most a tenth wrong",
    "off_map": "Outside what the map can draw",
    "threshold": "Threshold",
    "alarm_level": "Alarm level",
    "drift_p_value": "Drift, p-value",
    "iterations": "Steps",
    "cost": "Cost",
    "stress": "Stress",
    "trustworthiness": "Trustworthiness",
    "correlation": "Correlation of distances",
    "least_alarm_level": "Least alarm level",
}


def figures_of(job: Analysis) -> list[tuple[str, str]]:
    """What came out, by name."""
    said = job.results or {}
    return [
        (word, f"{said[name]:,}" if isinstance(said[name], int) else shown.figure(said[name]))
        for name, word in _FIGURES.items()
        if isinstance(said.get(name), (int, float)) and not isinstance(said.get(name), bool)
    ]


def severities_of(job: Analysis) -> list[tuple[SafeString, str, str]]:
    """Of a placing: how many samples of each severity, and their share."""
    said = (job.results or {}).get("severities")
    total = _whole(job, "rows") or 0
    if not isinstance(said, dict) or not total:
        return []
    return [
        (shown.severity_badge(word), number(count), percent(count / total, digits=2))
        for word in shown.RANKS
        if isinstance(count := said.get(word), int)
    ]
