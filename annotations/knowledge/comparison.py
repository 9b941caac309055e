"""Providers side by side on the same images: how right, how complete, how dear, how fast.

What counts as right is what people left standing in images that they finished. Intervals come from
drawing images with replacement, since the boxes of one image are not independent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from annotations.knowledge.intervals import (
    RESAMPLES,
    Interval,
    percentile_interval,
    quantile,
    quantile_interval,
    resampled_sums,
    wilson,
)
from annotations.knowledge.matching import SAME, Boxes, match

Numbers = NDArray[np.float64]

# The columns of figures by image.
TRUTH, PROPOSED, MATCHED, OVERLAP, COST, ACCEPTED = range(6)
# The figures that images sum up to, each with numerator and denominator out of the columns.
RATIOS: Final[Mapping[str, tuple[Mapping[int, float], Mapping[int, float]]]] = {
    "precision": ({MATCHED: 1}, {PROPOSED: 1}),
    "recall": ({MATCHED: 1}, {TRUTH: 1}),
    "f1": ({MATCHED: 2}, {PROPOSED: 1, TRUTH: 1}),
    "mean_iou": ({OVERLAP: 1}, {MATCHED: 1}),
    "cost_per_accepted": ({COST: 1}, {ACCEPTED: 1}),
}
_SHARES: Final = frozenset({"precision", "recall"})


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and its interval; None where there is nothing to divide by."""

    value: float | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Standing:
    """One provider: ``figures`` by the names of RATIOS, latencies in milliseconds of live calls."""

    proposed: int
    matched: int
    truth: int
    accepted: int
    cost: float
    figures: Mapping[str, Figure]
    latency_p50: Figure
    latency_p95: Figure


@dataclass(frozen=True, slots=True)
class Difference:
    """First minus second on the same images. ``is_clear``: the interval leaves 0 out."""

    first: str
    second: str
    figures: Mapping[str, Figure]

    def is_clear(self, name: str) -> bool:
        """Whether the difference is larger than the draw of images explains."""
        interval = self.figures[name].interval
        return interval is not None and 0 not in interval


@dataclass(frozen=True, slots=True)
class Comparison:
    """All providers on the same images, and every two of them against each other."""

    images: int
    standings: Mapping[str, Standing]
    differences: tuple[Difference, ...]


def by_image(truth: Boxes, proposed: Boxes, *, images: int, least: float = SAME) -> Numbers:
    """Figures by image, shape (images, 6), the columns TRUTH to OVERLAP filled.

    The boxes' images are numbered from 0, below ``images``.
    """
    rows = np.zeros((images, 6))
    pairs = match(proposed, truth, least=least)
    where = proposed.images[pairs.first]
    rows[:, TRUTH] = np.bincount(truth.images, minlength=images)
    rows[:, PROPOSED] = np.bincount(proposed.images, minlength=images)
    rows[:, MATCHED] = np.bincount(where, minlength=images)
    rows[:, OVERLAP] = np.bincount(where, weights=pairs.overlap, minlength=images)
    return rows


def compare(
    rows: Mapping[str, Numbers],
    latencies: Mapping[str, Numbers],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """All figures with intervals, and the paired differences.

    ``rows``       by provider, figures by image (see ``by_image``), the same images in each
    ``latencies``  by provider, milliseconds of the calls
    """
    names = list(rows)
    images = len(next(iter(rows.values())))
    if any(part.shape != (images, 6) for part in rows.values()):
        raise ValueError("Providers are compared on the same images: rows differ in number.")
    columns = np.concatenate([rows[name] for name in names], axis=1)
    drawn = resampled_sums(columns, resamples=resamples, seed=seed).reshape(resamples, -1, 6)
    totals = {name: rows[name].sum(axis=0) for name in names}
    samples = {
        name: {ratio: _ratio(drawn[:, i], ratio) for ratio in RATIOS}
        for i, name in enumerate(names)
    }
    standings = {
        name: _standing(totals[name], samples[name], latencies.get(name, np.empty(0)))
        for name in names
    }
    differences = tuple(
        _difference((one, totals[one], samples[one]), (other, totals[other], samples[other]))
        for i, one in enumerate(names)
        for other in names[i + 1 :]
    )
    return Comparison(images, standings, differences)


def _ratio(sums: Numbers, name: str) -> Numbers:
    """The figure of each row of sums; not a number where its denominator is 0."""
    over, under = (
        sum((factor * sums[..., column] for column, factor in part.items()), np.zeros(len(sums)))
        for part in RATIOS[name]
    )
    found: Numbers = np.divide(over, under, out=np.full(len(sums), np.nan), where=under > 0)
    return found


def _value(total: Numbers, name: str) -> float | None:
    value = float(_ratio(total[None, :], name)[0])
    return value if np.isfinite(value) else None


def _standing(total: Numbers, samples: Mapping[str, Numbers], latency: Numbers) -> Standing:
    figures = {}
    for name in RATIOS:
        value = _value(total, name)
        interval = None if value is None else percentile_interval(samples[name])
        if interval and name in _SHARES:
            # Where all boxes are right every draw is, too: Wilson's says how many that was of.
            whole = PROPOSED if name == "precision" else TRUTH
            interval = interval.hull(wilson(round(total[MATCHED]), round(total[whole])))
        figures[name] = Figure(value, interval)
    return Standing(
        proposed=round(total[PROPOSED]),
        matched=round(total[MATCHED]),
        truth=round(total[TRUTH]),
        accepted=round(total[ACCEPTED]),
        cost=float(total[COST]),
        figures=figures,
        latency_p50=_latency(latency, 0.5),
        latency_p95=_latency(latency, 0.95),
    )


def _latency(values: Numbers, share: float) -> Figure:
    if len(values) == 0:
        return Figure(None, None)
    return Figure(quantile(values, share), quantile_interval(values, share))


_Side = tuple[str, Numbers, Mapping[str, Numbers]]


def _difference(first: _Side, second: _Side) -> Difference:
    figures = {}
    for name in RATIOS:
        one, other = _value(first[1], name), _value(second[1], name)
        if one is None or other is None:
            figures[name] = Figure(None, None)
        else:
            # The same draws on both sides, so what is hard for both cancels out.
            interval = percentile_interval(first[2][name] - second[2][name])
            figures[name] = Figure(one - other, interval)
    return Difference(first[0], second[0], figures)
