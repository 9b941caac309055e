"""Questions to AI providers: how each went, what it cost, what came back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from annotations.admin import shown
from annotations.admin.filters import ProviderFilter as AnnotationProviderFilter
from annotations.admin.job_pages import AnnotationJobAdmin
from annotations.models import AiAnnotationJob
from config.admin.formats import NOTHING, duration, number
from config.admin.model_admin import PageAction
from imaging.admin.pictures import PictureColumns, image_url, thumbnail
from jobs.admin.addresses import as_id
from jobs.admin.any_job import StateFilter

_BOXES = 100


class ProviderFilter(AnnotationProviderFilter):
    """Who was asked."""

    column = "provider"


@admin.register(AiAnnotationJob)
class AiAnnotationJobAdmin(PictureColumns, AnnotationJobAdmin):
    """AI jobs: looked at, retried, cancelled."""

    purpose: ClassVar[str] = "What AI providers are asked about images, what it cost, what failed."
    empty_text: ClassVar[str] = (
        "No provider was asked yet. Choose images in their list and have them annotated by AI."
    )
    numeric: ClassVar[Sequence[str]] = ("boxes", "cost_shown", "attempts", "ran")
    job_template: ClassVar[str] = "annotations/ai_job.html"

    list_display: tuple[str, ...] = (
        "picture",
        "name",
        "state",
        "provider_shown",
        "boxes",
        "cost_shown",
        "ran",
        "what_happens",
        "asked",
        "steer",
    )
    list_display_links = ("name",)
    list_filter = (StateFilter, ProviderFilter)  # type: ignore[assignment] # longer than JobAdmin's
    ordering = ("-created_at", "-id")  # type: ignore[assignment] # longer than JobAdmin's
    search_help_text = "Id of a job or an image"

    def get_queryset(self, request: HttpRequest) -> QuerySet[AiAnnotationJob]:
        """Jobs with their images; without what was said where the list is read."""
        rows: QuerySet[AiAnnotationJob] = super().get_queryset(request)
        rows = rows.select_related("image", "user").defer("image__metadata")
        match = request.resolver_match
        if match is not None and (match.url_name or "").endswith("_changelist"):
            rows = rows.defer("request_payload", "response_payload", "sealed_payloads")
        return rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By the id of the job, or of its image."""
        if not search_term.strip():
            return queryset, False
        wanted = as_id(search_term)
        if wanted is None:
            return queryset.none(), False
        found = queryset.filter(pk=wanted)
        return (found if found.exists() else queryset.filter(image_id=wanted)), False

    def get_page_actions(self, request: HttpRequest, obj: Any = None) -> Sequence[PageAction]:
        """On the list: asking about images."""
        if obj is None and request.user.has_perm("annotations.annotate_image"):
            return [PageAction("Annotate by AI", reverse("admin:annotations_annotate"), key="a")]
        return []

    @admin.display(description="provider")
    def provider_shown(self, job: AiAnnotationJob) -> str:
        """Who is asked, or who answered."""
        return f"{job.provider} (kept answer)" if job.from_cache else job.provider

    @admin.display(description="boxes")
    def boxes(self, job: AiAnnotationJob) -> str:
        """How many it proposed."""
        return number(job.box_count)

    @admin.display(description="cost, $")
    def cost_shown(self, job: AiAnnotationJob) -> str:
        """What the call cost, by the price table."""
        return NOTHING if job.cost is None else f"{job.cost.normalize():f}"

    def more_of(self, request: HttpRequest, job: Any) -> dict[str, Any]:
        """The image, what was asked and answered, and what was proposed."""
        sealed = job.sealed_payloads if isinstance(job.sealed_payloads, dict) else {}
        asked = job.request_payload or sealed.get("request") or {}
        answered = job.response_payload or sealed.get("response") or {}
        if not isinstance(answered, dict):  # plain SQL may have noted anything
            answered = {"raw": answered}
        remarks = answered.get("remarks")
        proposed = job.annotations.order_by("review_rank", "id")[:_BOXES]
        return {
            "picture": thumbnail(job.image),
            "image_url": image_url(job.image_id),
            "asked": asked,
            "answered": answered,
            "remarks": remarks if isinstance(remarks, list) else [],
            "raw": answered.get("raw"),
            "cost": self.cost_shown(job),
            "response_time": duration(job.response_time_ms),
            "proposed": [
                (one, shown.annotation_url(one.pk), shown.status_badge(one.review_status))
                for one in proposed
            ],
        }

    @admin.display(description="picture")
    def picture(self, row: AiAnnotationJob) -> SafeString:
        """The image's thumbnail."""
        return thumbnail(row.image)
