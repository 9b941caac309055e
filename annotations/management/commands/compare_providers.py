"""``manage.py compare_providers``"""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser

from annotations.actions import comparing
from annotations.knowledge.comparison import Comparison
from annotations.knowledge.errors import NothingToCompare
from config.commands import OpsCommand

_FIGURES = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "mean_iou": "mean overlap",
    "cost_per_accepted": "cost per accepted box",
    "latency_p50": "latency p50, ms",
    "latency_p95": "latency p95, ms",
}


def day(text: str) -> datetime:
    """An argument such as 2026-11-01: the beginning of that day, UTC."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a day such as 2026-11-01") from None


class Command(OpsCommand):
    """Looks only; the same figures for the same rows, however often it is run."""

    help = "Compare AI providers on the images that all of them annotated and people finished."
    example = "compare_providers local openai:gpt-5.2 --since 2026-11-01 --json"
    exclusive: ClassVar[bool] = False
    offers_dry_run: ClassVar[bool] = False
    records: ClassVar[bool] = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "providers",
            nargs="*",
            metavar="NAME[:MODEL]",
            help="whom to compare (default: all that annotated anything)",
        )
        parser.add_argument(
            "--since", type=day, metavar="DAY", help="only images finished since then (UTC)"
        )

    def run(self, **options: Any) -> dict[str, Any]:
        try:
            compared = comparing.compare(options["providers"], since=options["since"])
        except NothingToCompare as error:
            raise CommandError(str(error)) from None
        return told(compared)

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        yield f"On {outcome['images']} images; in brackets intervals of 95 %."
        for name, one in outcome["providers"].items():
            yield ""
            yield (
                f"{name}: {one['matched']} of {one['proposed']} boxes right, of"
                f" {one['truth']} that there are; {one['accepted']} accepted for"
                f" {one['cost']:.4f} $"
            )
            yield from (f"  {word:22} {_shown(one[key])}" for key, word in _FIGURES.items())
        for one in outcome["differences"]:
            yield ""
            yield f"{one['first']} minus {one['second']}, on the same images:"
            for key, word in _FIGURES.items():
                if key in one:
                    clear = "" if one[key]["is_clear"] else "  (may be chance)"
                    yield f"  {word:22} {_shown(one[key])}{clear}"


def told(compared: Comparison) -> dict[str, Any]:
    """A comparison as JSON holds it."""
    providers = {}
    for name, standing in compared.standings.items():
        told_of = asdict(standing)
        providers[name] = {**told_of.pop("figures"), **told_of}
    differences = [
        {
            "first": one.first,
            "second": one.second,
            **{
                key: asdict(figure) | {"is_clear": one.is_clear(key)}
                for key, figure in one.figures.items()
                if figure.value is not None
            },
        }
        for one in compared.differences
    ]
    return {"images": compared.images, "providers": providers, "differences": differences}


def _shown(figure: dict[str, Any]) -> str:
    if figure["value"] is None:
        return "-"
    value, interval = figure["value"], figure["interval"]
    if not interval:
        return f"{value:.4g}"
    return f"{value:.4g}  [{interval['low']:.4g}, {interval['high']:.4g}]"
