"""Batches: how far they are, what failed with which image, stopping them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from annotations.actions.claims import Filters
from annotations.admin import shown
from annotations.admin.desk import in_words
from annotations.admin.job_pages import AnnotationJobAdmin
from annotations.models import BatchJob, BatchJobError, BatchType, ImageCollection
from config.admin.formats import number
from config.admin.model_admin import PageAction
from imaging.admin.pictures import image_url
from imaging.admin.search import as_id
from imaging.models import Image
from jobs.admin.any_job import StateFilter

_ERRORS: Final = 200


class TypeFilter(admin.SimpleListFilter):
    """What is done with each item."""

    title, parameter_name = "kind", "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The kinds there are."""
        return [(value, str(label)) for value, label in BatchType.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The batches of the kind; an unknown one is as none."""
        value = self.value()
        return queryset.filter(job_type=value) if value in BatchType.values else queryset


@admin.register(BatchJob)
class BatchJobAdmin(AnnotationJobAdmin):
    """Batches: looked at, stopped, put in line again."""

    purpose: ClassVar[str] = "Work on many images or annotations at once, and how far it is."
    empty_text: ClassVar[str] = (
        "No batch was asked for yet. Approve all that fits some filters, or have a collection"
        " annotated by AI; both appear here."
    )
    numeric: ClassVar[Sequence[str]] = ("items", "done", "errors", "ran")
    job_template: ClassVar[str] = "annotations/batch.html"

    list_display: tuple[str, ...] = (
        "what",
        "state",
        "items",
        "done",
        "errors",
        "ran",
        "what_happens",
        "by",
        "asked",
        "steer",
    )
    list_display_links = ("what",)
    list_filter = (StateFilter, TypeFilter)  # type: ignore[assignment] # longer than JobAdmin's
    list_select_related = ("user",)
    ordering = ("-created_at", "-id")  # type: ignore[assignment] # longer than JobAdmin's

    def get_queryset(self, request: HttpRequest) -> QuerySet[BatchJob]:
        """Batches with whoever asked for them."""
        rows: QuerySet[BatchJob] = super().get_queryset(request).select_related("user")
        return rows

    def get_page_actions(self, request: HttpRequest, obj: Any = None) -> Sequence[PageAction]:
        """On the list: the two ways to a batch."""
        found = []
        if obj is None and request.user.has_perm("annotations.annotate_image"):
            address = reverse("admin:annotations_annotate")
            found.append(PageAction("Annotate by AI", address, "quiet"))
        if obj is None and request.user.has_perm("annotations.review_annotation"):
            found.append(PageAction("Approve all that fit", reverse("admin:annotations_bulk")))
        return found

    def get_empty_action(self, request: HttpRequest) -> PageAction | None:
        """Annotating is the first thing to do."""
        actions = self.get_page_actions(request)
        return actions[0] if actions else None

    @admin.display(description="what")
    def what(self, job: BatchJob) -> str:
        """What is done with each item."""
        return str(job.get_job_type_display()).capitalize()

    @admin.display(description="items")
    def items(self, job: BatchJob) -> str:
        """How many there were when it was asked for."""
        return number(job.item_count)

    @admin.display(description="done")
    def done(self, job: BatchJob) -> str:
        """How many are done, those that failed among them."""
        return number(job.done_count)

    @admin.display(description="errors")
    def errors(self, job: BatchJob) -> str:
        """With how many something went wrong."""
        return number(job.error_count)

    @admin.display(description="asked for by")
    def by(self, job: BatchJob) -> str:
        """Whose batch it is."""
        return str(job.user or "the system")

    def more_of(self, request: HttpRequest, job: Any) -> dict[str, Any]:
        """What it is to do, and what went wrong with which image."""
        errors = list(BatchJobError.objects.filter(job=job).order_by("created_at", "id")[:_ERRORS])
        names = dict(
            Image.objects.filter(
                pk__in=[one.image_id for one in errors if one.image_id]
            ).values_list("pk", "file_name")
        )
        return {
            "what": self.what(job),
            "in_words": words_of(job),
            "errors": [
                (
                    one,
                    names.get(one.image_id) if one.image_id else "",
                    image_url(one.image_id) if one.image_id else "",
                )
                for one in errors
            ],
            "has_more_errors": job.error_count > len(errors),
        }


def words_of(job: BatchJob) -> list[str]:
    """What a batch is to do, as people say it."""
    said = job.parameters
    if job.job_type in {BatchType.APPROVE, BatchType.REJECT}:
        try:
            words = in_words(Filters.from_json(said.get("filters", {})))
        except (ValueError, KeyError):
            words = ["filters that cannot be read"]
        if said.get("reason"):
            words.append(f"reason: {shown.reason_words(str(said['reason']))}")
        return words or ["everything that waited"]
    words = [f"provider {said['provider']}"] if said.get("provider") else []
    if said.get("model"):
        words.append(f"model {said['model']}")
    if isinstance(said.get("fallbacks"), list) and said["fallbacks"]:
        words.append(f"else {', '.join(map(str, said['fallbacks']))}")
    if said.get("collection"):
        key = as_id(str(said["collection"]))
        home = ImageCollection.objects.filter(pk=key).first() if key else None
        words.append(f"collection {home or 'that is gone'}")
    if isinstance(said.get("images"), list) and said["images"]:
        words.append(f"{len(said['images']):,} chosen images")
    if said.get("unannotated_only"):
        words.append("only images that the provider has not annotated")
    return words
