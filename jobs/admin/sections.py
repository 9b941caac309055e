"""The pages about jobs, as a row of links under each page's title."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse

from config.admin.registry import NavItem, add_navigation

# Title, list page, permission.
_PAGES: Final = (
    ("Queues", "jobs_queue", "jobs.view_queue"),
    ("Schedule", "jobs_recurrence", "jobs.view_recurrence"),
    ("Workers", "jobs_worker", "jobs.view_worker"),
    ("Attempts", "jobs_attempt", "jobs.view_attempt"),
)


@dataclass(frozen=True, slots=True)
class Section:
    """One page about jobs."""

    title: str
    url: str
    current: bool


def sections(request: HttpRequest, under: str = "") -> list[Section]:
    """The pages that this person may see; the present one is, or is ``under``, one of them."""
    match = request.resolver_match
    here = under or ((match.url_name or "") if match else "")
    return [
        Section(title, reverse(f"admin:{name}_changelist"), here.startswith(f"{name}_"))
        for title, name, permission in _PAGES
        if request.user.has_perm(permission)
    ]


def with_sections(
    request: HttpRequest, context: dict[str, Any] | None, *, under: str = ""
) -> dict[str, Any]:
    """The page's context, with the links in it."""
    return {"sections": sections(request, under), **(context or {})}


def add_place(*also_active_for: str) -> None:
    """Show "Jobs" in the navigation, marked on its own pages and those with these url names."""
    add_navigation(
        NavItem(
            "Jobs",
            "admin:jobs_queue_changelist",
            order=45,
            permission="jobs.view_queue",
            also_active_for=("jobs_", *also_active_for),
        )
    )
