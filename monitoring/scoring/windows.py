"""Word on many rows together: an upload, or the last rows of a machine."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitoring.maps.errors import Unusable
from monitoring.scoring import conformal
from monitoring.scoring.detector import Detector
from monitoring.scoring.judging import Judgement, Severity

LEAST_WINDOW: Final = 8


@dataclass(frozen=True, slots=True)
class Summary:
    """An upload in figures.

    ``rows``; ``anomalous`` at the judgement's level; ``discoveries``: how many are anomalous so
    that a share of ``false_share`` of them is wrong on average (Benjamini and Hochberg);
    ``off_map``; ``worst`` severity; ``drift_p_value``: see `drift`, None for a short window.
    """

    rows: int
    anomalous: int
    discoveries: int
    false_share: float
    off_map: int
    worst: Severity
    drift_p_value: float | None


def summary(judgement: Judgement, detector: Detector, *, false_share: float = 0.1) -> Summary:
    """The figures of all rows of a judgement."""
    rows = len(judgement.scores)
    return Summary(
        rows=rows,
        anomalous=int(judgement.anomalous.sum()),
        discoveries=conformal.discoveries(judgement.p_values, false_share),
        false_share=false_share,
        off_map=int(judgement.off_map.sum()),
        worst=Severity(int(judgement.severities.max(initial=0))),
        drift_p_value=drift(judgement.scores, detector) if rows >= LEAST_WINDOW else None,
    )


def drift(scores: ArrayLike, detector: Detector) -> float:
    """p-value of one test that a window's rows are as healthy as the baseline's.

    H. Mann and D. Whitney, "On a test of whether one of two random variables is stochastically
    larger than the other" (1947), one-sided: are the window's scores larger than the healthy ones?
    Its statistic is the sum of the window's conformal p-values, so this is one test on them; the
    variance counts that all p-values share one calibration, which a test of uniformity would not.
    Normal approximation with ties and continuity corrected. It needs at least 8 rows that do not
    depend on each other: rows taken in quick succession make it too eager.
    """
    window = np.sort(np.asarray(scores, np.float64))
    healthy = detector.calibration
    m, n = len(window), len(healthy)
    if m < LEAST_WINDOW:
        raise Unusable(f"The window has {m} rows; a test for drift needs at least {LEAST_WINDOW}.")
    at_least = conformal.at_least(healthy, window)
    above = n - np.searchsorted(healthy, window, side="right")
    beaten = float((at_least + above).sum()) / 2
    ties = _ties(np.concatenate((window, healthy)))
    total = m + n
    variance = m * n / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    z = (beaten - m * n / 2 + 0.5) / math.sqrt(variance)
    return 0.5 * math.erfc(-z / math.sqrt(2))


def _ties(values: NDArray[np.float64]) -> float:
    """Sum of t^3 - t over the groups of t equal values."""
    _, counts = np.unique(values, return_counts=True)
    sizes = counts.astype(np.float64)
    return float((sizes**3 - sizes).sum())
