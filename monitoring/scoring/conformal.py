"""p-values and thresholds from the scores of healthy rows alone.

V. Vovk, A. Gammerman and G. Shafer, Algorithmic Learning in a Random World (2005), chapter 2: when
a new row and the n calibration rows are exchangeable, P(p <= alpha) is floor(alpha (n + 1)) /
(n + 1), at most alpha, whatever the distribution. That counts over the calibration rows too: for
one set of them the rate lies around it (V. Vovk, arXiv:1209.2673).
"""

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitoring.maps.errors import Unusable

# 0.01 * 100 must be 1, though the machine's product may fall just short.
_GRAIN: Final = 1e-9


def p_values(calibration: NDArray[np.float64], scores: ArrayLike) -> NDArray[np.float64]:
    """(1 + how many of the n ascending ``calibration`` scores are at least s) / (n + 1)."""
    return (1.0 + at_least(calibration, scores)) / (len(calibration) + 1)


def at_least(calibration: NDArray[np.float64], scores: ArrayLike) -> NDArray[np.int64]:
    """How many of the ascending calibration scores are at least each score."""
    below = np.searchsorted(calibration, np.asarray(scores, np.float64), side="left")
    return (len(calibration) - below).astype(np.int64)


def budget(alpha: float, count: int) -> int:
    """Ranks 1 to this one of ``count`` + 1 are flagged at level alpha.

    Raises Unusable for a level outside 0 to 1, or one that so few rows cannot give.
    """
    if not 0 < alpha < 1:
        raise Unusable(f"The level alpha is {alpha:g}; it must lie between 0 and 1.")
    ranks = math.floor(alpha * (count + 1) + _GRAIN)
    if ranks < 1:
        needed = math.ceil(1 / alpha - 1 - _GRAIN)
        raise Unusable(
            f"The level alpha = {alpha:g} needs at least {needed} healthy rows to be calibrated, "
            f"the baseline has {count}; send more, or choose at least {least_level(count):.2g}."
        )
    return ranks


def least_level(count: int) -> float:
    """The smallest level that ``count`` calibration rows can give: 1 / (count + 1), rounded up."""
    exact = 1 / (count + 1)
    tens = 10.0 ** (1 - math.floor(math.log10(exact)))
    return math.ceil(exact * tens - _GRAIN) / tens


def threshold(calibration: NDArray[np.float64], alpha: float) -> float:
    """The score above which p <= alpha: the ceil((1 - alpha)(n + 1))-th smallest.

    Raises Unusable when n < 1 / alpha - 1.
    """
    rank = len(calibration) + 1 - budget(alpha, len(calibration))
    return float(calibration[rank - 1])


def discoveries(values: ArrayLike, level: float) -> int:
    """How many p-values Benjamini and Hochberg's rule calls anomalous.

    Y. Benjamini and Y. Hochberg (1995): of these, a share of ``level`` is wrong on average. With
    conformal p-values it holds as S. Bates et al., "Testing for outliers with conformal p-values"
    (2023), show.
    """
    if not 0 < level < 1:
        raise Unusable(f"The share of wrong alarms is {level:g}; it must lie between 0 and 1.")
    ordered = np.sort(np.asarray(values, np.float64))
    limits = level * np.arange(1, len(ordered) + 1) / max(len(ordered), 1)
    kept = np.flatnonzero(ordered <= limits + _GRAIN)
    return int(kept[-1]) + 1 if len(kept) else 0
