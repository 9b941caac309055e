"""Rounds of a figure, and the ratio of two round by round."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles

from tests.benchmarks.queue.others import Peer
from tests.benchmarks.queue.peers import PeerMissing
from tests.benchmarks.queue.server import Server


@dataclass(slots=True)
class Figures:
    """One figure of every round."""

    rounds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The middle round."""
        return median(self.rounds)

    def told(self, unit: str = "", *, scale: float = 1.0) -> str:
        """Median and range; ``-`` without any round."""
        if not self.rounds:
            return "-"
        middle, low, high = (
            _short(value * scale) for value in (self.median, min(self.rounds), max(self.rounds))
        )
        return f"{middle}{unit} ({low} to {high})"


def ratios(ours: Figures, theirs: Figures) -> Figures:
    """Ours by theirs, of the same round each: the weather of a round is in both."""
    return Figures([a / b for a, b in zip(ours.rounds, theirs.rounds, strict=True)])


def percentile(values: Sequence[float], hundredths: int) -> float:
    """The value that so many hundredths of all do not exceed."""
    return quantiles(values, n=100, method="inclusive")[hundredths - 1]


def arguments(description: str | None, **numbers: int) -> argparse.Namespace:
    """The command line: ``--rounds``, and these numbers by name, each at least 1."""
    parser = argparse.ArgumentParser(description=description)
    for name, default in {"rounds": 5, **numbers}.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"({default:,})")
    chosen = parser.parse_args()
    for name, value in vars(chosen).items():
        if value < 1:
            parser.error(f"--{name} must be 1 or more, not {value}")
    return chosen


def judged(ratio: Figures, goal: float, *, at_most: bool = False) -> str:
    """A ratio beside its goal."""
    met = ratio.median <= goal if at_most else ratio.median >= goal
    limit = "at most" if at_most else "at least"
    return f"{ratio.told()}; goal {limit} {goal:g}: {'met' if met else 'MISSED'}"


def installed(server: Server, *wanted: type[Peer]) -> tuple[dict[type[Peer], str], list[str]]:
    """The peers that are here, with name and version, each in a fresh database of its own.

    And a sentence for each that is not.
    """
    found: dict[type[Peer], str] = {}
    missing = []
    for kind in wanted:
        try:
            found[kind] = kind.title()
        except PeerMissing as error:
            missing.append(str(error))
            continue
        maker = kind(server, found[kind])
        try:
            maker.make()
        finally:
            maker.close()
    return found, missing


def _short(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
