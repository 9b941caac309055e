"""How far raters agree beyond chance: Cohen's and Fleiss' kappa, Krippendorff's alpha (nominal).

Every coefficient is 1 where all agree, 0 where they agree as often as chance would have it, and
below 0 where less often. Where all ratings name one category chance alone would agree always, and
the coefficient is not defined: its ``value`` is None, which says "nothing can be said", not "bad".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from annotations.knowledge.intervals import LEVEL, Interval

Counts = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Agreement:
    """A coefficient and what it was made of.

    ``value``     the coefficient, or None where it is not defined
    ``observed``  the share of agreement that there is; None where nothing could be compared
    ``expected``  the share that chance would give
    ``items``     how many things were rated by two or more
    ``interval``  of ``value``, where one is known
    """

    value: float | None
    observed: float | None
    expected: float | None
    items: int
    interval: Interval | None = None


def cohen(table: Counts, *, level: float = LEVEL) -> Agreement:
    """Two raters who rated the same things (Cohen, Educ. Psychol. Meas. 20 (1960) 37).

    ``table``  how often the first said the row's category and the second the column's; shape (k, k)
    The interval is by the large-sample standard error of Fleiss, Cohen and Everitt (Psychol. Bull.
    72 (1969) 323, formula 13), cut to -1 and 1; below 50 things take it as a hint.
    """
    if table.ndim != 2 or table.shape[0] != table.shape[1]:
        raise ValueError(f"A table of two raters is square, not of shape {table.shape}.")
    items = int(table.sum())
    if items == 0:
        return Agreement(None, None, None, 0)
    shares = table / items
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    observed, expected = float(np.trace(shares)), float(rows @ columns)
    if _certain(expected):
        return Agreement(None, observed, 1.0, items)
    value = (observed - expected) / (1 - expected)
    error = _standard_error(shares, observed, expected, items)
    reach = NormalDist().inv_cdf((1 + level) / 2) * error
    interval = Interval(max(-1.0, value - reach), min(1.0, value + reach))
    return Agreement(value, observed, expected, items, interval)


def _standard_error(shares: Numbers, observed: float, expected: float, items: int) -> float:
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    diagonal = np.diag(shares)
    both = columns[:, None] + rows[None, :]  # of cell i, j: column total of i plus row total of j
    on = float(np.sum(diagonal * ((1 - expected) - np.diag(both) * (1 - observed)) ** 2))
    squares = shares * both**2
    off = (1 - observed) ** 2 * float(squares.sum() - np.trace(squares))
    rest = (observed * expected - 2 * expected + observed) ** 2
    return math.sqrt(max(0.0, on + off - rest) / items) / (1 - expected) ** 2


def fleiss(counts: Counts, *, times: Counts | None = None) -> Agreement:
    """Many raters, the same number for each thing (Fleiss, Psychol. Bull. 76 (1971) 378).

    ``counts``  how many raters put each thing into each category; shape (things, k)
    ``times``   how many things each row stands for (default: one)
    """
    times = _times(counts, times)
    raters = counts.sum(axis=1)
    if len(set(raters.tolist())) > 1:
        raise ValueError(
            f"Fleiss' kappa wants the same number of ratings for each thing, but there are"
            f" {raters.min()} to {raters.max()}; Krippendorff's alpha takes any number."
        )
    items = int(times.sum())
    if items == 0 or raters[0] < 2:
        return Agreement(None, None, None, 0)
    number = int(raters[0])
    pairs = (counts * (counts - 1)).sum(axis=1) / (number * (number - 1))
    observed = float(times @ pairs) / items
    categories = (times @ counts) / (items * number)
    expected = float(categories @ categories)
    if _certain(expected):
        return Agreement(None, observed, 1.0, items)
    return Agreement((observed - expected) / (1 - expected), observed, expected, items)


def krippendorff(counts: Counts, *, times: Counts | None = None) -> Agreement:
    """Any raters, any number of ratings for each thing; alpha for names, which have no order.

    Krippendorff, Content Analysis (3rd ed., 2013) section 12.3: nobody is counted for what they did
    not rate, and things with fewer than two ratings are left out.

    ``counts``  how many raters put each thing into each category; shape (things, k)
    ``times``   how many things each row stands for (default: one)
    ``expected`` is the share of pairs that would agree if ratings were drawn from all of them
    without replacement.
    """
    times = _times(counts, times)
    ratings = counts.sum(axis=1)
    pairable = ratings >= 2
    counts, times, ratings = counts[pairable], times[pairable], ratings[pairable]
    items = int(times.sum())
    if items == 0:
        return Agreement(None, None, None, 0)
    agreeing = (counts * (counts - 1)).sum(axis=1) / (ratings - 1)
    total = int(times @ ratings)
    observed = float(times @ agreeing) / total
    categories = times @ counts
    expected = float(categories @ (categories - 1)) / (total * (total - 1))
    if _certain(expected):
        return Agreement(None, observed, 1.0, items)
    return Agreement((observed - expected) / (1 - expected), observed, expected, items)


def crossed(first: Counts, second: Counts, *, categories: int) -> Counts:
    """The table of two raters from their ratings: numbers from 0, below ``categories``."""
    if first.shape != second.shape:
        raise ValueError(f"{len(first)} ratings cannot be crossed with {len(second)}.")
    cells = np.bincount(first * categories + second, minlength=categories * categories)
    return cells.reshape(categories, categories).astype(np.int64)


def counted(ratings: Counts, *, categories: int) -> Counts:
    """How often each thing got each category, from shape (raters, things); -1 is no rating."""
    return np.stack([(ratings == one).sum(axis=0) for one in range(categories)], axis=1)


def _times(counts: Counts, times: Counts | None) -> Counts:
    if counts.ndim != 2 or (counts < 0).any():
        raise ValueError("Counts have the shape (things, categories) and none is below 0.")
    if times is None:
        return np.ones(len(counts), dtype=np.int64)
    if times.shape != (len(counts),):
        raise ValueError(f"{len(times)} weights do not fit {len(counts)} rows of counts.")
    return times


def _certain(expected: float) -> bool:
    """Whether chance alone agrees always: one category is all there is."""
    return expected > 1 - 1e-12
