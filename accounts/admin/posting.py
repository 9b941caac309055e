"""What requests of the staff pages have in common: who asks, what they may, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from accounts.models import User
from config.admin.refusals import refusal

T = TypeVar("T")
M = TypeVar("M", bound=Model)

MOST_AT_ONCE: Final = 500


def person(request: HttpRequest) -> User:
    """Who asks; the staff pages let nobody in who has not logged in."""
    if not isinstance(request.user, User):
        raise PermissionDenied("Log in first.")
    return request.user


def require(request: HttpRequest, permission: str) -> None:
    """Refuse a person whose role does not give the permission ``app.codename``."""
    if not request.user.has_perm(permission):
        raise PermissionDenied("Your role may not do this.")


def attempted(
    change: Callable[[], T], model: type[Model], *refusals: type[Exception]
) -> tuple[T | None, str]:
    """What the change returns, or None and the sentence with which it was refused.

    Refused by an action, with one of ``refusals``, or by the database: a trigger, or somebody
    else's change at the same time. An error that is no refusal is let through.
    """
    try:
        with transaction.atomic():
            return change(), ""
    except refusals as refused:
        return None, str(refused)
    except DatabaseError as error:
        sentence = refusal(error, model)
        if sentence is None:
            raise
        return None, sentence


def at_once(model_admin: Any, request: HttpRequest, rows: QuerySet[M]) -> list[M]:
    """The chosen rows; none, and a message, when they are more than one request should change."""
    chosen = list(rows[: MOST_AT_ONCE + 1])
    if len(chosen) <= MOST_AT_ONCE:
        return chosen
    text = f"At most {MOST_AT_ONCE} rows are changed at once. Narrow the list, or go page by page."
    model_admin.message_user(request, text, messages.WARNING)
    return []
