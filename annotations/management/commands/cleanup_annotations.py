"""``manage.py cleanup_annotations``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from annotations.actions import maintenance
from annotations.management.arguments import whole
from config.commands import OpsCommand


class Command(OpsCommand):
    """The daily task; the schedule runs it too."""

    help = "Remove expired cache entries, answers beyond the limit, and payloads that are too old."
    example = "cleanup_annotations --max-entries 5000 --dry-run"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--max-entries",
            type=whole(0),
            metavar="N",
            help="keep at most so many answers of providers (the setting vision_cache_entries)",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        cleaned = maintenance.clean_up(
            max_entries=options["max_entries"], dry_run=options["dry_run"]
        )
        return {**cleaned.as_dict(), "dry_run": options["dry_run"]}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        verb = "Would remove" if outcome["dry_run"] else "Removed"
        yield (
            f"{verb} {outcome['expired']:,} expired entries of all caches, and"
            f" {outcome['evicted']:,} answers of providers beyond the limit."
        )
        yield (
            f"{verb} what was asked and answered longer ago than it is kept: of"
            f" {outcome['payload_jobs']:,} jobs, and {outcome['payload_answers']:,} cached answers."
        )
        yield f"Left: {outcome['left']:,} answers of providers."
