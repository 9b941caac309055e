"""``manage.py manage_partitions``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.core.management.base import CommandParser
from django.db import transaction

from audit import partitions
from config.commands import OpsCommand
from jobs import housekeeping
from jobs.management.arguments import whole

_MOST_MONTHS: Final = 60


class Command(OpsCommand):
    """As the schedule does every day; by hand, after a stop that outlasted the months ahead."""

    help = (
        "Create the coming months of every table that is partitioned by month, the audit log's"
        " too, and put entries of a missing month in their place. Safe to repeat."
    )
    example = "manage_partitions --months 6"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--months",
            type=whole(0, _MOST_MONTHS, "of months"),
            default=housekeeping.MONTHS_AHEAD,
            help=f"how far ahead ({housekeeping.MONTHS_AHEAD})",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        with transaction.atomic():
            made = housekeeping.make_months_ahead(months=options["months"])
            if options["dry_run"]:
                transaction.set_rollback(True)
        recovered = 0 if options["dry_run"] else partitions.recover_astray()
        return {"created": made, "recovered": recovered, "dry_run": options["dry_run"]}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        verb = "would create" if outcome["dry_run"] else "created"
        for name in outcome["created"]:
            yield f"{verb} {name}"
        if not outcome["created"]:
            yield "every month is there"
        if outcome["recovered"]:
            yield f"put {outcome['recovered']} entries of the audit log into their months"
