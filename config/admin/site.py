"""The staff site: who may enter, where things are, what waits, and the search at the top."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from itertools import groupby
from typing import Any, TypeVar, cast

from django.contrib import admin
from django.db import InterfaceError, OperationalError
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.template.response import SimpleTemplateResponse, TemplateResponse
from django.urls import URLPattern, URLResolver, path

from config.admin.away import away_page, is_away
from config.admin.registry import (
    NavItem,
    Page,
    Panel,
    SearchHit,
    add_navigation,
    add_page,
    add_panel,
    add_search,
    pages,
    panels,
    search,
)

__all__ = [
    "NavItem",
    "Page",
    "Panel",
    "SearchHit",
    "StaffAdminSite",
    "add_navigation",
    "add_page",
    "add_panel",
    "add_search",
]

log = logging.getLogger(__name__)

View = TypeVar("View", bound=Callable[..., HttpResponseBase])

# Shorter texts would find everything.
SHORTEST_SEARCH = 2


class StaffAdminSite(admin.AdminSite):
    """The stock admin with a navigation by work, an overview made of panels, and one search.

    Packages add to it with ``add_navigation``, ``add_panel``, ``add_search`` and ``add_page``. It
    is the default site, mounted at ``/`` under the url namespace ``admin``.
    """

    site_header = "Lacuna"
    site_title = "Lacuna"
    index_title = "Overview"
    site_url = None
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the person's role opens the staff pages."""
        return bool(getattr(request.user, "is_staff", False))

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """As Django's; an address that no row can have is not found, and a lost database is said.

        The response is rendered here, as a page still reads from the database while it is made.
        """
        return self.public_view(super().admin_view(view, cacheable))

    def public_view(self, view: View) -> View:
        """As ``admin_view``, for a page that whoever stands outside may see."""

        @functools.wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if any(_is_no_key(value) for value in kwargs.values()):
                raise Http404("No row can have this key.")
            try:
                response = view(request, *args, **kwargs)
                return (
                    response.render() if isinstance(response, SimpleTemplateResponse) else response
                )
            except (OperationalError, InterfaceError) as error:
                if not is_away(error):
                    raise
                log.exception("the database cannot be reached")
                return away_page()

        return cast("View", answer)

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """Django's, the search, and the pages that packages have added."""
        own: list[URLResolver | URLPattern] = [
            path("search/", self.admin_view(self.search_view), name="search")
        ]
        for page in pages():
            guard = self.public_view if page.public else self.admin_view
            own.append(path(page.route, guard(page.view), name=page.name))
        return own + super().get_urls()

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """The overview: what every package wants seen first."""
        made = [(panel, panel.render(request)) for panel in panels(request)]
        shown = [(panel, content) for panel, content in made if content]
        context = {
            "panels": shown,
            "purpose": "What happens now, and what waits for somebody.",
            **(extra_context or {}),
        }
        return super().index(request, context)

    def search_view(self, request: HttpRequest) -> HttpResponse:
        """What the search at the top finds; a single hit is opened at once."""
        text = request.GET.get("q", "").strip().replace("\x00", "")[:200]
        hits = list(search(request, text)) if len(text) >= SHORTEST_SEARCH else []
        if len(hits) == 1:
            return HttpResponseRedirect(hits[0].url)
        hits.sort(key=lambda hit: hit.kind)
        context = {
            **self.each_context(request),
            "title": f"Search for “{text}”" if text else "Search",
            "purpose": "Finds images, jobs and people by id, name or hash.",
            "text": text,
            "too_short": len(text) < SHORTEST_SEARCH,
            "groups": [(kind, list(some)) for kind, some in groupby(hits, lambda hit: hit.kind)],
        }
        return TemplateResponse(request, "admin/search.html", context)


def _is_no_key(value: object) -> bool:
    """Whether a part of an address holds NUL, which no text in PostgreSQL does."""
    return isinstance(value, str) and "\x00" in value
