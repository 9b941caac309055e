"""What a stated confidence has meant: reliability, its errors, and a curve that mends it.

Decisions come summed up: ``stated`` (what was said, 0 to 1), ``total`` (how many decisions at that
value) and ``right`` (how many of them people found right as proposed). A million decisions are at
most 10,001 such rows, since a confidence has four decimals.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from annotations.knowledge.intervals import Interval, wilson

BINS: Final = 15
FOLDS: Final = 5
# A confidence is stored with four decimals: so many different ones there are, beside 0.
STEPS: Final = 10_000

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Decisions:
    """Decisions by stated confidence; rows in any order, a value may stand more than once."""

    stated: Numbers
    total: Counts
    right: Counts

    def __post_init__(self) -> None:
        if not len(self.stated) == len(self.total) == len(self.right):
            raise ValueError("stated, total and right must have one entry for each row.")
        if (self.right < 0).any() or (self.right > self.total).any():
            raise ValueError("In no row may more decisions be right than there are.")
        if ((self.stated < 0) | (self.stated > 1)).any():
            raise ValueError("A confidence lies between 0 and 1.")

    @property
    def count(self) -> int:
        """How many decisions there are."""
        return int(self.total.sum())

    def only(self, chosen: NDArray[np.bool_]) -> Decisions:
        """Some of the rows."""
        return Decisions(self.stated[chosen], self.total[chosen], self.right[chosen])

    def restated(self, stated: Numbers) -> Decisions:
        """The same decisions with other confidences."""
        return Decisions(stated, self.total, self.right)

    def merged(self) -> Decisions:
        """One row for each confidence that was decided on, ascending."""
        seen = self.total > 0
        stated, place = np.unique(self.stated[seen], return_inverse=True)
        total, right = (
            np.bincount(place, weights=part[seen], minlength=len(stated)).astype(np.int64)
            for part in (self.total, self.right)
        )
        return Decisions(stated, total, right)


@dataclass(frozen=True, slots=True)
class Bin:
    """Decisions of neighbouring confidence. Masses are fractions where a value lies on an edge.

    ``stated``  their mean confidence; ``right`` the share that was right, and its interval
    """

    mass: float
    stated: float
    right: float
    interval: Interval
    low: float
    high: float


def reliability(decisions: Decisions, *, bins: int = BINS) -> list[Bin]:
    """Bins of equal mass, by ascending confidence.

    Decisions of equal confidence that lie across an edge are shared out in proportion, so the bins
    do not depend on the order of the rows. Fewer decisions than bins give a bin each.
    """
    count = decisions.count
    if count == 0:
        return []
    number = min(bins, count)
    merged = decisions.merged()
    total = merged.total.astype(np.float64)
    share = merged.right / total
    ends = np.cumsum(total)
    edges = np.arange(number + 1) * count / number
    made = []
    for low, high in itertools.pairwise(edges):
        mass = np.maximum(0, np.minimum(ends, high) - np.maximum(ends - total, low))
        made.append(_bin(mass, merged.stated, share))
    return made


def _bin(mass: Numbers, stated: Numbers, share: Numbers) -> Bin:
    whole = float(mass.sum())
    inside = stated[mass > 0]
    right = float(mass @ share) / whole
    rounded = max(1, round(whole))
    return Bin(
        mass=whole,
        stated=float(mass @ stated) / whole,
        right=right,
        interval=wilson(min(rounded, round(right * rounded)), rounded),
        low=float(inside.min()),
        high=float(inside.max()),
    )


def ece(decisions: Decisions, *, bins: int = BINS) -> float:
    """Expected calibration error: mean distance of share and confidence over bins of equal mass.

    Naeini, Cooper and Hauskrecht, AAAI 29 (2015) 2901, with equal mass after Nixon et al.,
    arXiv:1904.01685. 0 of nothing.
    """
    made = reliability(decisions, bins=bins)
    mass = sum(one.mass for one in made)
    return sum(one.mass * abs(one.right - one.stated) for one in made) / mass if mass else 0.0


def chance_ece(decisions: Decisions, *, bins: int = BINS) -> float:
    """The error that so many decisions would show if the confidences were perfectly true.

    A share of few decisions strays from its expectation; a bin of n at confidence p strays by
    ``sqrt(2 p (1 - p) / (pi n))`` in the mean. An ECE near this is no sign of anything wrong.
    """
    made = reliability(decisions, bins=bins)
    mass = sum(one.mass for one in made)
    strays = sum(
        one.mass * math.sqrt(2 * one.stated * (1 - one.stated) / (math.pi * one.mass))
        for one in made
    )
    return strays / mass if mass else 0.0


def brier(decisions: Decisions) -> float:
    """Mean squared distance of confidence and outcome (Brier, Mon. Weather Rev. 78 (1950) 1)."""
    count = decisions.count
    if count == 0:
        return 0.0
    p, right = decisions.stated, decisions.right
    wrong = decisions.total - right
    return float(right @ (1 - p) ** 2 + wrong @ p**2) / count


def isotonic(values: Numbers, weights: Numbers) -> Numbers:
    """The ascending sequence nearest to ``values`` in weighted squares: pool adjacent violators.

    Ayer et al., Ann. Math. Stat. 26 (1955) 641. Weights are above 0. Linear in the length.
    """
    level: list[float] = []
    weight: list[float] = []
    length: list[int] = []
    for value, mass in zip(values.tolist(), weights.tolist(), strict=True):
        size = 1
        while level and level[-1] >= value:
            before = weight.pop()
            value = (level.pop() * before + value * mass) / (before + mass)  # noqa: PLW2901
            mass += before  # noqa: PLW2901
            size += length.pop()
        level.append(value)
        weight.append(mass)
        length.append(size)
    return np.repeat(np.array(level, dtype=np.float64), length)


@dataclass(frozen=True, slots=True)
class Curve:
    """From stated confidence to the share that was right: points ascending in both, linear between.

    Before the first and after the last point it is level.
    """

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        flat = np.array(self.points, dtype=np.float64).reshape(-1, 2)
        if len(flat) == 0:
            raise ValueError("A curve needs at least one point.")
        inside = bool(((flat >= 0) & (flat <= 1)).all())
        if not inside or (np.diff(flat[:, 0]) <= 0).any() or (np.diff(flat[:, 1]) < 0).any():
            raise ValueError("The points of a curve ascend, and lie between 0 and 1.")

    @classmethod
    def from_json(cls, points: Sequence[Sequence[Any]]) -> Curve:
        """The curve that is stored as ``[[confidence, calibrated], …]``; ValueError otherwise."""
        try:
            return cls(tuple((float(x), float(y)) for x, y in points))
        except TypeError as error:
            raise ValueError(f"A curve is a list of pairs of numbers, not {points!r}.") from error

    def to_json(self) -> list[list[float]]:
        """As it is stored."""
        return [[x, y] for x, y in self.points]

    def at(self, stated: Numbers) -> Numbers:
        """What these confidences mean."""
        x, y = zip(*self.points, strict=True)
        meant: Numbers = np.interp(stated, x, y)
        return meant

    def table(self) -> Counts:
        """What each confidence of four decimals means, in ten thousandths; shape (10,001,)."""
        return np.rint(self.at(np.arange(STEPS + 1) / STEPS) * STEPS).astype(np.int64)

    def mean(self, confidence: Decimal | float) -> Decimal:
        """What one confidence means, with four decimals; the same as ``table`` has for it."""
        step = round(Decimal(str(confidence)) * STEPS)
        if not 0 <= step <= STEPS:
            raise ValueError(f"A confidence lies between 0 and 1, but is {confidence}.")
        meant = np.rint(self.at(np.array([step / STEPS])) * STEPS)
        return Decimal(int(meant[0])).scaleb(-4)


def fit(decisions: Decisions) -> Curve:
    """Centred isotonic regression (Oron and Flournoy, Stat. Biopharm. Res. 9 (2017) 258).

    What pool adjacent violators gives one level is one point, at the mean confidence of that level,
    and linear between: unlike steps it keeps two confidences apart, so the queue keeps its order.
    """
    seen = decisions.merged()
    if not seen.count:
        raise ValueError("A curve cannot be fitted to no decisions.")
    total = seen.total.astype(np.float64)
    levels = isotonic(seen.right / total, total)
    value, block = np.unique(levels, return_inverse=True)
    mass = np.bincount(block, weights=total)
    centre = np.bincount(block, weights=total * seen.stated) / mass
    # Rounded for JSON; whatever rounding brings together is one point.
    points = dict(zip(np.round(centre, 6).tolist(), np.round(value, 6).tolist(), strict=True))
    return Curve(tuple(points.items()))


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How a curve does on decisions that it was not fitted on.

    ``before`` and ``after`` are the same decisions with the confidences as stated, and as the curve
    of the other folds means them.
    """

    before: Decisions
    after: Decisions

    def figures(self) -> dict[str, float]:
        """ECE and Brier score before and after, and the ECE that chance alone would show after."""
        return {
            "ece_before": ece(self.before),
            "ece_after": ece(self.after),
            "ece_by_chance": chance_ece(self.after),
            "brier_before": brier(self.before),
            "brier_after": brier(self.after),
        }


def held_out(decisions: Decisions, folds: Counts) -> HeldOut:
    """Fit on all folds but one, apply to that one, for each in turn.

    ``folds``  the fold of each row of ``decisions``; ValueError if all rows are in one
    """
    present = np.unique(folds)
    if len(present) < 2:
        raise ValueError("Decisions that all lie in one fold leave none to fit on.")
    meant = np.empty(len(decisions.stated))
    for fold in present:
        held = folds == fold
        meant[held] = fit(decisions.only(~held)).at(decisions.stated[held])
    return HeldOut(before=decisions, after=decisions.restated(meant))
