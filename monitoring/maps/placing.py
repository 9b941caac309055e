"""Placing new rows on a frozen map.

Each row is put where its own cost against the fixed anchors is least, by itself: the answer
depends on neither the order of the rows nor on which of them come together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitoring.maps import distances, kernels
from monitoring.maps.baseline import Baseline
from monitoring.maps.crew import Crew, crew_of
from monitoring.maps.errors import FitCancelled
from monitoring.maps.features import blocks, checked, same_width
from monitoring.maps.similarity import Calibration

Floats = NDArray[np.float32]

# Decimals of stored coordinates; what lies below is rounding of the machine.
DECIMALS: Final = 6
_TRIES: Final = 40
_OUTSIDE: Final = 1.5
_NEAR: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Placed:
    """Where m rows came to lie, and how far from the healthy rows they are.

    ``coordinates`` (m, 2) float32, rounded to 1e-6 map units. ``distance`` (m,): mean distance to
    the nearest anchors in scaled feature units; ``nearest`` (m, k): indices of these anchors,
    nearest first. ``residual`` (m,): mean squared error of the place; ``off_map`` (m,): it is
    larger than that of every healthy row, so the place says little and the features must be
    looked at.
    """

    coordinates: Floats
    distance: Floats
    nearest: NDArray[np.int32]
    residual: Floats
    off_map: NDArray[np.bool_]


def place(
    features: ArrayLike,
    baseline: Baseline,
    *,
    columns: Sequence[str] | None = None,
    threads: int = 1,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Placed:
    """Place (m, d) rows, in the features' own units, on the map of ``baseline``.

    ``progress`` hears the share done, 0 to 1. Raises Unusable, naming row and column, for rows
    that cannot be placed, and FitCancelled once ``cancelled`` answers True. The same rows give
    the same bits for any number of threads.
    """
    table = checked(features, columns)
    same_width(table, baseline.features)
    out = empty(len(table), baseline)
    anchors = distances.padded(baseline.anchors)
    size = distances.block_rows(len(anchors))
    with crew_of(threads) as crew:
        for block in blocks(len(table), size):
            if cancelled is not None and cancelled():
                raise FitCancelled("Placing was cancelled.")
            scaled = baseline.scaling.applied(table[block])
            fill(out, block, placed_block(scaled, anchors, baseline, crew))
            if progress is not None:
                progress(block.stop / len(table))
    return out


def empty(rows: int, baseline: Baseline) -> Placed:
    """Room for that many rows."""
    return Placed(
        np.empty((rows, 2), np.float32),
        np.empty(rows, np.float32),
        np.empty((rows, baseline.neighbours), np.int32),
        np.empty(rows, np.float32),
        np.empty(rows, np.bool_),
    )


def fill(out: Placed, where: slice | NDArray[np.int64], part: Placed) -> None:
    """Write ``part`` to the rows ``where`` of ``out``."""
    out.coordinates[where] = part.coordinates
    out.distance[where] = part.distance
    out.nearest[where] = part.nearest
    out.residual[where] = part.residual
    out.off_map[where] = part.off_map


def placed_block(scaled: Floats, anchors: Floats, baseline: Baseline, crew: Crew) -> Placed:
    """Place one block of scaled rows against the `padded` anchors of the baseline."""
    squared = distances.squares(distances.padded(scaled), anchors, crew)
    rule = Rule(
        baseline.objective, baseline.a, baseline.w2, baseline.calibration, baseline.coordinates
    )
    points, indices, near, residual = located(squared, len(scaled), rule, baseline.neighbours, crew)
    return Placed(
        rounded(points),
        near.mean(axis=1, dtype=np.float64).astype(np.float32),
        indices,
        residual,
        residual > np.float32(baseline.residual_limit),
    )


@dataclass(frozen=True, slots=True)
class Rule:
    """What a place is judged by: the objective with its figures, and the anchors' places (l, 2)."""

    objective: str
    a: float
    w2: float
    calibration: Calibration
    coordinates: Floats


def located(
    squared: Floats, rows: int, rule: Rule, neighbours: int, crew: Crew
) -> tuple[Floats, NDArray[np.int32], Floats, Floats]:
    """Places (rows, 2), nearest anchors and their distances (rows, k), residuals (rows,).

    ``squared`` holds the squared distances of at least ``rows`` rows from at least as many
    anchors as the rule has places.
    """
    indices, near = distances.nearest(squared, len(rule.coordinates), neighbours, crew, rows=rows)
    points = np.empty((rows, 2), np.float32)
    residual = np.empty(rows, np.float32)
    starts = _starts(rule.coordinates, indices, near)
    ax, ay = (np.ascontiguousarray(rule.coordinates[:, axis]) for axis in (0, 1))
    stress, calibration = rule.objective == "stress", rule.calibration
    low = 0.0 if stress else calibration.dmin
    span = calibration.dmax if stress else calibration.span
    a, w1, w2, low32, span32 = (
        np.float32(value) for value in (rule.a, calibration.w1, rule.w2, low, span)
    )
    crew(
        rows,
        lambda first, last: kernels.place(
            squared, ax, ay, starts, stress, a, w1, w2, low32, span32, _TRIES, points, residual,
            first, last,
        ),
    )  # fmt: skip
    return points, indices, near, residual


def rounded(points: NDArray[np.floating]) -> Floats:
    """Coordinates to six decimals, as they are stored."""
    return np.round(points.astype(np.float64), DECIMALS).astype(np.float32)


def _starts(coordinates: Floats, indices: NDArray[np.int32], near: Floats) -> Floats:
    """(m, 2, 2): the weighted mean of the nearest anchors' places, and a point outside."""
    weights = 1 / (near.astype(np.float64) + _NEAR * (1 + near[:, -1:]))
    weights /= weights.sum(axis=1, keepdims=True)
    between = (coordinates[indices] * weights[..., None]).sum(axis=1)
    outside = coordinates[indices[:, 0]] * np.float32(_OUTSIDE)
    return np.ascontiguousarray(np.stack((between, outside), axis=1), np.float32)
