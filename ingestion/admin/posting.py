"""What POST requests of the pages have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.http import HttpRequest

from accounts.models import User
from config.admin.refusals import refusal
from ingestion.errors import IngestionError
from ingestion.models import FileUpload

T = TypeVar("T")


def person(request: HttpRequest) -> User:
    """Who asks; the staff pages let nobody in who has not logged in."""
    if not isinstance(request.user, User):
        raise PermissionDenied("Log in first.")
    return request.user


def require(request: HttpRequest, permission: str) -> None:
    """Refuse a person whose role does not give the permission ``app.codename``."""
    if not request.user.has_perm(permission):
        raise PermissionDenied("Your role may not do this.")


def attempted(change: Callable[[], T]) -> tuple[T | None, str]:
    """What the change returns, or None and the sentence with which it was refused."""
    try:
        with transaction.atomic():
            return change(), ""
    except IngestionError as refused:
        return None, str(refused)
    except DatabaseError as error:
        sentence = refusal(error, FileUpload)
        if sentence is None:
            raise
        return None, sentence
