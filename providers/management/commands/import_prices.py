"""``manage.py import_prices``"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from config.commands import OpsCommand
from providers.actions import prices
from providers.errors import WrongPrices


class Command(OpsCommand):
    """Repeating it adds nothing: only what differs becomes a new price."""

    help = "Take in what AI providers ask for, from the package genai-prices or from a file."
    example = "import_prices --file prices.json --dry-run"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--file",
            type=Path,
            metavar="JSON",
            help="a list of prices, ours or LiteLLM's (default: the package genai-prices)",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        try:
            listed, source = (
                prices.from_file(options["file"]) if options["file"] else prices.from_package()
            )
            outcome = prices.take_in(listed, source=source, dry_run=options["dry_run"])
        except WrongPrices as error:
            raise CommandError(str(error)) from None
        return {
            "source": source,
            "added": outcome.added,
            "changed": outcome.changed,
            "unchanged": outcome.unchanged,
            "of_other_providers": outcome.of_others,
            "dry_run": options["dry_run"],
        }

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        would = "Would add" if outcome["dry_run"] else "Added"
        yield f"From {outcome['source']}:"
        for word, names in (("new", outcome["added"]), ("changed", outcome["changed"])):
            for name in names:
                yield f"  {word}: {name}"
        count = len(outcome["added"]) + len(outcome["changed"])
        yield (
            f"{would} {count} prices; {outcome['unchanged']} are as they were,"
            f" {outcome['of_other_providers']} are of providers that are not asked here."
        )
