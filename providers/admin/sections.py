"""The pages about AI providers, as a row of links under each page's title."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.admin.sections import Crumb
from config.admin.sections import Listed, Section
from config.admin.sections import sections as allowed

_PAGES: Final[tuple[Listed, ...]] = (
    ("Providers", "providers_provider_changelist", "providers.view_provider"),
    ("Your keys", "provider_keys", ""),
    ("People's keys", "providers_userprovider_changelist", "providers.change_provider"),
    ("Usage by day", "providers_usagetracking_changelist", "providers.view_usageentry"),
    ("Calls", "providers_usageentry_changelist", "providers.view_usageentry"),
    ("Alerts", "providers_costalert_changelist", "providers.view_usageentry"),
    ("Limits", "providers_userquota_changelist", "providers.view_userquota"),
    ("Prices", "providers_providerprice_changelist", "providers.view_provider"),
)


def sections(request: HttpRequest) -> list[Section]:
    """The pages that this person may see."""
    return allowed(request, _PAGES)


def crumbs() -> list[Crumb]:
    """The way to a page below the list of providers."""
    return [Crumb("AI providers", reverse("admin:providers_provider_changelist"))]


def page(request: HttpRequest, template: str, context: dict[str, Any]) -> TemplateResponse:
    """A page about providers that belongs to no list."""
    request.current_app = admin.site.name
    whole = {**admin.site.each_context(request), "sections": sections(request), **context}
    return TemplateResponse(request, template, whole)
