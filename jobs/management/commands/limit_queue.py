"""``manage.py limit_queue``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from config.commands import OpsCommand
from jobs import switches
from jobs.management import arguments


class Command(OpsCommand):
    """The limit is a bucket of so many jobs, which fills up evenly within the time."""

    help = "Limit how many jobs of a queue begin within a time, over all workers."
    example = "limit_queue imaging --jobs 100 --seconds 60"
    exclusive = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("queue", type=arguments.queue, help="the queue, by name")
        chosen = parser.add_mutually_exclusive_group(required=True)
        chosen.add_argument(
            "--jobs", type=arguments.whole(1, switches.MOST_JOBS), metavar="N", help="so many jobs"
        )
        chosen.add_argument("--none", action="store_true", help="lift the limit")
        parser.add_argument(
            "--seconds",
            type=arguments.whole(1, switches.LONGEST_RATE_SECONDS, "of seconds"),
            default=60,
            metavar="S",
            help=f"within so many seconds, 1 to {switches.LONGEST_RATE_SECONDS} (60)",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        asked = {"jobs": options["jobs"], "seconds": options["seconds"]}
        try:
            switches.check_limit(**asked)
            if not options["dry_run"]:
                switches.limit(options["queue"], **asked, by=arguments.operator())
        except switches.NotForThisQueue as error:
            raise CommandError(str(error)) from None
        return {"queue": options["queue"], **asked, "dry_run": options["dry_run"]}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        verb = "would begin" if outcome["dry_run"] else "begin"
        if outcome["jobs"] is None:
            yield f"Jobs of the queue {outcome['queue']} {verb} without a limit."
        else:
            yield (
                f"At most {outcome['jobs']} jobs of the queue {outcome['queue']} {verb} at once,"
                f" and as many within {outcome['seconds']} seconds."
            )
