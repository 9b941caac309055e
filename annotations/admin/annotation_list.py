"""The list of annotations, and the addresses of everything about one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from annotations.admin import annotation_page, filters, shown
from annotations.admin.sections import sections
from annotations.errors import AnnotationError
from annotations.models import Annotation
from config.admin.formats import NOTHING, moment
from config.admin.model_admin import PageAction, ReadOnlyModelAdmin
from imaging.admin.pictures import PictureColumns
from imaging.admin.search import as_id

# Of the list's filters, those that the desk and decisions in bulk know as well.
_SHARED: Final = ("collection", "stage", "provider")


@admin.register(Annotation)
class AnnotationAdmin(PictureColumns, ReadOnlyModelAdmin):
    """Annotations: found, looked at, reviewed anew."""

    beside = sections
    purpose: ClassVar[str] = "Every box in every image, who said so, and what reviewers decided."
    empty_text: ClassVar[str] = (
        "Nothing was marked in any image yet. Have images annotated by AI from their list; what is"
        " proposed appears here and on the review desk."
    )
    domain_errors: ClassVar[tuple[type[Exception], ...]] = (AnnotationError,)
    numeric: ClassVar[Sequence[str]] = ("confidence", "calibrated")

    change_list_template = "annotations/list.html"
    list_display = (
        "picture",
        "label_shown",
        "status",
        "stage",
        "confidence",
        "calibrated",
        "by",
        "home",
        "reviewer",
        "made",
    )
    list_display_links = ("label_shown",)
    list_filter = (
        filters.StatusFilter,
        filters.StageFilter,
        filters.ProviderFilter,
        filters.SourceFilter,
        filters.CollectionFilter,
    )
    list_select_related = ("image", "collection", "reviewed_by", "user")
    ordering = ("-created_at", "-id")
    search_fields = ("id",)
    search_help_text = "Id of an annotation or an image"

    def get_urls(self) -> list[URLPattern]:
        """Django's, and an address for each change."""
        guarded = self.admin_site.admin_view
        own = [
            path(
                f"<uuid:annotation_id>/{name}/",
                guarded(view),
                name=f"annotations_annotation_{name}",
            )
            for name, view in (
                ("restore", annotation_page.restore),
                ("reopen", annotation_page.reopen),
                ("make_known", annotation_page.make_known),
                ("forget_known", annotation_page.forget_known),
                ("remove", annotation_page.remove),
            )
        ]
        return own + super().get_urls()

    def get_page_actions(self, request: HttpRequest, obj: Any = None) -> Sequence[PageAction]:
        """The desk, and deciding on all that fits the list's filters."""
        if obj is not None or not request.user.has_perm("annotations.review_annotation"):
            return []
        said = {name: request.GET[name] for name in _SHARED if request.GET.get(name)}
        query = f"?{urlencode(said)}" if said else ""
        return [
            PageAction("Approve all that fit", reverse("admin:annotations_bulk") + query, "quiet"),
            PageAction("Review", reverse("admin:annotations_desk") + query, key="r"),
        ]

    def get_empty_action(self, request: HttpRequest) -> PageAction | None:
        """Where images are chosen to be annotated."""
        return PageAction("Images", reverse("admin:imaging_image_changelist"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Annotation]:
        """Without what the list does not show."""
        rows: QuerySet[Annotation] = super().get_queryset(request)
        return rows.defer(
            "notes", "image__metadata", "image__image_dimensions", "collection__labels"
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By the id of the annotation, or of its image."""
        if not search_term.strip():
            return queryset, False
        wanted = as_id(search_term)
        if wanted is None:
            return queryset.none(), False
        found = queryset.filter(pk=wanted)
        return (found if found.exists() else queryset.filter(image_id=wanted)), False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one annotation; it changes nothing itself."""
        return annotation_page.view(self, request, object_id)

    @admin.display(description="picture")
    def picture(self, row: Annotation) -> SafeString:
        """The image, with the box in it."""
        return shown.small_picture(row.image, row.bounding_box, label=row.label, edge=72)

    @admin.display(description="label")
    def label_shown(self, row: Annotation) -> SafeString:
        """What it is said to be, and in which image."""
        return format_html(
            '<bdi>{}</bdi><br><bdi class="file-name quiet-text" title="{}">{}</bdi>',
            row.label or "unnamed",
            row.image.file_name,
            row.image.file_name,
        )

    @admin.display(description="status")
    def status(self, row: Annotation) -> SafeString:
        """What people decided."""
        return shown.status_badge(row.review_status)

    @admin.display(description="stage")
    def stage(self, row: Annotation) -> str:
        """Which decision it waits for, or got last."""
        return row.review_stage

    @admin.display(description="confidence, %")
    def confidence(self, row: Annotation) -> str:
        """As the provider said."""
        return shown.share(row.vision_confidence).removesuffix("\u00a0%")

    @admin.display(description="calibrated, %")
    def calibrated(self, row: Annotation) -> str:
        """What such a confidence has meant so far."""
        return shown.share(row.calibrated_confidence).removesuffix("\u00a0%")

    @admin.display(description="by")
    def by(self, row: Annotation) -> str:
        """The provider, or the person."""
        return row.vision_provider or (str(row.user) if row.user else NOTHING)

    @admin.display(description="collection")
    def home(self, row: Annotation) -> str:
        """The collection of the image."""
        return row.collection.name if row.collection else NOTHING

    @admin.display(description="reviewed by")
    def reviewer(self, row: Annotation) -> str:
        """Who decided last."""
        return str(row.reviewed_by) if row.reviewed_by else NOTHING

    @admin.display(description="made")
    def made(self, row: Annotation) -> SafeString:
        """When it was proposed or marked."""
        return moment(row.created_at)
