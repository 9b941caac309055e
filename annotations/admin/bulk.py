"""A decision on all that fits some filters: asked about first, then done by a batch."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.admin.posting import person
from annotations.actions import bulk
from annotations.actions.claims import Filters
from annotations.admin import desk_api, shown
from annotations.admin.desk import in_words
from annotations.admin.sections import sections
from annotations.errors import AnnotationError
from annotations.models import Decision
from config.admin.registry import Page


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """How many fit and what will happen to them; by POST the batch is queued."""
    if not request.user.has_perm("annotations.review_annotation"):
        raise PermissionDenied("Your role may not review annotations.")
    said = (request.POST if request.method == "POST" else request.GET).dict()
    try:
        filters = desk_api.read_filters(said)
    except ValueError as error:
        messages.warning(request, f"{error} Nothing was decided.")
        return HttpResponseRedirect(reverse("admin:annotations_desk"))
    if request.method == "POST":
        return _queue(request, filters)
    request.current_app = admin.site.name
    found = bulk.decidable(filters, by=person(request))[: bulk.MOST + 1].count()
    context = {
        **admin.site.each_context(request),
        "title": "Decide on all that fit",
        "purpose": "One decision for everything that waits under some filters, done by a batch.",
        "sections": sections(request),
        "count": found,
        "too_many": found > bulk.MOST,
        "most": bulk.MOST,
        "in_words": in_words(filters),
        "chosen": filters.to_json(),
        "reasons": shown.REASONS,
        "desk_url": f"{reverse('admin:annotations_desk')}?{urlencode(filters.to_json())}",
    }
    return TemplateResponse(request, "annotations/bulk.html", context)


def _queue(request: HttpRequest, filters: Filters) -> HttpResponse:
    rejects = request.POST.get("decision") == Decision.REJECTED
    decision = Decision.REJECTED if rejects else Decision.APPROVED
    try:
        job = bulk.request(
            filters, decision, by=person(request), reason=request.POST.get("reason", "")
        )
    except AnnotationError as error:
        messages.warning(request, str(error))
        address = reverse("admin:annotations_bulk")
        return HttpResponseRedirect(f"{address}?{urlencode(filters.to_json())}")
    messages.success(request, "The batch is queued. This page shows how far it is.")
    return HttpResponseRedirect(reverse("admin:annotations_batchjob_change", args=[job.pk]))


PAGES: Final = (Page("annotations/bulk/", page, "annotations_bulk"),)
