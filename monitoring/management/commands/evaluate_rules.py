"""``manage.py evaluate_rules``"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser

from config.commands import OpsCommand
from jobs.management import arguments
from monitoring.actions import alerting_rounds
from monitoring.actions.alerting import CATCH_UP


class Command(OpsCommand):
    """What the schedule does each minute, by hand; a rule sees no analysis twice."""

    help = (
        "Show alert rules the samples they have missed, notice silences, and queue what is to be"
        " told; safe to repeat."
    )
    example = "evaluate_rules --days 30 --dry-run"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--days",
            type=arguments.whole(1, 3650, "of days"),
            default=CATCH_UP.days,
            help="analyses that ended so many days ago are looked for (%(default)s)",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        since = timedelta(days=options["days"])
        if options["dry_run"]:
            return alerting_rounds.preview(since=since) | {"dry_run": True}
        minute = alerting_rounds.run(since=since, steps=self.steps)
        outcome = minute.as_dict() | {"dry_run": False}
        if outcome["refused"]:
            self.exit_code = 1
        return outcome

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        if outcome["dry_run"]:
            yield (
                f"Would show {outcome['analyses']} analyses to rules, let time pass for"
                f" {outcome['rules']} rules, and tell of {outcome['due']}."
            )
            return
        yield (
            f"Evaluated {outcome['samples']} samples of {outcome['analyses']} analyses:"
            f" {outcome['opened']} alerts opened, {outcome['resolved']} resolved."
        )
        yield f"Queued {outcome['letters']} letters and {outcome['messages']} messages."
        for rule, sentence in sorted(outcome["refused"].items()):
            yield f"Rule {rule}: {sentence}"
