"""The pages about people, as a row of links under each page's title; and the way to a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.models import Session
from config.admin.sections import Listed, Section
from config.admin.sections import sections as lists

_LISTS: Final[tuple[Listed, ...]] = (
    ("People", "accounts_user_changelist", "accounts.view_user"),
    ("Invitations", "accounts_invitation_changelist", "accounts.view_invitation"),
    ("Sessions", "accounts_session_changelist", "accounts.view_session"),
    ("API keys", "accounts_apikey_changelist", "accounts.view_apikey"),
)


@dataclass(frozen=True, slots=True)
class Crumb:
    """A page on the way to this one."""

    title: str
    url: str


def sections(request: HttpRequest) -> list[Section]:
    """The pages that this person may see."""
    return lists(request, _LISTS)


def list_crumb(request: HttpRequest, name: str) -> Crumb:
    """The list that a page belongs to; for whoever may not see it, their own account."""
    for title, page, permission in _LISTS:
        if page == f"{name}_changelist" and request.user.has_perm(permission):
            return Crumb(title, reverse(f"admin:{page}"))
    return Crumb("Your account", reverse("admin:account"))


def page(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> TemplateResponse:
    """A page about people; ``crumbs`` are those between the overview and it."""
    request.current_app = admin.site.name
    whole = {**admin.site.each_context(request), "sections": [], **context}
    return TemplateResponse(request, template, whole, status=status)


def session_here(request: HttpRequest) -> Session | None:
    """The session in which the page is looked at."""
    found: Session | None = getattr(request, "browser_session", None)
    return found


def here_id(request: HttpRequest) -> UUID | None:
    """Its key."""
    session = session_here(request)
    return None if session is None else session.pk
