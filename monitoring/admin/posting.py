"""What the requests of these pages have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from django.contrib import admin
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.admin import posting
from monitoring.admin.sections import sections
from monitoring.errors import MonitoringError

T = TypeVar("T")


def attempted(change: Callable[[], T], model: type[Model]) -> tuple[T | None, str]:
    """What the change returns, or None and the sentence with which it was refused."""
    return posting.attempted(change, model, MonitoringError)


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
