"""``manage.py reviewer_report``"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from annotations import pictures
from annotations.knowledge import reviewers
from annotations.knowledge.agreement import Agreement
from annotations.knowledge.reviewers import Period, Reviewer, Share
from annotations.management.commands.compare_providers import day
from config.commands import OpsCommand


class Command(OpsCommand):
    """Looks only."""

    help = "Report how fast, how often overruled and how much in agreement reviewers are."
    example = "reviewer_report --since 2026-11-01 --pictures /tmp/report"
    exclusive: ClassVar[bool] = False
    offers_dry_run: ClassVar[bool] = False
    records: ClassVar[bool] = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--since", type=day, metavar="DAY", help="from this day on (UTC)")
        parser.add_argument("--until", type=day, metavar="DAY", help="before this day (UTC)")
        parser.add_argument(
            "--by-label",
            action="store_true",
            help="two reviewers agree only where the label is the same, too",
        )
        parser.add_argument(
            "--pictures",
            type=Path,
            metavar="DIRECTORY",
            help="write times.svg, days.svg and agreement.svg there",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        period = Period(options["since"], options["until"])
        people = reviewers.reviewers(period)
        names = {one.id: one.name or one.email for one in people}
        pairs = reviewers.agreement_of_pairs(period, by_label=options["by_label"])
        outcome: dict[str, Any] = {
            "reviewers": [_told(one) for one in people],
            "pairs": [
                {"first": names.get(one, str(one)), "second": names.get(other, str(other))}
                | _agreement(agreement)
                for (one, other), agreement in pairs.items()
            ],
            "all": _agreement(reviewers.agreement_of_all(period)),
        }
        if options["pictures"]:
            outcome["pictures"] = _draw(options["pictures"], period, names, pairs)
        return outcome

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        if not outcome["reviewers"]:
            yield "Nobody decided anything in this time."
        for one in outcome["reviewers"]:
            yield _line(one)
        for pair in outcome["pairs"]:
            yield (
                f"{pair['first']} and {pair['second']}: kappa {_shown(pair['value'])} over"
                f" {pair['items']} annotations that both saw"
            )
        if outcome["all"]["items"]:
            yield (
                f"All: alpha {_shown(outcome['all']['value'])} over {outcome['all']['items']}"
                " annotations that two or more saw"
            )
        yield from (f"wrote {path}" for path in outcome.get("pictures", ()))


def _told(one: Reviewer) -> dict[str, Any]:
    return asdict(one) | {
        "id": str(one.id),
        "reversed": _share(one.reversed),
        "gold": _share(one.gold),
        "spot_checks": _share(one.spot_checks),
    }


def _share(share: Share) -> dict[str, Any]:
    return asdict(share) | {"value": share.value, "interval": asdict(share.interval)}


def _agreement(agreement: Agreement) -> dict[str, Any]:
    return asdict(agreement)


def _line(one: dict[str, Any]) -> str:
    parts = [f"{one['name'] or one['email']}: {one['decisions']} decisions"]
    if one["seconds_p50"] is not None:
        parts.append(f"{one['seconds_p50']:.1f} s each (p95 {one['seconds_p95']:.1f} s)")
    if one["decisions"]:
        parts.append(f"{one['taken_back']} taken back, {one['overturned']} overturned by others")
    if one["gold"]["total"]:
        gold = one["gold"]
        low, high = gold["interval"]["low"], gold["interval"]["high"]
        parts.append(
            f"{gold['right']} of {gold['total']} known answers right ({low:.0%} to {high:.0%})"
        )
    return ", ".join(parts)


def _shown(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"


def _draw(
    folder: Path,
    period: Period,
    names: dict[UUID, str],
    pairs: dict[tuple[UUID, UUID], Agreement],
) -> list[str]:
    drawn = {
        "times": pictures.time_histogram(reviewers.TIMES, reviewers.deciding_times(period)),
        "days": pictures.day_bars(reviewers.per_day(period), names),
        "agreement": pictures.agreement_matrix(names, pairs),
    }
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, svg in drawn.items():
            path = folder / f"{name}.svg"
            path.write_text(svg, encoding="utf-8")
            written.append(str(path))
    except OSError as error:
        raise CommandError(f"{folder} cannot be written to: {error.strerror}.") from None
    return written
