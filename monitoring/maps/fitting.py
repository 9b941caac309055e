"""From healthy rows to a map.

Up to 10,000 rows are all anchors. Of more, 2,000 chosen by the seed are fitted (landmarks, as in
V. de Silva and J. Tenenbaum, "Sparse multidimensional scaling using landmark points", 2004) and
the others are placed as new rows would be.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitoring.maps import distances, placing, similarity
from monitoring.maps.baseline import Baseline
from monitoring.maps.crew import Crew, crew_of
from monitoring.maps.errors import FitCancelled, Unusable
from monitoring.maps.features import Table, blocks, checked
from monitoring.maps.optimising import Objective, Optimised, StopReason, evaluated, optimised
from monitoring.maps.parameters import Parameters, refuse_problems
from monitoring.maps.placing import Rule, located
from monitoring.maps.scaling import fitted
from monitoring.maps.similarity import Calibration
from monitoring.maps.starting import start

Floats = NDArray[np.float32]

MOST_ANCHORS: Final = 10_000
LANDMARKS: Final = 2_000
LEAST_ROWS: Final = 3
NEIGHBOURS: Final = 5

_SPREAD_ROWS: Final = 2_000
# Above this many anchors, some are fitted first; the steps over all begin with this share of alpha.
_LARGE: Final = 2 * LANDMARKS
_REFINING: Final = 1 / 16
# From the mean distance to w1: shares of the former, and steps at each.
_ANNEALING: Final = (1.0, 0.25, 0.0625)
_ANNEALING_STEPS: Final = 60


@dataclass(frozen=True, slots=True)
class Fit:
    """A map of n healthy rows.

    ``coordinates`` (n, 2) float32, rounded to 1e-6 map units, centred on the anchors. ``cost`` is
    the mean squared error over pairs of anchors. ``landmarks``: ascending indices of the rows that
    are anchors (all of them up to 10,000 rows). ``distance`` (n,): mean distance of each row to
    its nearest anchors other than itself, scaled feature units. ``residual`` (n,): mean squared
    error of each row's place. ``baseline`` is what `place` needs; ``constant`` the indices of
    features that never change.
    """

    coordinates: Floats
    cost: float
    iterations: int
    stop_reason: StopReason
    landmarks: NDArray[np.int64]
    distance: Floats
    residual: Floats
    baseline: Baseline

    @property
    def calibration(self) -> Calibration:
        """Dmin, Dmax and w1 of the baseline."""
        return self.baseline.calibration

    @property
    def constant(self) -> NDArray[np.int64]:
        """Indices of the features that never change in the baseline."""
        return np.flatnonzero(self.baseline.scaling.constant)


class _Watch:
    """Tells how far the work is, and ends it when asked to."""

    def __init__(
        self,
        progress: Callable[[float], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self._progress = progress
        self._cancelled = cancelled

    def __call__(self, share: float) -> None:
        if self._cancelled is not None and self._cancelled():
            raise FitCancelled("The fit was cancelled.")
        if self._progress is not None:
            self._progress(min(share, 1.0))


def fit(
    features: ArrayLike,
    parameters: Parameters | None = None,
    *,
    columns: Sequence[str] | None = None,
    threads: int = 1,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Fit:
    """Fit a map to (n, d) features of healthy rows, in their own units.

    ``columns`` name the features in refusals; ``progress`` hears the share done, 0 to 1. Raises
    Unusable for parameters or rows of which no map can be made, FitCancelled once ``cancelled``
    answers True. Equal rows and parameters give equal bits on one kind of processor, for any
    number of threads. Memory beyond the input: 8 n^2 + 4 n d bytes up to 10,000 rows, about 60 MB
    and the result above.
    """
    parameters = parameters or Parameters()
    refuse_problems(parameters)
    table = checked(features, columns)
    if len(table) < LEAST_ROWS:
        raise Unusable(
            f"The baseline has {len(table)} row{'' if len(table) == 1 else 's'}; "
            f"a map needs at least {LEAST_ROWS}, send more healthy rows."
        )
    watch = _Watch(progress, cancelled)
    watch(0.0)
    with crew_of(threads) as crew:
        landmarks = _landmarks(len(table), parameters.seed)
        all_are_anchors = len(landmarks) == len(table)
        found = _fit_anchors(table, landmarks, parameters, crew, watch)
        if not all_are_anchors:
            found = _with_the_others(table, found, crew, watch)
    watch(1.0)
    return found


def _landmarks(rows: int, seed: int) -> NDArray[np.int64]:
    if rows <= MOST_ANCHORS:
        return np.arange(rows)
    return _chosen(rows, seed)


def _chosen(rows: int, seed: int) -> NDArray[np.int64]:
    return np.sort(np.random.default_rng(seed).permutation(rows)[:LANDMARKS])


def _fit_anchors(
    table: Table, landmarks: NDArray[np.int64], parameters: Parameters, crew: Crew, watch: _Watch
) -> Fit:
    """The map of the anchors alone."""
    rows = len(landmarks)
    scaling = fitted(table, parameters.feature_scaling)
    anchors = scaling.applied(table if rows == len(table) else table[landmarks])
    watch(0.05)
    matrix = distances.square_matrix(distances.padded(anchors), crew)
    neighbours = min(NEIGHBOURS, rows - 1)
    indices, near = distances.nearest(matrix, rows, neighbours, crew, rows=rows, own=0)
    similarity.roots(matrix)
    calibration = similarity.calibrated(matrix, rows)
    watch(0.1)
    begin = start(anchors, parameters)
    share = 0.85 if rows == len(table) else 0.3
    found, objective, calibration = _optimise(
        matrix,
        begin,
        calibration,
        parameters,
        crew=crew,
        watch=lambda done: watch(0.1 + share * done),
    )
    points = placing.rounded(found.points - found.points.mean(axis=0, dtype=np.float64))
    cost, residual = _final(objective, points, crew)
    baseline = Baseline(
        objective=parameters.objective,
        a=parameters.a,
        w2=parameters.w2,
        calibration=calibration,
        scaling=scaling,
        anchors=anchors,
        coordinates=points,
        spread=_spread(anchors, indices, scaling.constant),
        neighbours=neighbours,
        residual_limit=float(residual.max()),
        rows=len(table),
        fingerprint=parameters.fingerprint(),
    )
    watch(0.1 + share)
    distance = near.mean(axis=1, dtype=np.float64).astype(np.float32)
    return Fit(
        points, cost, found.iterations, found.stop_reason, landmarks, distance, residual, baseline
    )


def _optimise(
    matrix: Floats,
    begin: Floats,
    calibration: Calibration,
    parameters: Parameters,
    *,
    crew: Crew,
    watch: Callable[[float], None],
) -> tuple[Optimised, Objective, Calibration]:
    """The best points, what they were judged by, and the calibration with the w1 in force.

    ``matrix`` (n, n or more) holds the distances; the objective stress normalises it in place.
    """
    taken, share = 0, 1.0

    def look(step: int) -> None:
        watch((taken + step) / parameters.imax)

    stress = parameters.objective == "stress"
    if stress:
        similarity.normalised(matrix, calibration)
    target = matrix if stress else np.empty_like(matrix)
    for w1, most in _stages(parameters, calibration.w1):
        calibration = replace(calibration, w1=w1)
        if not stress:
            similarity.similarities(matrix, calibration, parameters, target)
        objective = Objective(target, parameters, w1)
        if taken == 0 and len(begin) > _LARGE:
            begin = _from_landmarks(
                matrix, objective, begin, calibration, crew=crew, watch=lambda: watch(0.0)
            )
            share = _REFINING
        found = optimised(objective, begin, crew, most=most, look=look, share=share)
        begin, share = found.points, 1.0
        taken += found.iterations
    return replace(found, iterations=taken), objective, calibration


def _from_landmarks(
    matrix: Floats,
    objective: Objective,
    begin: Floats,
    calibration: Calibration,
    *,
    crew: Crew,
    watch: Callable[[], None],
) -> Floats:
    """Places (n, 2) of many rows: 2,000 of them fitted, the others placed among these.

    A fit of all rows then starts near its end and takes half as many steps over the whole matrix.
    """
    rows, parameters = len(begin), objective.parameters
    landmarks = _chosen(rows, parameters.seed)
    small = replace(objective, target=objective.target[np.ix_(landmarks, landmarks)])
    points = optimised(
        small, begin[landmarks], crew, most=parameters.imax, look=lambda _: watch()
    ).points
    if parameters.objective == "stress":
        calibration = replace(calibration, dmin=0.0, dmax=1.0)
    rule = Rule(parameters.objective, parameters.a, parameters.w2, calibration, points)
    out = np.empty((rows, 2), np.float32)
    for block in blocks(rows):
        # Taking columns gives them column by column; the kernels want rows.
        squared = np.ascontiguousarray(np.square(matrix[block][:, landmarks]))
        out[block] = located(squared, len(squared), rule, NEIGHBOURS, crew)[0]
    out[landmarks] = points
    return out


def _stages(parameters: Parameters, mean: float) -> list[tuple[float, int]]:
    """The values of w1 in order, and the most steps at each."""
    if parameters.objective == "stress" or parameters.which_w1 == "auto":
        return [(mean, parameters.imax)]
    if parameters.which_w1 == "fixed":
        return [(parameters.w1, parameters.imax)]
    # A quarter of the steps at most for each stage: w1 must end where it was asked to.
    most = min(_ANNEALING_STEPS, parameters.imax // (len(_ANNEALING) + 1))
    wider = [(max(parameters.w1, mean * share), most) for share in _ANNEALING if most > 0]
    return [*wider, (parameters.w1, parameters.imax - most * len(wider))]


def _final(objective: Objective, points: Floats, crew: Crew) -> tuple[float, Floats]:
    """Cost and each row's mean squared error at the points as they are stored."""
    gradient = np.empty((2, len(points)), np.float32)
    costs = np.empty(len(points), np.float32)
    places = (points[:, 0].copy(), points[:, 1].copy())
    cost = evaluated(objective, places, gradient, costs, crew)
    return cost, costs / np.float32(len(points) - 1)


