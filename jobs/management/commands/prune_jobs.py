"""``manage.py prune_jobs``"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from typing import Any

from django.core.management.base import CommandParser

from config.commands import OpsCommand
from jobs import housekeeping, registry
from jobs.management import arguments


class Command(OpsCommand):
    """As the schedule does every night; by hand, for one queue, or with another age."""

    help = "Delete jobs that ended long ago, with their attempts."
    example = "prune_jobs imaging --older-than 30 --dry-run"
    offers_batch_size = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "queues",
            type=arguments.queue,
            nargs="*",
            metavar="queue",
            help="only these queues, by name (all there are)",
        )
        parser.add_argument(
            "--queue",
            dest="queues_named",
            type=arguments.queue,
            action="append",
            default=[],
            metavar="QUEUE",
            help="the same as an option; may be repeated",
        )
        parser.add_argument(
            "--older-than",
            type=arguments.days,
            metavar="DAYS",
            help="whatever ended so many days ago, failed jobs too, in place of the settings"
            " finished_job_days and failed_job_days",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        days = options["older_than"]
        retention = None
        if days is not None:
            age = timedelta(days=days)
            retention = housekeeping.Retention(finished=age, failed=age)
        names = dict.fromkeys([*options["queues"], *options["queues_named"]])
        kinds = [registry.kind(name) for name in names] or registry.kinds()
        batches = chain.from_iterable(
            housekeeping.delete_old(
                kind,
                retention=retention,
                batch_size=options["batch_size"],
                dry_run=options["dry_run"],
            )
            for kind in kinds
        )
        totals = {"seen": 0, "finished": 0, "failed": 0, "attempts": 0}
        for batch in self.steps(batches, unit="batch"):
            for name in totals:
                totals[name] += getattr(batch, name)
        return {
            **totals,
            "queues": [kind.queue for kind in kinds],
            "dry_run": options["dry_run"],
        }

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        verb = "Would delete" if outcome["dry_run"] else "Deleted"
        yield (
            f"{verb} {outcome['finished']} completed or cancelled and {outcome['failed']} failed"
            f" jobs of {', '.join(outcome['queues'])}, out of {outcome['seen']} looked at."
        )
