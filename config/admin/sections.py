"""Pages that belong together, as a row of links under each one's title."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

# Title, the url name of its page or list, permission; without one, for all staff.
Listed = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Section:
    """One of the pages."""

    title: str
    url: str
    current: bool


def sections(request: HttpRequest, lists: Iterable[Listed], *, under: str = "") -> list[Section]:
    """The pages that this person may see; the present one is, or belongs to, one of them.

    ``under``  the url name of another page, in whose place the present one stands
    """
    match = request.resolver_match
    here = under or ((match.url_name or "") if match else "")
    return [
        Section(title, reverse(f"admin:{name}"), here.startswith(name.removesuffix("changelist")))
        for title, name, permission in lists
        if not permission or request.user.has_perm(permission)
    ]