def _spread(anchors: Floats, indices: NDArray[np.int32], constant: NDArray[np.bool_]) -> Floats:
    """(d,) standard deviation of anchors from the mean of their nearest; see `Baseline`.

    At least a hundredth of the feature's own standard deviation, so that repeated rows do not
    make every difference look vast; 1 for constant features. Over at most 2,000 anchors.
    """
    chosen = np.linspace(0, len(anchors) - 1, min(len(anchors), _SPREAD_ROWS)).astype(np.int64)
    squares = np.zeros(anchors.shape[1])
    for block in blocks(len(chosen), 64):
        rows = chosen[block]
        apart = anchors[rows] - anchors[indices[rows]].mean(axis=1)
        squares += np.square(apart, dtype=np.float64).sum(axis=0)
    local = np.sqrt(squares / len(chosen))
    whole = anchors[chosen].std(axis=0, dtype=np.float64)
    spread = np.maximum(local, 0.01 * whole)
    spread[constant | (spread <= 0)] = 1.0
    return np.asarray(spread, np.float32)


def _with_the_others(table: Table, part: Fit, crew: Crew, watch: _Watch) -> Fit:
    """The map of the landmarks with all other rows placed on it."""
    rows, baseline = len(table), part.baseline
    found = placing.empty(rows, baseline)
    others = np.setdiff1d(np.arange(rows), part.landmarks, assume_unique=True)
    anchors = distances.padded(baseline.anchors)
    for block in blocks(len(others), distances.block_rows(len(anchors))):
        watch(0.4 + 0.6 * block.start / len(others))
        chosen = others[block]
        scaled = baseline.scaling.applied(table[chosen])
        placing.fill(found, chosen, placing.placed_block(scaled, anchors, baseline, crew))
    found.coordinates[part.landmarks] = part.coordinates
    found.distance[part.landmarks] = part.distance
    found.residual[part.landmarks] = part.residual
    limit = float(found.residual.max())
    return replace(
        part,
        coordinates=found.coordinates,
        distance=found.distance,
        residual=found.residual,
        baseline=replace(baseline, residual_limit=limit),
    )
