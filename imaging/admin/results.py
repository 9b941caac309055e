"""Results in force and results that were replaced: read-only lists, reached from other pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin.posting import person
from config.admin.formats import NOTHING, duration, folded_json, moment, percent, short_id
from config.admin.model_admin import ReadOnlyModelAdmin
from imaging.actions import results
from imaging.admin import findings
from imaging.admin.anomalies import described
from imaging.admin.pictures import PictureColumns, image_url
from imaging.admin.search import as_id
from imaging.models import AnalysisResult, AnalysisResultHistory


class _Results(PictureColumns, ReadOnlyModelAdmin):
    """What both lists show."""

    numeric: ClassVar[Sequence[str]] = ("ground", "confidence", "took")
    change_list_template = "imaging/list.html"
    list_display: tuple[str, ...] = (
        "picture",
        "name",
        "algorithm_version",
        "ground",
        "confidence",
        "took",
        "when",
    )
    list_display_links = ("name",)
    search_fields = ("id",)
    search_help_text = "Id of an image or a result"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The image's name, and of the findings only what the list shows."""
        rows: QuerySet[Any] = super().get_queryset(request).select_related("image", "user")
        if request.resolver_match and request.resolver_match.kwargs:
            return rows
        slim: QuerySet[Any] = rows.defer(
            "negative_space_data",
            "quality_metrics",
            "anomalies",
            "algorithm_parameters",
            "image__metadata",
        ).annotate(ground_share=F("negative_space_data__void_ratio"))
        return slim

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By the id of the image, or of the result."""
        if not search_term.strip():
            return queryset, False
        wanted = as_id(search_term)
        if wanted is None:
            return queryset.none(), False
        found = queryset.filter(image_id=wanted)
        return (found if found.exists() else queryset.filter(pk=wanted)), False

    @admin.display(description="negative space")
    def ground(self, result: Any) -> str:
        """The void ratio."""
        share = getattr(result, "ground_share", None)
        return percent(share) if isinstance(share, int | float) else NOTHING

    @admin.display(description="confidence")
    def confidence(self, result: Any) -> str:
        """The expected overlap with the true figure."""
        return percent(result.confidence_score, digits=0)

    @admin.display(description="took")
    def took(self, result: Any) -> str:
        """How long the analysis ran."""
        return "from the cache" if result.from_cache else duration(result.processing_time_ms)

    @admin.display(description="analysed")
    def when(self, result: Any) -> SafeString:
        """When it was found."""
        return moment(result.created_at)

    @admin.display(description="image")
    def image_link(self, result: Any) -> SafeString:
        """The image's page."""
        return format_html('<a href="{}">{}</a>', image_url(result.image_id), result.image)

    @admin.display(description="job")
    def job_shown(self, result: Any) -> SafeString:
        """The job that found it."""
        return short_id(result.job_id)

    @admin.display(description="negative space")
    def void(self, result: Any) -> str:
        """The void ratio, on the page of one result."""
        return percent(findings.figure(result.negative_space_data, "void_ratio"), digits=2)

    @admin.display(description="anomalies")
    def anomalies_shown(self, result: Any) -> str:
        """Their titles."""
        return "; ".join(one.title for one in described(result.anomalies)) or "none"

    @admin.display(description="fingerprint")
    def fingerprint(self, result: Any) -> SafeString:
        """Names algorithm and every parameter."""
        return short_id(result.algorithm_fingerprint)

    @admin.display(description="every figure")
    def data(self, result: Any) -> SafeString:
        """As JSON."""
        return folded_json(result.negative_space_data, "Negative space")

    @admin.display(description="quality")
    def quality(self, result: Any) -> SafeString:
        """As JSON."""
        return folded_json(result.quality_metrics, "Quality metrics")

    @admin.display(description="parameters")
    def parameters(self, result: Any) -> SafeString:
        """As JSON."""
        return folded_json(result.algorithm_parameters, "Parameters")


@admin.register(AnalysisResult)
class AnalysisResultAdmin(_Results):
    """Results in force; each is read on its image's page."""

    purpose: ClassVar[str] = "The result in force of each image. A row leads to the image."
    empty_text: ClassVar[str] = "No image has been analysed yet."
    sortable_by = ("when",)
    ordering = ("-created_at", "-id")

    @admin.display(description="analysed", ordering="created_at")
    def when(self, result: Any) -> SafeString:
        """When it was found."""
        return moment(result.created_at)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The image's page shows it."""
        found = _image_of(object_id)
        if found is None or not self.has_view_permission(request):
            return super().change_view(request, object_id, form_url, extra_context)
        return HttpResponseRedirect(image_url(found))


def _image_of(object_id: str) -> UUID | None:
    result_id = as_id(object_id)
    if result_id is None:
        return None
    found = AnalysisResult.objects.filter(pk=result_id)
    return found.values_list("image_id", flat=True).first()


@admin.register(AnalysisResultHistory)
class AnalysisResultHistoryAdmin(_Results):
    """Results that another replaced, as they were."""

    purpose: ClassVar[str] = (
        "What analyses said before they were run again. Nobody can change these rows."
    )
    empty_text: ClassVar[str] = (
        "No result was replaced yet. Running an analysis again keeps the earlier one here."
    )
    list_display = (*_Results.list_display, "replaced")
    # The time-ordered key serves the order; there is no need of another index.
    ordering = ("-id",)
    fields = (
        "image_link",
        "algorithm_version",
        "fingerprint",
        "void",
        "confidence",
        "anomalies_shown",
        "took",
        "when",
        "replaced",
        "user",
        "job_shown",
        "notes",
        "data",
        "quality",
        "parameters",
    )
    readonly_fields = fields

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The result; reading it is noted."""
        wanted = as_id(object_id)
        if request.method == "GET" and wanted and self.has_view_permission(request):
            found = AnalysisResultHistory.objects.filter(pk=wanted).first()
            if found is not None:
                results.viewed(found, by=person(request))
        return super().change_view(request, object_id, form_url, extra_context)

    @admin.display(description="replaced")
    def replaced(self, result: Any) -> SafeString:
        """When another took its place."""
        return moment(result.superseded_at)
