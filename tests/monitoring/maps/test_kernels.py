"""The compiled loops equal plain numpy, bit for bit wherever rows stand."""

import numpy as np
import pytest

from monitoring.maps import Parameters, distances, fit, kernels, place, warm_up
from monitoring.maps.crew import crew_of
from tests.monitoring.rows import Numbers, cloud, euclidean

f32 = np.float32


@pytest.mark.parametrize(("rows", "anchors", "columns"), [(1, 1, 1), (7, 70, 9), (130, 5, 33)])
def test_distances_equal_the_plain_ones(rows: int, anchors: int, columns: int) -> None:
    new, old = cloud(rows, columns, 1).astype(f32), cloud(anchors, columns, 2).astype(f32)

    with crew_of(1) as crew:
        found = distances.squares(distances.padded(new), distances.padded(old), crew)

    plain = euclidean(new.astype(float), old.astype(float)) ** 2
    assert np.allclose(found[:rows, :anchors], plain, rtol=1e-5)


def test_a_distance_has_the_same_bits_wherever_its_rows_stand() -> None:
    table = cloud(70, 37).astype(f32)
    order = np.random.default_rng(3).permutation(70)

    with crew_of(1) as crew:
        whole = distances.square_matrix(distances.padded(table), crew)[:70, :70]
        mixed = distances.square_matrix(distances.padded(table[order]), crew)[:70, :70]
        alone = distances.squares(distances.padded(table[33:34]), distances.padded(table), crew)[
            :1, :70
        ]

    assert np.array_equal(mixed, whole[np.ix_(order, order)])
    assert np.array_equal(alone, whole[33:34])
    assert np.array_equal(whole, whole.T)
    assert (whole.diagonal() == 0).all()


def test_near_rows_far_from_the_origin_lose_no_digits() -> None:
    new = np.full((4, 64), 1000, f32)
    old = new + f32(2**-10)

    with crew_of(1) as crew:
        found = distances.squares(new, old, crew)

    assert (found == 64 * 2.0**-20).all()


def similarity(q: Numbers, a: float, w1: float, w2: float) -> Numbers:
    """The formula as it is written."""
    return a * np.exp(-q / w1) + (1 - a) * (1 - q / w2)


def gradient(points: Numbers, kind: str, target: Numbers) -> tuple[Numbers, Numbers]:
    """Costs per row, and the gradient of the sum of all costs by finite differences."""

    def costs(at: Numbers) -> Numbers:
        apart = euclidean(at, at)
        drawn = apart if kind == "stress" else similarity(apart**2, 0.8, 0.2, 1.5)
        rows: Numbers = np.square(drawn - target).sum(axis=1)
        return rows

    slope = np.empty_like(points)
    for entry in np.ndindex(*points.shape):
        step = np.zeros_like(points)
        step[entry] = 1e-6
        slope[entry] = (costs(points + step).sum() - costs(points - step).sum()) / 2e-6
    return costs(points), slope


@pytest.mark.parametrize("kind", ["similarity", "stress"])
def test_the_gradient_is_the_slope_of_the_cost(kind: str) -> None:
    chance = np.random.default_rng(5)
    points = chance.normal(size=(9, 2))
    target = chance.random((9, 9))
    target = (target + target.T) / 2
    np.fill_diagonal(target, 0.0 if kind == "stress" else 1.0)
    x, y = points.T.astype(f32).copy()
    gx, gy, cost = (np.empty(9, f32) for _ in range(3))

    if kind == "stress":
        kernels.stress_gradient(x, y, target.astype(f32), gx, gy, cost, 0, 9)
    else:
        weights = (f32(0.8), f32(0.2), f32(1.5))
        kernels.similarity_gradient(x, y, target.astype(f32), *weights, gx, gy, cost, 0, 9)

    costs, slope = gradient(points, kind, target)
    assert np.allclose(cost, costs, rtol=1e-4, atol=1e-5)
    # Each pair is in two rows, each square gives a factor of two, a squared distance another.
    factor = 4 if kind == "stress" else 8
    assert np.allclose(factor * np.stack((gx, gy), axis=1), slope, rtol=1e-3, atol=1e-3)


def test_the_exponential_is_right_to_two_millionths() -> None:
    apart = np.linspace(0, 6, 400).astype(f32)
    gx, gy, cost = (np.empty(1, f32) for _ in range(3))
    for one in apart:
        pair = np.array([0, one], f32)
        row = np.array([[1, 0]], f32)
        weights = (f32(1), f32(1), f32(1))
        kernels.similarity_gradient(pair, np.zeros(2, f32), row, *weights, gx, gy, cost, 0, 1)
        assert np.sqrt(cost[0]) == pytest.approx(np.exp(-(float(one) ** 2)), abs=2e-6)


def test_the_nearest_are_sorted_and_ties_go_by_column() -> None:
    squares = np.array([[9, 4, 4, 1, 16], [0, 1, 0, 1, 0]], f32)

    with crew_of(1) as crew:
        indices, near = distances.nearest(squares, 5, 3, crew, rows=2)
        own, _ = distances.nearest(squares, 5, 3, crew, rows=2, own=3)

    assert indices.tolist() == [[3, 1, 2], [0, 2, 4]]
    assert near.tolist() == [[1, 2, 2], [0, 0, 0]]
    assert own.tolist() == [[1, 2, 0], [0, 2, 1]]


def test_after_warming_up_nothing_is_left_to_compile() -> None:
    warm_up()
    compiled = (kernels.squared_distances, kernels.stress_gradient, kernels.place)
    before = [len(kernel.signatures) for kernel in compiled]

    for objective in ("similarity", "stress"):
        found = fit(cloud(9), Parameters(objective=objective, mode="pca", imax=2))
        place(cloud(3).astype(f32), found.baseline)

    assert before == [1, 1, 1]
    assert [len(kernel.signatures) for kernel in compiled] == before


def test_a_crew_covers_every_row_once_and_passes_errors_on() -> None:
    seen = np.zeros(1003, np.int64)

    def mark(first: int, last: int) -> None:
        seen[first:last] += 1

    def fail(first: int, last: int) -> None:
        raise RuntimeError(f"{first} to {last}")

    with crew_of(3) as crew:
        crew(1003, mark)
        with pytest.raises(RuntimeError, match="0 to "):
            crew(500, fail)
    assert (seen == 1).all()
    with pytest.raises(ValueError, match="threads is 0; it must be at least 1."), crew_of(0):
        pass
