"""The review desk: one page on which annotations are decided, one key each."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe

from accounts.admin.posting import person
from annotations import comments
from annotations.actions import saved_views
from annotations.actions.claims import Filters
from annotations.admin import desk_api, shown
from annotations.admin.sections import sections
from annotations.errors import AnnotationError
from annotations.models import (
    Annotation,
    ImageCollection,
    ReviewStage,
    ReviewStatus,
    SavedView,
)
from config.admin.formats import number
from config.admin.registry import Page
from imaging.models import Image
from providers.models import Provider

_COLLECTIONS: Final = 200
_NAV_CAP: Final = 1000
# Key, what it does; what belongs to no button.
_MORE_KEYS: Final = (
    ("1 to 6", "Choose the reason, once R was pressed"),
    ("Arrows", "Move the box, once B was pressed; with Shift they change its size"),
    ("↵", "Keep the box, the label or the comment"),
    ("Esc", "Back, and forget what was changed"),
)


def waiting_in_nav(request: HttpRequest) -> int:
    """How many wait, counted to 1,000; for the navigation."""
    return Annotation.objects.filter(review_status=ReviewStatus.PENDING)[:_NAV_CAP].count()


def waiting(request: HttpRequest) -> SafeString:
    """What waits for review, on the overview; nothing where nothing does."""
    count = waiting_in_nav(request)
    if not count:
        return SafeString("")
    context = {
        "count": f"{number(count)} or more" if count == _NAV_CAP else number(count),
        "plural": "" if count == 1 else "s",
        "singular": "s" if count == 1 else "",
    }
    return SafeString(render_to_string("annotations/panels/waiting.html", context))


def _require(request: HttpRequest) -> None:
    if not request.user.has_perm("annotations.review_annotation"):
        raise PermissionDenied("Your role may not review annotations.")


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The desk; the filters stand in its address."""
    _require(request)
    try:
        filters = desk_api.read_filters(request.GET.dict())
    except ValueError as error:
        messages.warning(request, f"{error} The desk shows everything that waits.")
        filters = Filters()
    request.current_app = admin.site.name
    context = {
        **admin.site.each_context(request),
        "title": "Review desk",
        "sections": sections(request),
        "filters": filters,
        "chosen": filters.to_json(),
        "in_words": in_words(filters),
        "collections": ImageCollection.objects.filter(is_archived=False).order_by("name", "id")[
            :_COLLECTIONS
        ],
        "stages": ReviewStage.choices,
        "providers": Provider.objects.order_by("rank", "name"),
        "reasons": list(enumerate(shown.REASONS, start=1)),
        "more_keys": _MORE_KEYS,
        "longest_comment": comments.LONGEST,
        "views": _views(request, filters),
        "bulk_url": f"{reverse('admin:annotations_bulk')}?{urlencode(filters.to_json())}",
        "wiring_json": json.dumps(_wiring(filters)),
    }
    return TemplateResponse(request, "annotations/desk.html", context)


def _views(request: HttpRequest, filters: Filters) -> list[dict[str, Any]]:
    query = urlencode(filters.to_json())
    return [
        {"view": view, "url": f"?{view.query}", "current": bool(query) and view.query == query}
        for view in SavedView.objects.filter(user=person(request)).order_by("name", "id")
    ]


def _wiring(filters: Filters) -> dict[str, Any]:
    """What the page's script needs: addresses, filters, the name of the CSRF cookie."""
    names = ("next", "previous", "decide", "undo", "prolong", "leave", "labels")
    return {
        "urls": {name: reverse(f"admin:annotations_desk_{name}") for name in names},
        "filters": filters.to_json(),
        "cookie": settings.CSRF_COOKIE_NAME,
        "reasons": [{"value": value, "label": label} for value, label in shown.REASONS],
        "longest_comment": comments.LONGEST,
    }


def in_words(filters: Filters) -> list[str]:
    """The filters as people say them: ``provider local``, ``confidence at most 0.5``."""
    words = []
    if filters.collection:
        home = ImageCollection.objects.filter(pk=filters.collection).first()
        words.append(f"collection {home or 'that is gone'}")
    if filters.stage:
        words.append(f"stage {filters.stage}")
    if filters.provider:
        words.append(f"provider {filters.provider}")
    if filters.label:
        words.append(f"label “{filters.label}”")
    if filters.image:
        image = Image.objects.filter(pk=filters.image).first()
        words.append(f"image {image or 'that is gone'}")
    if filters.least is not None:
        words.append(f"confidence at least {filters.least}")
    if filters.most is not None:
        words.append(f"confidence at most {filters.most}")
    return words


@require_POST
def save_view(request: HttpRequest) -> HttpResponse:
    """Keep the filters under a name."""
    _require(request)
    address = reverse("admin:annotations_desk")
    try:
        filters = desk_api.read_filters(
            {name: request.POST.get(name, "") for name in Filters.__slots__}
        )
        view = saved_views.save(request.POST.get("name", ""), filters, by=person(request))
    except (AnnotationError, ValueError) as error:
        messages.warning(request, str(error))
        return HttpResponseRedirect(address)
    messages.success(request, f"The view “{view.name}” is saved; only you see it.")
    return HttpResponseRedirect(f"{address}?{view.query}")


@require_POST
def remove_view(request: HttpRequest, view_id: UUID) -> HttpResponse:
    """Forget one of the person's own views."""
    _require(request)
    if saved_views.remove(view_id, by=person(request)):
        messages.success(request, "The view is removed.")
    return HttpResponseRedirect(reverse("admin:annotations_desk"))


PAGES: Final = (
    Page("annotations/desk/", page, "annotations_desk"),
    Page("annotations/desk/views/", save_view, "annotations_desk_save_view"),
    Page("annotations/desk/views/<uuid:view_id>/", remove_view, "annotations_desk_remove_view"),
    Page("annotations/desk/next/", desk_api.next_items, "annotations_desk_next"),
    Page("annotations/desk/previous/", desk_api.previous_item, "annotations_desk_previous"),
    Page("annotations/desk/decide/", desk_api.decide, "annotations_desk_decide"),
    Page("annotations/desk/undo/", desk_api.undo, "annotations_desk_undo"),
    Page("annotations/desk/prolong/", desk_api.prolong, "annotations_desk_prolong"),
    Page("annotations/desk/leave/", desk_api.leave, "annotations_desk_leave"),
    Page("annotations/desk/labels/", desk_api.label_choices, "annotations_desk_labels"),
)
