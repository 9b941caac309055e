"""What the arguments of the engine's commands may be, and who gives them."""

from __future__ import annotations

import getpass
import math
import os
import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from jobs import registry
from jobs.errors import UnknownQueue

LONGEST_AGE_DAYS: Final = 36_500
_LONGEST_QUOTE: Final = 40

_AGE = re.compile(r"(\d{1,6})\s*([mhdw])\Z")
_MINUTES = {"m": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60}


def queue(text: str) -> str:
    """An argument that is the name of a queue."""
    try:
        return registry.kind(text.strip()).queue
    except UnknownQueue as error:
        raise ArgumentTypeError(str(error)) from None


def add_queue(parser: CommandParser) -> None:
    """The queue whose jobs are meant, as the first word or as ``--queue``; see ``queue_of``."""
    one = parser.add_mutually_exclusive_group(required=True)
    one.add_argument("queue", type=queue, nargs="?", help="by name, here or as --queue")
    one.add_argument(
        "--queue", dest="named_queue", type=queue, metavar="QUEUE", help="the same as an option"
    )


def queue_of(options: dict[str, Any]) -> str:
    """The queue that was named, in either way."""
    named: str = options["queue"] or options["named_queue"]
    return named


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


def whole(least: int, most: int, what: str = "") -> Callable[[str], int]:
    """An argument that is a whole number within the bounds; ``what`` as in "of days"."""
    kind = f"a whole number {what}".rstrip()

    def number(text: str) -> int:
        digits = text.strip().removeprefix("+")
        short = digits.isascii() and digits.isdecimal() and len(digits) <= len(str(most))
        if not short or not least <= int(digits) <= most:
            raise ArgumentTypeError(f"{_quoted(text)} is not {kind} from {least} to {most}")
        return int(digits)

    return number


def seconds(least: float, most: float) -> Callable[[str], float]:
    """An argument that is a time span in seconds within the bounds."""

    def span(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if not least <= found <= most:
            raise ArgumentTypeError(
                f"{_quoted(text)} is not a number of seconds from {least:g} to {most:,.0f}"
            )
        return found

    return span


days = whole(1, LONGEST_AGE_DAYS, "of days")


def _quoted(text: str) -> str:
    """What was given, cut short where it is long."""
    return repr(text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…")


def operator() -> str:
    """Who runs the command, as far as the system tells."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container may have users without names
        name = f"user {os.getuid()}"
    return f"{name}, by command"
