"""How sure a figure is: intervals for shares, quantiles and figures summed over images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEVEL: Final = 0.95
RESAMPLES: Final = 2000
# Beyond so many, images are drawn in groups: the interval stays valid, memory and time bounded.
MOST_UNITS: Final = 10_000

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """Both ends belong to it."""

    low: float
    high: float

    def hull(self, other: Interval) -> Interval:
        """The smallest interval that holds both."""
        return Interval(min(self.low, other.low), max(self.high, other.high))

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def wilson(right: int, total: int, *, level: float = LEVEL) -> Interval:
    """The score interval of a share (Wilson, J. Am. Stat. Assoc. 22 (1927) 209).

    It never leaves 0 to 1 and has a width even where all or none are right. Of nothing: 0 to 1.
    """
    if not 0 <= right <= total:
        raise ValueError(f"{right} of {total} is no share: it must be from 0 to {total}.")
    if total == 0:
        return Interval(0.0, 1.0)
    z = _normal(level)
    share, square = right / total, z * z / total
    centre = (share + square / 2) / (1 + square)
    half = z / (1 + square) * math.sqrt(share * (1 - share) / total + square / (4 * total))
    # Where all or none are right an end is exactly 1 or 0, whatever the rounding.
    low = 0.0 if right == 0 else max(0.0, centre - half)
    high = 1.0 if right == total else min(1.0, centre + half)
    return Interval(low, high)


def quantile(values: Numbers, share: float) -> float:
    """The quantile of the values, linear between neighbours (as ``percentile_cont``)."""
    return float(np.quantile(values, share))


def quantile_interval(values: Numbers, share: float, *, level: float = LEVEL) -> Interval:
    """Order statistics around a quantile, whatever the distribution (Conover, Practical
    Nonparametric Statistics, section 3.2; normal approximation of the binomial ranks).

    Where there are too few values to bound it, the least or the largest one stands as the end.
    """
    count = len(values)
    if count == 0:
        raise ValueError("A quantile of no values has no interval.")
    ordered = np.sort(values)
    reach = _normal(level) * math.sqrt(count * share * (1 - share))
    low = min(count - 1, max(0, math.floor(count * share - reach) - 1))
    high = min(count - 1, max(0, math.ceil(count * share + reach)))
    return Interval(float(ordered[low]), float(ordered[high]))


def resampled_sums(
    rows: Numbers, *, resamples: int = RESAMPLES, seed: int = 0, most_units: int = MOST_UNITS
) -> Numbers:
    """Sums of the rows, drawn with replacement: the bootstrap (Efron, Ann. Stat. 7 (1979) 1).

    ``rows``  figures by image, shape (images, figures); what is drawn are images, since the boxes
              of one image are not independent of each other
    Returns shape (resamples, figures). Equal rows and seed give equal sums. More than
    ``most_units`` images are first shuffled into that many groups, which are then drawn.
    """
    if rows.ndim != 2:
        raise ValueError(f"Rows have the shape (images, figures), not {rows.shape}.")
    chance = np.random.default_rng(seed)
    units = _grouped(rows, chance, most_units)
    count = len(units)
    sums = np.empty((resamples, rows.shape[1]))
    for i in range(resamples):
        times = np.bincount(chance.integers(0, count, count), minlength=count)
        sums[i] = times @ units
    return sums


def percentile_interval(samples: Numbers, *, level: float = LEVEL) -> Interval | None:
    """The middle of the samples; those that are no number (0 / 0) are left out. None if all are."""
    finite = samples[np.isfinite(samples)]
    if len(finite) == 0:
        return None
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def _grouped(rows: Numbers, chance: np.random.Generator, most_units: int) -> Numbers:
    count = len(rows)
    if count == 0:
        raise ValueError("Nothing can be drawn from no images.")
    if count <= most_units:
        return rows
    group = np.arange(count) % most_units
    chance.shuffle(group)
    sums = [np.bincount(group, weights=column, minlength=most_units) for column in rows.T]
    return np.stack(sums, axis=1)


def _normal(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)
