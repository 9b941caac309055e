"""``manage.py cleanup_cache``"""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser

from config.commands import LARGEST, OpsCommand
from imaging.actions import cache

_AGE = re.compile(r"(\d+)\s*([mhdw])\Z")
_HOURS = {"m": 1 / 60, "h": 1, "d": 24, "w": 24 * 7}
LONGEST_AGE_DAYS = 36_500


def age(text: str) -> timedelta:
    """An argument such as 12h, 30d or 2w."""
    match = _AGE.match(text.strip().lower())
    if not match:
        raise ArgumentTypeError(f"{text!r} is not an age such as 90m, 12h, 30d or 2w")
    hours = int(match[1]) * _HOURS[match[2]]
    if hours > LONGEST_AGE_DAYS * 24:
        raise ArgumentTypeError(f"{text} is more than {LONGEST_AGE_DAYS} days")
    return timedelta(hours=hours)


def count(text: str) -> int:
    """An argument that is a whole number, 0 or more."""
    if not text.isdecimal() or len(text) > 10 or int(text) > LARGEST:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 0 to {LARGEST}")
    return int(text)


class Command(OpsCommand):
    """Expired entries go, then those beyond the limit that were not used for longest."""

    help = "Remove cached analyses that expired, were not used, or are too many."
    example = "cleanup_cache --older-than 30d --max-entries 5000 --dry-run"
    offers_batch_size = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--older-than",
            type=age,
            metavar="AGE",
            help="also those not used for so long: 90m, 12h, 30d, 2w",
        )
        parser.add_argument(
            "--max-entries",
            type=count,
            metavar="N",
            help="keep at most so many (the setting analysis_cache_max_entries)",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        cleaned = cache.clean_up(
            older_than=options["older_than"],
            max_entries=options["max_entries"],
            batch_size=options["batch_size"],
            dry_run=options["dry_run"],
        )
        return {**cleaned.as_dict(), "dry_run": options["dry_run"]}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        verb = "Would remove" if outcome["dry_run"] else "Removed"
        yield (
            f"{verb} {outcome['rows']} cached analyses ({outcome['bytes']:,} bytes):"
            f" {outcome['expired']} expired, {outcome['older']} not used,"
            f" {outcome['least_recently_used']} beyond the limit."
        )
        yield f"Left: {outcome['rows_left']} ({outcome['bytes_left']:,} bytes)."
