"""What annotations add to the list of images: having them annotated, putting them together."""

from __future__ import annotations

from typing import Any, ClassVar, Final
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.admin.posting import at_once, person
from annotations.actions import batches
from annotations.actions import collections as collection_actions
from annotations.admin.sections import sections
from annotations.errors import AnnotationError
from annotations.models import BatchType, ImageCollection
from config.admin.registry import Page
from imaging.admin.images import ImageAdmin
from imaging.models import Image
from providers.models import Provider

_COLLECTIONS: Final = 500


class AnnotatedImageAdmin(ImageAdmin):
    """The images, with what can be done about their annotations."""

    actions: ClassVar[tuple[str, ...]] = (  # type: ignore[assignment, misc] # more than the list's own
        *ImageAdmin.actions,
        "annotate",
        "collect",
    )

    def has_annotate_permission(self, request: HttpRequest) -> bool:
        """Whether the person may have images annotated."""
        return request.user.has_perm("annotations.annotate_image")

    def has_collect_permission(self, request: HttpRequest) -> bool:
        """Whether the person may put images into collections."""
        return request.user.has_perm("annotations.change_imagecollection")

    @admin.action(description="Annotate by AI", permissions=["annotate"])
    def annotate(self, request: HttpRequest, images: QuerySet[Image]) -> HttpResponse | None:
        """Ask which provider, then queue a batch."""
        chosen = at_once(self, request, images)
        if not chosen:
            return None
        if request.POST.get("confirmed") == "yes":
            return _queue(request, images=[image.pk for image in chosen])
        return _ask(request, {"chosen": chosen, "opts": self.opts})

    @admin.action(description="Add to a collection", permissions=["collect"])
    def collect(self, request: HttpRequest, images: QuerySet[Image]) -> HttpResponse | None:
        """Ask which collection, then put them into it."""
        chosen = at_once(self, request, images)
        if not chosen:
            return None
        if request.POST.get("confirmed") == "yes":
            return _collected(request, chosen)
        homes = ImageCollection.objects.filter(is_archived=False).order_by("name", "id")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Add {len(chosen)} image{'' if len(chosen) == 1 else 's'} to a collection",
            "purpose": "An image is in one collection at most: one that is in another moves, and"
            " what waits in it begins at the first stage of its new collection.",
            "chosen": chosen,
            "collections": homes[:_COLLECTIONS],
        }
        return TemplateResponse(request, "annotations/collect.html", context)


def _collected(request: HttpRequest, chosen: list[Image]) -> HttpResponse:
    home = _collection(request.POST.get("collection", ""))
    if home is None:
        messages.warning(request, "Choose a collection; nothing was changed.")
        return HttpResponseRedirect(request.get_full_path())
    try:
        added = collection_actions.add_images(
            home, [image.pk for image in chosen], by=person(request)
        )
    except AnnotationError as error:
        messages.warning(request, str(error))
    else:
        noun = "image is" if added == 1 else "images are"
        messages.success(request, f"{added} {noun} in {home} now.")
    return HttpResponseRedirect(request.get_full_path())


def _collection(text: str) -> ImageCollection | None:
    try:
        return ImageCollection.objects.filter(pk=UUID(text)).first()
    except ValueError:
        return None


@require_http_methods(["GET", "HEAD", "POST"])
def annotate_page(request: HttpRequest) -> HttpResponse:
    """Have all images, or those of a collection, annotated."""
    if not request.user.has_perm("annotations.annotate_image"):
        raise PermissionDenied("Your role may not have images annotated.")
    if request.method == "POST":
        wanted = request.POST.get("collection", "")
        home = _collection(wanted)
        if wanted and home is None:  # else it would be all images that there are
            messages.warning(request, "There is no such collection any more. Choose another one.")
            return HttpResponseRedirect(request.get_full_path())
        return _queue(request, collection=home.pk if home else None)
    homes = ImageCollection.objects.filter(is_archived=False).order_by("name", "id")
    return _ask(
        request,
        {
            "collections": homes[:_COLLECTIONS],
            "collection": _collection(request.GET.get("collection", "")),
            "sections": sections(request),
        },
    )


def _ask(request: HttpRequest, more: dict[str, Any]) -> HttpResponse:
    request.current_app = admin.site.name
    chosen = more.get("chosen")
    context = {
        **admin.site.each_context(request),
        "title": "Annotate by AI",
        "purpose": "A provider looks at each image and proposes boxes; they wait for review.",
        "providers": Provider.objects.filter(is_enabled=True).order_by("rank", "name"),
        "button": f"Annotate {len(chosen)} image{'' if len(chosen) == 1 else 's'}"
        if chosen
        else "Annotate",
        **more,
    }
    return TemplateResponse(request, "annotations/annotate.html", context)


def _queue(
    request: HttpRequest, *, images: list[UUID] | None = None, collection: UUID | None = None
) -> HttpResponse:
    fallback = request.POST.get("fallback", "")
    provider = request.POST.get("provider", "local")
    try:
        job = batches.request(
            BatchType.ANNOTATE,
            by=person(request),
            provider=provider,
            fallbacks=[fallback] if fallback and fallback != provider else [],
            collection=collection,
            images=images or (),
            unannotated_only=request.POST.get("again") != "yes",
        )
    except AnnotationError as error:
        messages.warning(request, str(error))
        return HttpResponseRedirect(request.get_full_path())
    messages.success(request, "The batch is queued. This page shows how far it is.")
    return HttpResponseRedirect(reverse("admin:annotations_batchjob_change", args=[job.pk]))


PAGES: Final = (Page("annotations/annotate/", annotate_page, "annotations_annotate"),)

# In place of imaging's own, which knows nothing of annotations.
admin.site.unregister(Image)
admin.site.register(Image, AnnotatedImageAdmin)
