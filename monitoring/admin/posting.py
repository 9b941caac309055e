"""What the requests of these pages have in common: who asks, what they may, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.models import User
from config.admin.refusals import refusal
from monitoring.admin.sections import sections
from monitoring.errors import MonitoringError

T = TypeVar("T")
M = TypeVar("M", bound=Model)


def person(request: HttpRequest) -> User:
    """Who asks; the staff pages let nobody in who has not logged in."""
    if not isinstance(request.user, User):
        raise PermissionDenied("Log in first.")
    return request.user


def require(request: HttpRequest, permission: str) -> None:
    """Refuse a person whose role does not give the permission ``app.codename``."""
    if not request.user.has_perm(permission):
        raise PermissionDenied("Your role may not do this.")


def attempted(change: Callable[[], T], model: type[Model]) -> tuple[T | None, str]:
    """What the change returns, or None and the sentence with which it was refused.

    Refused by an action, or by the database. An error that is no refusal is let through.
    """
    try:
        with transaction.atomic():
            return change(), ""
    except MonitoringError as refused:
        return None, str(refused)
    except DatabaseError as error:
        sentence = refusal(error, model)
        if sentence is None:
            raise
        return None, sentence


def found(rows: Any, key: UUID) -> Any:
    """The row; Http404 for one that there is not, or that is somebody else's."""
    row = rows.filter(pk=key).first()
    if row is None:
        raise Http404("There is no such row, or it belongs to somebody else.")
    return row


def as_id(text: str) -> UUID | None:
    """The text as an id, or None."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def page(
    request: HttpRequest, template: str, title: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A page of our own, beside the others about monitoring."""
    request.current_app = admin.site.name
    common = {
        **admin.site.each_context(request),
        "title": title,
        "sections": sections(request),
    }
    return TemplateResponse(
        request, f"monitoring/{template}.html", {**common, **context}, status=status
    )
