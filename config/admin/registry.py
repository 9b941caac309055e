"""What packages add to the staff site: places in the navigation, searches, panels, pages.

A package calls ``add_navigation``, ``add_search``, ``add_panel`` and ``add_page`` in its
``admin.py`` or in ``AppConfig.ready``. This module imports no model, so it may be imported while
apps still load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from django.http import HttpRequest, HttpResponseBase
from django.utils.safestring import SafeString

Render = Callable[[HttpRequest], SafeString]
View = Callable[..., HttpResponseBase]
CountOf = Callable[[HttpRequest], "int | None"]

# A search shows no more hits than this of each kind; whoever needs more opens the list.
HITS_PER_PROVIDER: Final = 8


@dataclass(frozen=True)
class NavItem:
    """One place in the navigation at the top, named by work.

    ``url_name`` as for ``reverse``, ``admin:imaging_image_changelist``. ``permission`` is
    ``app.codename``; a person without it does not see the item. ``count`` gives how many things
    wait there (None and 0 show nothing); ``count_meaning`` says what they are ("failed jobs").
    The item belongs to its own page, to the other pages of the same model, and to those whose url
    name (without the namespace) starts with one of ``also_active_for``. Of all that belong to a
    page the nearest is marked as the current place, so that one is at most.
    """

    title: str
    url_name: str
    order: int
    permission: str | None = None
    count: CountOf | None = None
    count_meaning: str = ""
    also_active_for: tuple[str, ...] = ()

    def nearness(self, request: HttpRequest) -> int:
        """How much of the page's url name the item shares; 0 where the page is none of its own."""
        match = request.resolver_match
        if match is None or match.url_name is None:
            return 0
        own = self.url_name.rpartition(":")[2]
        starts = (own.removesuffix("changelist"), *self.also_active_for)
        if match.url_name == own:
            return len(own)
        stems = [one for one in starts if one != own and match.url_name.startswith(one)]
        return max((len(stem) for stem in stems), default=0)


@dataclass(frozen=True)
class SearchHit:
    """One thing found: ``kind`` ("Image"), its title, where it is, and a short note."""

    kind: str
    title: str
    url: str
    note: str = ""


@dataclass(frozen=True)
class Panel:
    """One part of the overview; an empty ``render`` leaves it out. ``wide`` spans both columns."""

    title: str
    order: int
    permission: str | None
    render: Render
    wide: bool = False


@dataclass(frozen=True)
class Page:
    """A page that belongs to no model: ``route`` as for ``path``, without a slash in front.

    It is reached as ``admin:<name>``, by staff alone unless it is ``public``.
    """

    route: str
    view: View
    name: str
    public: bool = False


# Finds what its package holds; it answers quickly (exact id or hash, indexed prefix of a name).
SearchProvider = Callable[[HttpRequest, str], Iterable[SearchHit]]

_navigation: Final[dict[str, NavItem]] = {}
_panels: Final[dict[str, Panel]] = {}
_pages: Final[dict[str, Page]] = {}
_searches: Final[dict[SearchProvider, str | None]] = {}


def add_navigation(item: NavItem) -> None:
    """Show the item in the navigation; a second item of the same address replaces the first."""
    _navigation[item.url_name] = item


def add_panel(panel: Panel) -> None:
    """Show the panel on the overview; a second panel of the same title replaces the first."""
    _panels[panel.title] = panel


def add_page(page: Page) -> None:
    """Serve the page on the staff site; a second page of the same name replaces the first."""
    _pages[page.name] = page


def add_search(provider: SearchProvider, *, permission: str | None = None) -> None:
    """Ask the provider when somebody with the permission searches at the top of a page."""
    _searches[provider] = permission


def _may(request: HttpRequest, permission: str | None) -> bool:
    return permission is None or request.user.has_perm(permission)


def navigation(request: HttpRequest) -> list[NavItem]:
    """The items that this person may see, in order."""
    visible = (item for item in _navigation.values() if _may(request, item.permission))
    return sorted(visible, key=lambda item: (item.order, item.title))


def panels(request: HttpRequest) -> list[Panel]:
    """The panels that this person may see, in order."""
    visible = (panel for panel in _panels.values() if _may(request, panel.permission))
    return sorted(visible, key=lambda panel: (panel.order, panel.title))


def pages() -> list[Page]:
    """The pages that belong to no model, in the order in which they were added."""
    return list(_pages.values())


def search(request: HttpRequest, text: str) -> Iterator[SearchHit]:
    """What every provider that this person may ask finds for the text."""
    for provider, permission in _searches.items():
        if _may(request, permission):
            yield from islice(provider(request, text), HITS_PER_PROVIDER)
