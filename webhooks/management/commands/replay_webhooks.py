"""``manage.py replay_webhooks``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from config.commands import OpsCommand
from jobs.management import arguments
from webhooks.actions import replaying
from webhooks.errors import WebhookError
from webhooks.models import WebhookEndpoint


class Command(OpsCommand):
    """A message keeps its id; a receiver that has it already knows that."""

    help = "Send again what webhooks could not deliver."
    example = 'replay_webhooks --webhook "Data warehouse" --since 3d --dry-run'
    offers_batch_size = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--webhook", metavar="NAME", help="of this one alone")
        parser.add_argument(
            "--delivery", type=arguments.key, action="append", metavar="ID", help="may be repeated"
        )
        parser.add_argument(
            "--since",
            type=arguments.moment,
            metavar="WHEN",
            help="what happened since: 2026-11-21, 2026-11-21T09:30, or 12h, 3d ago",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        endpoint = None
        if options["webhook"]:
            endpoint = WebhookEndpoint.objects.filter(name=options["webhook"]).first()
            if endpoint is None:
                known = ", ".join(
                    WebhookEndpoint.objects.order_by("name").values_list("name", flat=True)
                )
                raise CommandError(
                    f"There is no webhook {options['webhook']!r}. There are: {known or 'none'}."
                )
        rows = replaying.failed(endpoint, ids=options["delivery"] or (), since=options["since"])
        if endpoint is None and not options["delivery"]:
            rows = rows.filter(endpoint__is_active=True)  # of all that can take something
        replayed = 0
        try:
            if options["dry_run"]:
                replayed = rows.count()
            else:
                batches = replaying.replay(rows, batch_size=options["batch_size"])
                for count in self.steps(batches, unit="batch"):
                    replayed += count
        except WebhookError as error:
            raise CommandError(str(error)) from None
        return {"replayed": replayed, "dry_run": options["dry_run"]}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        verb = "Would put" if outcome["dry_run"] else "Put"
        yield f"{verb} {outcome['replayed']} failed deliveries in line once more."
