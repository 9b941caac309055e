"""``manage.py retry_jobs``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from config.commands import OpsCommand
from jobs import switches
from jobs.management import arguments


class Command(OpsCommand):
    """A job whose like waits or runs meanwhile stays failed, and is counted as a duplicate."""

    help = "Put failed jobs of a queue in line once more; their retries count anew."
    example = "retry_jobs imaging --all --failed-since 12h --dry-run"
    offers_batch_size = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        arguments.add_queue(parser)
        chosen = parser.add_mutually_exclusive_group(required=True)
        chosen.add_argument(
            "--job", type=arguments.key, action="append", metavar="ID", help="may be repeated"
        )
        chosen.add_argument("--all", action="store_true", help="every failed job of the queue")
        parser.add_argument(
            "--failed-since",
            type=arguments.moment,
            metavar="WHEN",
            help="only those that failed since: 2026-11-21, 2026-11-21T09:30, or 12h, 3d ago",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        meant = {"ids": options["job"], "since": options["failed_since"]}
        queue = arguments.queue_of(options)
        retried = duplicates = 0
        try:
            jobs = switches.to_retry(queue, **meant).count()
            if options["dry_run"]:
                retried = jobs
            else:
                batches = switches.retry_batches(queue, **meant, batch_size=options["batch_size"])
                for batch in self.steps(batches, unit="batch"):
                    retried += batch.jobs
                    duplicates += batch.duplicates
        except switches.NotForThisQueue as error:
            raise CommandError(str(error)) from None
        return {
            "queue": queue,
            "retried": retried,
            "duplicates": duplicates,
            "dry_run": options["dry_run"],
        }

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        verb = "Would put" if outcome["dry_run"] else "Put"
        yield f"{verb} {outcome['retried']} failed jobs of {outcome['queue']} in line once more."
        if outcome["duplicates"]:
            yield f"{outcome['duplicates']} stay failed: the same job waits or runs meanwhile."
