"""Fields whose values the database can make as well as Python."""

from __future__ import annotations

import os
import time
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

if TYPE_CHECKING:
    _UUIDField = models.UUIDField[str | uuid.UUID, uuid.UUID]
    _DateTimeField = models.DateTimeField[str | datetime, datetime]
else:
    _UUIDField = models.UUIDField
    _DateTimeField = models.DateTimeField


def uuid7() -> uuid.UUID:
    """A key ordered by time (RFC 9562, version 7, with microseconds in the 12 bits after it)."""
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    noise = int.from_bytes(os.urandom(8)) >> 2
    return uuid.UUID(
        int=(milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | noise
    )


class NewKey(models.Func):
    """The database's own ``new_key()``, for rows that plain SQL inserts."""

    function = "new_key"
    arity = 0
    output_field = models.UUIDField()


class KeyField(_UUIDField):
    """The primary key of every table: a UUID ordered by time.

    It is set before the row is saved, so ``pk is None`` never says "new": ask ``_state.adding``.
    """

    def __init__(self, **options: Any) -> None:
        defaults: dict[str, Any] = {
            "primary_key": True,
            "default": uuid7,
            "db_default": NewKey(),
            "editable": False,
        }
        super().__init__(**(defaults | options))


class CreatedAtField(_DateTimeField):
    """The moment the row was made."""

    def __init__(self, **options: Any) -> None:
        defaults: dict[str, Any] = {"default": timezone.now, "db_default": Now(), "editable": False}
        super().__init__(**(defaults | options))


class UpdatedAtField(CreatedAtField):
    """The moment of the last change; the trigger ``update_updated_at_column()`` keeps it."""
