"""``manage.py resume_queue``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from config.commands import OpsCommand
from jobs import switches
from jobs.management import arguments


class Command(OpsCommand):
    """The opposite of ``pause_queue``."""

    help = "Let workers begin jobs of a paused queue again."
    example = "resume_queue imaging"
    exclusive = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("queue", type=arguments.queue, help="the queue, by name")

    def run(self, **options: Any) -> dict[str, Any]:
        queue = options["queue"]
        if options["dry_run"]:
            changed = switches.is_paused(queue)
        else:
            changed = switches.resume(queue, by=arguments.operator())
        return {"queue": queue, "changed": changed, "dry_run": options["dry_run"]}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        if not outcome["changed"]:
            yield f"The queue {outcome['queue']} was not paused."
        elif outcome["dry_run"]:
            yield f"Would resume the queue {outcome['queue']}."
        else:
            yield f"The queue {outcome['queue']} goes on."
