"""``manage.py cancel_jobs``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from config.commands import OpsCommand
from jobs import switches
from jobs.management import arguments


class Command(OpsCommand):
    """A failed job is cancelled only where it is named; then nobody retries it by mistake."""

    help = "Cancel jobs of a queue that wait, and ask those that run to stop."
    example = "cancel_jobs imaging --all --dry-run"
    offers_batch_size = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        arguments.add_queue(parser)
        chosen = parser.add_mutually_exclusive_group(required=True)
        chosen.add_argument(
            "--job", type=arguments.key, action="append", metavar="ID", help="may be repeated"
        )
        chosen.add_argument(
            "--user", type=arguments.key, metavar="ID", help="every job of this person"
        )
        chosen.add_argument("--all", action="store_true", help="every job that waits or runs")

    def run(self, **options: Any) -> dict[str, Any]:
        meant = {"ids": options["job"], "user_id": options["user"]}
        queue = arguments.queue_of(options)
        try:
            jobs = switches.to_cancel(queue, **meant).count()
            if not options["dry_run"]:
                jobs = 0
                batches = switches.cancel_batches(queue, **meant, batch_size=options["batch_size"])
                for batch in self.steps(batches, unit="batch"):
                    jobs += batch.jobs
        except switches.NotForThisQueue as error:
            raise CommandError(str(error)) from None
        return {"queue": queue, "cancelled": jobs, "dry_run": options["dry_run"]}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        verb = "Would cancel" if outcome["dry_run"] else "Cancelled"
        yield (
            f"{verb} {outcome['cancelled']} jobs of {outcome['queue']}; those that run are asked"
            " to stop."
        )
