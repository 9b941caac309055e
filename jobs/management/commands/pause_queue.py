"""``manage.py pause_queue``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from config.commands import OpsCommand
from jobs import switches
from jobs.management import arguments


class Command(OpsCommand):
    """Jobs may still be added; they wait until the queue is resumed."""

    help = "Let no worker begin a job of a queue; jobs that run go on."
    example = 'pause_queue imaging --reason "the storage is being moved"'
    exclusive = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("queue", type=arguments.queue, help="the queue, by name")
        parser.add_argument("--reason", default="", help="why, for those who find it paused")

    def run(self, **options: Any) -> dict[str, Any]:
        queue = options["queue"]
        if options["dry_run"]:
            changed = not switches.is_paused(queue)
        else:
            changed = switches.pause(queue, by=arguments.operator(), reason=options["reason"])
        return {"queue": queue, "changed": changed, "dry_run": options["dry_run"]}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        if not outcome["changed"]:
            yield f"The queue {outcome['queue']} was paused already."
        elif outcome["dry_run"]:
            yield f"Would pause the queue {outcome['queue']}."
        else:
            yield (
                f"The queue {outcome['queue']} is paused. When it may go on:"
                f" python manage.py resume_queue {outcome['queue']}"
            )
