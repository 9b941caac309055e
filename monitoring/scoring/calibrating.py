"""The scores that healthy rows get when they are held against each other."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitoring.maps import Fit, distances
from monitoring.maps.crew import Crew, crew_of
from monitoring.maps.errors import Unusable
from monitoring.maps.features import Table, blocks, checked, same_width
from monitoring.maps.parameters import CHOICES
from monitoring.scoring.detector import Calibrated, Detector
from monitoring.scoring.mahalanobis import Covariance, Rows, ledoit_wolf, ridged

SCORES: Final = CHOICES["score"]


def calibrate(
    fit: Fit,
    features: ArrayLike,
    *,
    score: str = "feature_knn",
    groups: Sequence[object] | NDArray[np.generic] | None = None,
    threads: int = 1,
) -> Detector:
    """Calibrate a score on the (n, d) rows that ``fit`` was made of, in the same order.

    Without ``groups`` each row is scored as if it had not been there: up to 10,000 rows against
    all others (leave-one-out), above that the rows that are no landmarks against the landmarks
    (split, exactly valid). With ``groups``, a value per row such as a machine or a shift, each row
    is scored against the other groups alone, since rows of one group resemble each other more
    than those of the next group will. Raises Unusable when scores cannot be had.
    """
    if score not in SCORES:
        raise Unusable(f"score is {score!r}; it must be one of {', '.join(SCORES)}.")
    table = checked(features)
    same_width(table, fit.baseline.features)
    if len(table) != fit.baseline.rows:
        raise Unusable(
            f"{len(table)} rows were given to calibrate, the map was made of "
            f"{fit.baseline.rows}; give the same rows in the same order."
        )
    codes = None if groups is None else _codes(groups, len(table))
    on_map = ridged(fit.coordinates[fit.landmarks])
    spread = None
    if score == "feature_knn":
        with crew_of(threads) as crew:
            found = fit.distance if codes is None else _knn_of_others(fit, table, codes, crew)
    else:
        rows = fit.coordinates if score == "map_mahalanobis" else _scaled(fit, table)
        whole = on_map if score == "map_mahalanobis" else ledoit_wolf(rows[fit.landmarks])
        spread = whole.spread()
        found = _mahalanobis(score, rows, whole, fit.landmarks, codes)
    calibrated, kept = _kept(fit, found, codes)
    legacy = on_map.spread().distances(fit.coordinates[fit.landmarks])
    return Detector(
        score=score,
        calibrated=calibrated,
        calibration=np.sort(kept.astype(np.float64)),
        spread=spread,
        map_spread=on_map.spread(),
        legacy_mean=float(legacy.mean()),
        legacy_deviation=float(legacy.std()),
    )


def _kept(
    fit: Fit, found: NDArray[np.floating], codes: NDArray[np.int64] | None
) -> tuple[Calibrated, NDArray[np.floating]]:
    """How the scores came about, and those that count."""
    if codes is not None:
        return "leave-group-out", found
    if len(fit.landmarks) == fit.baseline.rows:
        return "leave-one-out", found
    return "split", np.delete(found, fit.landmarks)


def _codes(groups: Sequence[object] | NDArray[np.generic], rows: int) -> NDArray[np.int64]:
    """A whole number per row, equal for equal groups."""
    if len(groups) != rows:
        raise Unusable(f"{len(groups)} groups were given for {rows} rows; give one per row.")
    number: dict[object, int] = {}
    codes = np.array([number.setdefault(one, len(number)) for one in groups], np.int64)
    if len(number) < 2:
        raise Unusable(
            "All rows are of one group, so none can be held against another; "
            "calibrate without groups."
        )
    return codes


def _scaled(fit: Fit, table: Table) -> NDArray[np.float32]:
    if len(fit.landmarks) == len(table):
        return fit.baseline.anchors
    return fit.baseline.scaling.applied(table)


def _knn_of_others(
    fit: Fit, table: Table, codes: NDArray[np.int64], crew: Crew
) -> NDArray[np.float64]:
    """(n,) mean distance to the nearest anchors of other groups."""
    baseline = fit.baseline
    anchors, count = distances.padded(baseline.anchors), len(baseline.anchors)
    of_anchors, wanted = codes[fit.landmarks], baseline.neighbours
    sizes = np.bincount(of_anchors, minlength=int(codes.max()) + 1)
    if count - sizes.max() < wanted:
        raise Unusable(
            f"One group has {sizes.max()} of the {count} rows that others are held against; "
            f"at least {wanted} must be of other groups."
        )
    out = np.empty(len(table))
    for block in blocks(len(table), distances.block_rows(count)):
        scaled = distances.padded(baseline.scaling.applied(table[block]))
        squared = distances.squares(scaled, anchors, crew)
        rows = block.stop - block.start
        squared[:rows, :count][codes[block][:, None] == of_anchors] = np.inf
        _, near = distances.nearest(squared, count, wanted, crew, rows=rows)
        out[block] = near.mean(axis=1, dtype=np.float64)
    return out


def _mahalanobis(
    score: str,
    rows: Rows,
    whole: Covariance,
    landmarks: NDArray[np.int64],
    codes: NDArray[np.int64] | None,
) -> NDArray[np.float64]:
    """(n,) distances, each from a spread that the row (or its group) is no part of."""
    if codes is None:
        if len(landmarks) == len(rows):
            return whole.left_out(rows)
        return whole.spread().distances(rows)
    made = ridged if score == "map_mahalanobis" else ledoit_wolf
    out = np.empty(len(rows))
    for group in range(int(codes.max()) + 1):
        inside = codes == group
        others = landmarks[~inside[landmarks]]
        if len(others) < 2:
            raise Unusable("One group has all rows but one; at least two must be of other groups.")
        out[inside] = made(rows[others]).spread().distances(rows[inside])
    return out
