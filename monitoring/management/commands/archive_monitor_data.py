"""``manage.py archive_monitor_data``"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

from django.core.management.base import CommandParser
from django.utils import timezone

from config.commands import OpsCommand, positive
from monitoring.actions import packing


class Command(OpsCommand):
    """Each block is packed in a transaction of its own; a run that ends early has done its part."""

    help = (
        "Pack old samples: fewer bytes, the same numbers to the last bit, still readable in SQL"
        " through the view monitor_samples. The schedule runs it too."
    )
    example = "archive_monitor_data --older-than 183 --dry-run"
    records: ClassVar[bool] = False  # what is packed has its entry

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--older-than",
            type=positive,
            metavar="DAYS",
            help="samples placed so long ago (the setting monitor_data_days: 183)",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        days = options["older_than"]
        before = timezone.now() - timedelta(days=days) if days else packing.limit()
        total = packing.due(before)
        if options["dry_run"]:
            return {"would_pack": total, "dry_run": True}
        pages = list(self.steps(packing.pack(before), unit="page"))
        done = pages[-1] if pages else packing.Outcome()
        return {
            "blocks": done.blocks,
            "samples": done.samples,
            "bytes_before": done.bytes_before,
            "bytes_after": done.bytes_after,
            "ratio": done.ratio,
            "left_as_they_are": done.left,
            "dry_run": False,
        }

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        if outcome["dry_run"]:
            yield f"Would pack {outcome['would_pack']:,} blocks of samples."
            return
        yield f"Packed {outcome['blocks']:,} blocks with {outcome['samples']:,} samples."
        if outcome["ratio"]:
            yield (
                f"{outcome['bytes_before']:,} bytes are {outcome['bytes_after']:,} now:"
                f" {outcome['ratio']:g} times fewer."
            )
        if outcome["left_as_they_are"]:
            yield f"{outcome['left_as_they_are']:,} blocks cannot be packed and stay as they are."
