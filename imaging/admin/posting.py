"""What POST requests of the pages have in common: how a change is tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db.models import Model

from accounts.admin import posting
from imaging.errors import NotNow
from jobs.errors import DuplicateJob

T = TypeVar("T")


def attempted(change: Callable[[], T], model: type[Model]) -> tuple[T | None, str]:
    """What the change returns, or None and the sentence with which it was refused."""
    try:
        return posting.attempted(change, model, NotNow)
    except DuplicateJob:
        return None, "The same analysis already waits or runs."
