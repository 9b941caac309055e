"""Anomalies: their list, one of them, and saying that somebody has seen them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_POST, require_safe

from accounts.admin.posting import at_once, person, require
from config.admin.formats import badge, moment, percent
from config.admin.model_admin import PageAction, ReadOnlyModelAdmin
from monitoring.actions import acknowledging
from monitoring.admin import downloads, filters, shown
from monitoring.admin.pictures import deviation_bars
from monitoring.admin.posting import as_id, attempted, page
from monitoring.admin.sections import ACKNOWLEDGE, SEE_ANOMALIES, sections
from monitoring.errors import MonitoringError
from monitoring.models import Anomaly


@admin.register(Anomaly)
class AnomalyAdmin(ReadOnlyModelAdmin):
    """Samples that left the healthy region: looked at, acknowledged."""

    beside = sections
    purpose: ClassVar[str] = "Samples that left the healthy region, and the features that say why."
    empty_text: ClassVar[str] = (
        "No anomalies. Once samples are placed on a dataset's map, those that leave the healthy"
        " region appear here."
    )
    domain_errors: ClassVar[tuple[type[Exception], ...]] = (MonitoringError,)
    numeric: ClassVar[Sequence[str]] = ("distance_shown", "threshold_shown", "p_shown")

    change_list_template = "monitoring/anomalies.html"
    list_display = (
        "when",
        "severity_shown",
        "machine",
        "distance_shown",
        "threshold_shown",
        "p_shown",
        "why",
        "seen",
    )
    list_display_links = ("when",)
    list_filter = (filters.DatasetFilter, filters.SeverityFilter, filters.SeenFilter)
    list_select_related = ("dataset", "acknowledged_by")
    ordering = ("-timestamp", "-id")
    search_fields = ("id",)
    search_help_text = "Id of an anomaly or an analysis"
    actions = ("acknowledge",)

    # --- Permissions and addresses --------------------------------------------------------------

    def has_acknowledge_permission(self, request: HttpRequest) -> bool:
        """Whoever may change anomalies."""
        return request.user.has_perm(ACKNOWLEDGE)

    def get_empty_action(self, request: HttpRequest) -> PageAction | None:
        """To the datasets, where samples are placed."""
        return PageAction("Datasets", reverse("admin:monitoring_dataset_changelist"))

    def get_urls(self) -> list[URLPattern]:
        """Django's, acknowledging one, and the files for reports."""
        guarded = self.admin_site.admin_view
        own = [
            path(
                "<uuid:anomaly_id>/acknowledge/",
                guarded(require_POST(acknowledge_view)),
                name="monitoring_anomaly_acknowledge",
            ),
            path(
                "download/<str:kind>/",
                guarded(require_safe(self.download_view)),
                name="monitoring_anomaly_download",
            ),
        ]
        return own + super().get_urls()

    # --- The list -------------------------------------------------------------------------------

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, and what it shows as files."""
        files = downloads.addresses("monitoring_anomaly_download", request)
        context = {"files": files, **(extra_context or {})}
        return super().changelist_view(request, context)

    def download_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """What the list shows, filters and all, as a file."""
        require(request, SEE_ANOMALIES)
        with transaction.atomic():
            rows = self.get_changelist_instance(request).get_queryset(request)
            return downloads.of_anomalies(rows, kind)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Anomaly]:
        """Without what is noted of datasets."""
        rows: QuerySet[Anomaly] = super().get_queryset(request)
        return rows.defer(*shown.HEAVY)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By its id, or that of the analysis."""
        if not search_term.strip():
            return queryset, False
        wanted = as_id(search_term)
        if wanted is None:
            return queryset.none(), False
        rows = queryset.filter(pk=wanted)
        return (rows if rows.exists() else queryset.filter(analysis=wanted)), False

    @admin.action(description="Acknowledge", permissions=["acknowledge"])
    def acknowledge(self, request: HttpRequest, chosen: QuerySet[Anomaly]) -> None:
        """Say that somebody has seen them; those that somebody has seen before are left."""
        keys = [row.pk for row in at_once(self, request, chosen)]
        if not keys:
            return
        done = acknowledging.acknowledge_many(keys, by=person(request))
        noun = "anomaly is" if done == 1 else "anomalies are"
        self.message_user(request, f"{done} {noun} acknowledged.", messages.SUCCESS)

    @admin.display(description="when")
    def when(self, row: Anomaly) -> SafeString:
        """The moment of the judgement."""
        return moment(row.timestamp)

    @admin.display(description="severity")
    def severity_shown(self, row: Anomaly) -> SafeString:
        """How bad."""
        return shown.severity_badge(row.severity)

    @admin.display(description="dataset")
    def machine(self, row: Anomaly) -> str:
        """The machine."""
        return row.dataset.name

    @admin.display(description="distance")
    def distance_shown(self, row: Anomaly) -> str:
        """The score."""
        return shown.figure(row.distance)

    @admin.display(description="threshold")
    def threshold_shown(self, row: Anomaly) -> str:
        """The largest score that is healthy."""
        return shown.figure(row.threshold)

    @admin.display(description="p-value")
    def p_shown(self, row: Anomaly) -> str:
        """How rare such a score is among healthy rows."""
        return shown.figure(row.p_value, 3)

    @admin.display(description="deviates most in")
    def why(self, row: Anomaly) -> str:
        """The first three features."""
        return ", ".join(one["name"] for one in features_of(row)[:3])

    @admin.display(description="seen by", empty_value="")
    def seen(self, row: Anomaly) -> SafeString | str:
        """Who has seen it."""
        return str(row.acknowledged_by) if row.acknowledged else badge("Nobody yet", "warning")

    # --- One anomaly ----------------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one anomaly; it changes nothing itself."""
        require(request, SEE_ANOMALIES)
        key = as_id(object_id)
        rows = Anomaly.objects.select_related(
            "dataset", "acknowledged_by", "analysis", "analysis__file_upload"
        )
        row = rows.filter(pk=key).first() if key else None
        if row is None:
            self.message_user(request, f"There is no anomaly {object_id[:64]}.", messages.WARNING)
            return HttpResponseRedirect(reverse("admin:monitoring_anomaly_changelist"))
        return page(request, "anomaly", f"{row.severity.capitalize()} anomaly", _told(request, row))


