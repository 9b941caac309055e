"""Word on new rows: how far from healthy each is, and which features say why."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitoring.maps import Baseline, Placed
from monitoring.maps.errors import Unusable
from monitoring.maps.features import blocks, checked, same_width
from monitoring.scoring import conformal
from monitoring.scoring.detector import Detector

ALPHA: Final = 0.01
MOST_FEATURES: Final = 10


class Severity(IntEnum):
    """How bad it is; a higher one is worse, and implies all lower ones."""

    NONE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


# Score over the largest healthy score from which a flagged row is at least this severe.
RATIOS: Final = {Severity.MEDIUM: 1.25, Severity.HIGH: 1.5, Severity.CRITICAL: 2.0}
# A p-value this many times below alpha makes it medium, too.
_MEDIUM_SHARE: Final = 10


@dataclass(frozen=True, slots=True)
class Judgement:
    """Word on m rows at the level ``alpha``.

    ``scores`` (m,) in the units of the detector's score; ``p_values`` (m,); ``ratios`` (m,):
    score over the largest healthy one; ``anomalous`` (m,): p <= alpha; ``severities`` (m,) int8
    of `Severity`; ``off_map`` (m,): see `Placed`. ``threshold``: the score above which rows are
    anomalous.
    """

    alpha: float
    threshold: float
    scores: NDArray[np.float64]
    p_values: NDArray[np.float64]
    ratios: NDArray[np.float64]
    anomalous: NDArray[np.bool_]
    severities: NDArray[np.int8]
    off_map: NDArray[np.bool_]


def scores_of(
    features: ArrayLike, placed: Placed, baseline: Baseline, detector: Detector
) -> NDArray[np.float64]:
    """(m,) scores of (m, d) rows and their places; larger is farther from healthy."""
    if detector.score == "feature_knn":
        return placed.distance.astype(np.float64)
    if detector.score == "map_mahalanobis":
        return detector.map_spread.distances(placed.coordinates)
    if detector.spread is None:
        raise Unusable(f"The detector of {detector.score} has no covariance; calibrate it again.")
    table = checked(features)
    same_width(table, baseline.features)
    out = np.empty(len(table))
    for block in blocks(len(table)):
        out[block] = detector.spread.distances(baseline.scaling.applied(table[block]))
    return out


def judge(
    features: ArrayLike,
    placed: Placed,
    baseline: Baseline,
    detector: Detector,
    *,
    alpha: float = ALPHA,
) -> Judgement:
    """Judge (m, d) rows that were ``placed`` on ``baseline``.

    About a share alpha of healthy rows is called anomalous, as long as they are exchangeable with
    those of the baseline. Raises Unusable when the baseline is too small for alpha.
    """
    scores = scores_of(features, placed, baseline, detector)
    ranks = conformal.budget(alpha, len(detector.calibration))
    at_least = conformal.at_least(detector.calibration, scores)
    values = (1.0 + at_least) / (len(detector.calibration) + 1)
    ratios = _ratios(scores, detector.largest)
    anomalous = at_least + 1 <= ranks
    return Judgement(
        alpha=alpha,
        threshold=detector.threshold(alpha),
        scores=scores,
        p_values=values,
        ratios=ratios,
        anomalous=anomalous,
        severities=severities(values, ratios, anomalous, alpha),
        off_map=placed.off_map,
    )


def severities(
    values: NDArray[np.float64],
    ratios: NDArray[np.float64],
    anomalous: NDArray[np.bool_],
    alpha: float,
) -> NDArray[np.int8]:
    """(m,) `Severity` of each row: none unless anomalous, then by p-value and ratio.

    Low at p <= alpha, medium at p <= alpha / 10 or a ratio of 1.25, high from 1.5, critical from
    2. A larger score never gives a lower severity.
    """
    out = np.zeros(len(values), np.int8)
    out[anomalous] = Severity.LOW
    out[anomalous & (values <= alpha / _MEDIUM_SHARE + 1e-12)] = Severity.MEDIUM
    for severity, ratio in RATIOS.items():
        out[anomalous & (ratios >= ratio)] = severity
    return out


def _ratios(scores: NDArray[np.float64], largest: float) -> NDArray[np.float64]:
    if largest > 0:
        return scores / largest
    return np.where(scores > 0, np.inf, 0.0)


@dataclass(frozen=True, slots=True)
class Deviations:
    """The features that say why, largest first.

    ``features`` (m, k) int32: indices; ``sizes`` (m, k) float32: how far the feature lies from
    the mean of the row's nearest healthy rows, in healthy standard deviations of that distance,
    with its sign.
    """

    features: NDArray[np.int32]
    sizes: NDArray[np.float32]


def deviations(
    features: ArrayLike, placed: Placed, baseline: Baseline, *, most: int = MOST_FEATURES
) -> Deviations:
    """The ``most`` features in which each of (m, d) rows deviates most from its nearest anchors.

    For a feature that never changes in the baseline the size is in its own units. Equal sizes are
    listed by index.
    """
    table = checked(features)
    same_width(table, baseline.features)
    if len(table) != len(placed.nearest):
        raise Unusable(
            f"{len(table)} rows and {len(placed.nearest)} places were given; place these rows."
        )
    kept = min(most, baseline.features)
    found = Deviations(
        np.empty((len(table), kept), np.int32), np.empty((len(table), kept), np.float32)
    )
    for block in blocks(len(table), 128):
        scaled = baseline.scaling.applied(table[block]).astype(np.float64)
        near = baseline.anchors[placed.nearest[block]].mean(axis=1, dtype=np.float64)
        sizes = (scaled - near) / baseline.spread
        order = np.argsort(-np.abs(sizes), axis=1, kind="stable")[:, :kept]
        found.features[block] = order
        found.sizes[block] = np.take_along_axis(sizes, order, axis=1)
    return found
