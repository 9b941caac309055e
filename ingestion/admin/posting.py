"""What POST requests of the pages have in common: how a change is tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from accounts.admin import posting
from ingestion.errors import IngestionError
from ingestion.models import FileUpload

T = TypeVar("T")


def attempted(change: Callable[[], T]) -> tuple[T | None, str]:
    """What the change returns, or None and the sentence with which it was refused."""
    return posting.attempted(change, FileUpload, IngestionError)
