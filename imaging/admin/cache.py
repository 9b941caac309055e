"""What the cache of analyses holds: a read-only list, reached from the queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.admin.formats import badge, folded_json, moment, number, short_id, size
from config.admin.model_admin import ReadOnlyModelAdmin
from imaging.admin.pictures import PictureColumns, image_url
from imaging.admin.search import as_id
from imaging.models import AnalysisCacheEntry


@admin.register(AnalysisCacheEntry)
class AnalysisCacheEntryAdmin(PictureColumns, ReadOnlyModelAdmin):
    """Results that need not be computed again."""

    purpose: ClassVar[str] = (
        "Results kept so that the same analysis of the same bytes is not computed twice."
    )
    empty_text: ClassVar[str] = "Nothing is kept yet. Each analysis leaves its result here."
    numeric: ClassVar[Sequence[str]] = ("hits", "bytes")
    change_list_template = "imaging/list.html"
    list_display = ("picture", "name", "fingerprint", "hits", "bytes", "used", "made", "ends")
    list_display_links = ("name",)
    sortable_by = ("used",)
    # idx_analysis_cache_last_accessed_at
    ordering = ("-last_accessed_at", "-id")
    search_fields = ("id",)
    search_help_text = "Id of an image"
    fields = (
        "image_link",
        "cache_key",
        "algorithm_fingerprint",
        "hits",
        "bytes",
        "used",
        "made",
        "ends",
        "kept",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[AnalysisCacheEntry]:
        """The image's name; the result itself only on its own page."""
        rows = super().get_queryset(request).select_related("image").defer("image__metadata")
        if request.resolver_match and request.resolver_match.kwargs:
            return rows
        return rows.defer("cached_result", "image__metadata")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By the id of the image."""
        if not search_term.strip():
            return queryset, False
        wanted = as_id(search_term)
        return (queryset.filter(image_id=wanted) if wanted else queryset.none()), False

    @admin.display(description="image")
    def image_link(self, entry: AnalysisCacheEntry) -> SafeString:
        """The image's page."""
        return format_html('<a href="{}">{}</a>', image_url(entry.image_id), entry.image)

    @admin.display(description="fingerprint")
    def fingerprint(self, entry: AnalysisCacheEntry) -> SafeString:
        """Names algorithm and every parameter."""
        return short_id(entry.algorithm_fingerprint)

    @admin.display(description="used again")
    def hits(self, entry: AnalysisCacheEntry) -> str:
        """How often it saved an analysis."""
        return number(entry.hit_count)

    @admin.display(description="size")
    def bytes(self, entry: AnalysisCacheEntry) -> str:
        """What it takes."""
        return size(entry.size_bytes)

    @admin.display(description="last used", ordering="last_accessed_at")
    def used(self, entry: AnalysisCacheEntry) -> SafeString:
        """When it was last read or written."""
        return moment(entry.last_accessed_at)

    @admin.display(description="made")
    def made(self, entry: AnalysisCacheEntry) -> SafeString:
        """When it was stored."""
        return moment(entry.created_at)

    @admin.display(description="kept until")
    def ends(self, entry: AnalysisCacheEntry) -> SafeString:
        """When it stops to count."""
        if entry.expires_at is not None and entry.expires_at <= timezone.now():
            return badge("Expired", "neutral")
        return moment(entry.expires_at)

    @admin.display(description="result")
    def kept(self, entry: AnalysisCacheEntry) -> SafeString:
        """As JSON."""
        return folded_json(entry.cached_result, "The whole result")
