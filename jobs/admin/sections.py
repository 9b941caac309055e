"""The pages about jobs, as a row of links under each page's title."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest

from config.admin.registry import NavItem, add_navigation
from config.admin.sections import Listed, sections

_LISTS: Final[tuple[Listed, ...]] = (
    ("Queues", "jobs_queue_changelist", "jobs.view_queue"),
    ("Schedule", "jobs_recurrence_changelist", "jobs.view_recurrence"),
    ("Workers", "jobs_worker_changelist", "jobs.view_worker"),
    ("Attempts", "jobs_attempt_changelist", "jobs.view_attempt"),
)


def with_sections(
    request: HttpRequest, context: dict[str, Any] | None, *, under: str = ""
) -> dict[str, Any]:
    """The page's context, with the links in it."""
    return {"sections": sections(request, _LISTS, under=under), **(context or {})}


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
