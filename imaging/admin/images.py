"""The list of images, and the addresses of everything about one."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from accounts.admin.posting import at_once, person
from config.admin.formats import NOTHING, badge, moment, number, percent, size
from config.admin.model_admin import PageAction, StaffModelAdmin
from imaging.actions import images as image_actions
from imaging.actions import jobs
from imaging.admin import files, filters, image_changes, image_page, upload
from imaging.admin.pictures import thumbnail
from imaging.admin.posting import attempted
from imaging.admin.search import matching_images
from imaging.admin.states import image_badge
from imaging.errors import ImagingError
from imaging.models import Image


@admin.register(Image)
class ImageAdmin(StaffModelAdmin):
    """Images: found, looked at, analysed again, put away."""

    purpose: ClassVar[str] = "Every picture that was handed in, with what its analysis says."
    empty_text: ClassVar[str] = (
        "No images yet. Upload some: each is analysed by itself, and its negative space appears"
        " here within seconds."
    )
    domain_errors: ClassVar[tuple[type[Exception], ...]] = (ImagingError,)
    numeric: ClassVar[Sequence[str]] = ("confidence", "pixels", "bytes")
    read_only: ClassVar[bool] = True  # there is no form; each change has its own button

    change_list_template = "imaging/images.html"
    list_display = (
        "picture",
        "name",
        "status",
        "confidence",
        "pixels",
        "bytes",
        "near_duplicate",
        "uploader",
        "uploaded",
    )
    list_display_links = ("name",)
    list_filter = (
        filters.StatusFilter,
        filters.NearDuplicateFilter,
        filters.AnomalyFilter,
        filters.TimeFilter,
        filters.UploaderFilter,
    )
    sortable_by = ("uploaded",)
    ordering = ("-created_at", "-id")
    search_fields = ("file_name",)  # offers the field; matching_images() says what it finds
    search_help_text = "Name, id or SHA-256"
    actions = ("analyse_again", "archive")

    # --- Permissions ----------------------------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody edits the row itself; what can be done has pages and permissions of its own."""
        return False

    def has_analyse_permission(self, request: HttpRequest) -> bool:
        """Whether the person may run an analysis."""
        return request.user.has_perm("imaging.analyse_image")

    def has_archive_permission(self, request: HttpRequest) -> bool:
        """Whether the person may put images away."""
        return request.user.has_perm("imaging.change_image")

    # --- Addresses ------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Django's, with the upload page in place of the form, and one address for each change."""
        guarded = self.admin_site.admin_view
        own = [
            path("add/", guarded(upload.view(self)), name="imaging_image_add"),
            path("uploaders/", guarded(self.uploaders_view), name="imaging_image_uploaders"),
            path(
                "<uuid:image_id>/files/<slug:kind>/",
                guarded(files.image_file, cacheable=True),
                name="imaging_image_file",
            ),
            path(
                "<uuid:image_id>/layers/<slug:fingerprint>/<slug:name>/",
                guarded(files.image_layer, cacheable=True),
                name="imaging_image_layer",
            ),
            path(
                "<uuid:image_id>/status/",
                guarded(image_page.status_view),
                name="imaging_image_status",
            ),
        ]
        changes = [
            path(f"<uuid:image_id>/{name}/", guarded(change), name=f"imaging_image_{name}")
            for name, change in image_changes.views(self).items()
        ]
        return own + changes + super().get_urls()

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one image; it changes nothing itself."""
        return image_page.view(self, request, object_id)

    @staticmethod
    @require_safe
    def uploaders_view(request: HttpRequest) -> JsonResponse:
        """People who handed images in, for the filter's suggestions."""
        if not request.user.has_perm("imaging.view_image"):
            raise PermissionDenied("Your role may not see images.")
        text = request.GET.get("q", "").strip().replace("\x00", "")
        people = filters.matching_uploaders(text) if len(text) >= 2 else []
        return JsonResponse(
            {"people": [{"email": person.email, "name": str(person)} for person in people]}
        )

    def get_page_actions(self, request: HttpRequest, obj: Any = None) -> Sequence[PageAction]:
        """Uploading, on the list."""
        if obj is None and self.has_add_permission(request):
            return [PageAction("Upload images", reverse("admin:imaging_image_add"), key="u")]
        return []

    # --- The list -------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Image]:
        """The columns that the list shows, and the confidence of the result in force."""
        images: QuerySet[Image] = super().get_queryset(request)
        return (
            images.select_related("user")
            .defer("metadata", "user__metadata", "user__password")
            .annotate(confidence_score=F("analysis_result__confidence_score"))
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By prefix of the name, id, prefix of the hash."""
        return matching_images(queryset, search_term), False

    @admin.display(description="picture")
    def picture(self, image: Image) -> SafeString:
        """The thumbnail."""
        return thumbnail(image)

    @admin.display(description="name")
    def name(self, image: Image) -> SafeString:
        """The name it was handed in under, shortened on screen, whole on hover."""
        return format_html('<bdi class="file-name" title="{0}">{0}</bdi>', image.file_name)

    @admin.display(description="status")
    def status(self, image: Image) -> SafeString:
        """Where it stands."""
        return image_badge(image.analysis_status)

    @admin.display(description="confidence, %")
    def confidence(self, image: Image) -> str:
        """Of the result in force."""
        score = getattr(image, "confidence_score", None)
        return NOTHING if score is None else percent(score, digits=0).removesuffix("\u00a0%")

    @admin.display(description="size, px")
    def pixels(self, image: Image) -> str:
        """Across by down."""
        return f"{number(image.width)}\u00a0\u00d7\u00a0{number(image.height)}"

    @admin.display(description="file")
    def bytes(self, image: Image) -> str:
        """The size of the file."""
        return size(image.file_size)

    @admin.display(description="duplicate", empty_value="")
    def near_duplicate(self, image: Image) -> SafeString | str:
        """Whether it looks like an older one."""
        return badge("Near", "warning") if image.is_duplicate else ""

    @admin.display(description="uploaded by")
    def uploader(self, image: Image) -> SafeString:
        """Who handed it in first; the name shows only theirs."""
        address = reverse("admin:imaging_image_changelist")
        return format_html('<a href="{}?by={}">{}</a>', address, image.user_id, image.user)

    @admin.display(description="uploaded", ordering="created_at")
    def uploaded(self, image: Image) -> SafeString:
        """When."""
        return moment(image.created_at)

    # --- Actions on many ------------------------------------------------------------------------

    @admin.action(description="Run analysis again", permissions=["analyse"])
    def analyse_again(self, request: HttpRequest, images: QuerySet[Image]) -> None:
        """Queue an analysis of each."""
        chosen = at_once(self, request, images)
        queued = jobs.request_many(chosen, by=person(request))
        left_out = len(chosen) - queued
        if queued:
            noun = "analysis is" if queued == 1 else "analyses are"
            self.message_user(request, f"{queued} {noun} queued.", messages.SUCCESS)
        if left_out:
            self.message_user(
                request,
                f"{left_out} left as they are: an archived image is not analysed again.",
                messages.WARNING,
            )

    @admin.action(description="Archive", permissions=["archive"])
    def archive(self, request: HttpRequest, images: QuerySet[Image]) -> HttpResponse | None:
        """Put each away, after asking: there is no way back."""
        chosen = at_once(self, request, images)
        if not chosen:
            return None
        if request.POST.get("confirmed") != "yes":
            return self._ask(request, chosen)
        archived = 0
        for image in chosen:
            change = functools.partial(image_actions.archive, image.pk, by=person(request))
            done, refused = attempted(change, Image)
            if done is None:
                self.message_user(request, refused, messages.WARNING)
            else:
                archived += 1
        if archived:
            noun = "image is" if archived == 1 else "images are"
            self.message_user(request, f"{archived} {noun} archived.", messages.SUCCESS)
        return HttpResponseRedirect(request.get_full_path())

    def _ask(self, request: HttpRequest, chosen: list[Image]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Archive {len(chosen)} image{'' if len(chosen) == 1 else 's'}?",
            "purpose": (
                "An archived image keeps its results and files. It is not analysed again, and"
                " cannot be brought back from the archive."
            ),
            "action": "archive",
            "button": "Archive",
            "chosen": chosen,
            "selected": [str(image.pk) for image in chosen],
            "danger": True,
        }
        return TemplateResponse(request, "imaging/confirm.html", context)
