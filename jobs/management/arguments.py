"""What the arguments of the engine's commands may be, and who gives them."""

from __future__ import annotations

import getpass
import os
import re
from argparse import ArgumentTypeError
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from jobs import registry
from jobs.errors import UnknownQueue

LONGEST_AGE_DAYS: Final = 36_500

_AGE = re.compile(r"(\d{1,6})\s*([mhdw])\Z")
_MINUTES = {"m": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60}


def queue(text: str) -> str:
    """An argument that is the name of a queue."""
    try:
        return registry.kind(text.strip()).queue
    except UnknownQueue as error:
        raise ArgumentTypeError(str(error)) from None


def key(text: str) -> UUID:
    """An argument that is the id of a job or of a person."""
    try:
        return UUID(text.strip())
    except ValueError:
        raise ArgumentTypeError(
            f"{text!r} is not an id such as 019aa54c-7a3e-7c01-9f52-0d6c8e0f4b11"
        ) from None


def moment(text: str) -> datetime:
    """An argument that is a moment: 2026-11-21, 2026-11-21T09:30, or 90m, 12h, 3d, 2w ago.

    One without a zone is in the site's (the setting TIME_ZONE).
    """
    try:
        if match := _AGE.match(text.strip().lower()):
            return timezone.now() - timedelta(minutes=int(match[1]) * _MINUTES[match[2]])
        found = parse_datetime(text.strip())
        if found is not None:
            return found if timezone.is_aware(found) else timezone.make_aware(found)
    except (ValueError, OverflowError) as error:
        raise ArgumentTypeError(f"{text!r} is no moment: {error}") from None
    raise ArgumentTypeError(
        f"{text!r} is not a moment such as 2026-11-21, 2026-11-21T09:30, 90m, 12h, 3d or 2w"
    )


def days(text: str) -> int:
    """An argument that is a whole number of days, 1 to 36500."""
    if not text.isdecimal() or len(text) > 5 or not 1 <= int(text) <= LONGEST_AGE_DAYS:
        raise ArgumentTypeError(
            f"{text!r} is not a whole number of days from 1 to {LONGEST_AGE_DAYS}"
        )
    return int(text)


def operator() -> str:
    """Who runs the command, as far as the system tells."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container may have users without names
        name = f"user {os.getuid()}"
    return f"{name}, by command"