def _told(request: HttpRequest, row: Anomaly) -> dict[str, Any]:
    told = features_of(row)
    map_id = row.analysis.dinsight_id
    return {
        "anomaly": row,
        "severity": shown.severity_badge(row.severity),
        "distance": shown.figure(row.distance),
        "threshold": shown.figure(row.threshold),
        "p_value": shown.figure(row.p_value, 3),
        "ratio": percent(row.ratio, digits=0) if row.ratio is not None else shown.figure(None),
        "bars": mark_safe(deviation_bars(told)),  # noqa: S308 - our own drawing, words escaped
        "told": [one | {"size": f"{one['deviation']:+.3g}"} for one in told],
        "metadata": list(row.metadata.items()) if isinstance(row.metadata, dict) else [],
        "dataset_url": shown.dataset_url(row.dataset_id),
        "map_url": shown.row_link(row.dataset_id, map_id, row.process_order)
        if map_id and row.process_order
        else "",
        "analysis_url": reverse("admin:monitoring_analysis_change", args=[row.analysis_id]),
        "may_acknowledge": not row.acknowledged and request.user.has_perm(ACKNOWLEDGE),
    }


def features_of(row: Anomaly) -> list[dict[str, Any]]:
    """The deviating features that have a name and a size, as they are stored."""
    said = row.features if isinstance(row.features, list) else []
    return [
        one
        for one in said
        if isinstance(one, dict)
        and isinstance(one.get("name"), str)
        and isinstance(one.get("deviation"), (int, float))
    ]


def acknowledge_view(request: HttpRequest, anomaly_id: UUID) -> HttpResponse:
    """Say that somebody has seen it."""
    require(request, ACKNOWLEDGE)
    by = person(request)
    done, refused = attempted(lambda: acknowledging.acknowledge(anomaly_id, by=by), Anomaly)
    if done is None:
        messages.warning(request, refused)
    else:
        messages.success(request, "It is acknowledged.")
    return HttpResponseRedirect(reverse("admin:monitoring_anomaly_change", args=[anomaly_id]))
