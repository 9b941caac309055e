"""``manage.py cleanup_sessions``"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser

from accounts.actions import cleaning
from config.commands import OpsCommand, positive


class Command(OpsCommand):
    """As the schedule does every hour; by hand, or with another age."""

    help = "Delete sessions, links and traces of requests that are over and open nothing any more."
    example = "cleanup_sessions --older-than 7 --dry-run"
    offers_batch_size = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--older-than",
            type=positive,
            default=cleaning.KEPT.days,
            metavar="DAYS",
            help=f"sessions and links that have been over for so long ({cleaning.KEPT.days})",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        totals: dict[str, Any] = {}
        batches = cleaning.clean_up(
            kept=timedelta(days=min(options["older_than"], 36_500)),
            batch_size=options["batch_size"],
            dry_run=options["dry_run"],
        )
        for batch in self.steps(batches, unit="batch"):
            totals[batch.table] = totals.get(batch.table, 0) + batch.rows
        return {**totals, "dry_run": options["dry_run"]}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        verb = "Would delete" if outcome["dry_run"] else "Deleted"
        for table, rows in outcome.items():
            if isinstance(rows, int) and not isinstance(rows, bool):
                yield f"{verb} {rows} of {table}."
