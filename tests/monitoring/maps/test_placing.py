"""New rows on a frozen map: by themselves, wherever they stand, and near their like."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from monitoring.maps import Baseline, Fit, FitCancelled, Parameters, Placed, fit, place
from tests.monitoring.rows import Numbers, circle, cloud, euclidean, two_clouds


@pytest.fixture(scope="module")
def healthy() -> Fit:
    return fit(cloud(200, 8), Parameters(mode="pca"))


def part(whole: Placed, rows: slice | NDArray[np.int64]) -> Placed:
    """Some rows of what was placed."""
    return Placed(
        whole.coordinates[rows],
        whole.distance[rows],
        whole.nearest[rows],
        whole.residual[rows],
        whole.off_map[rows],
    )


def equal(one: Placed, other: Placed) -> bool:
    """Equal in every bit."""
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("coordinates", "distance", "nearest", "residual", "off_map")
    )


def test_a_place_depends_on_neither_order_nor_company_nor_threads(healthy: Fit) -> None:
    rows = cloud(137, 8, seed=4)
    order = np.random.default_rng(0).permutation(137)

    whole = place(rows, healthy.baseline)

    assert equal(place(rows[order], healthy.baseline), part(whole, order))
    assert equal(place(rows, healthy.baseline, threads=2), whole)
    for row in (0, 66, 136):
        alone = place(rows[row : row + 1], healthy.baseline)
        assert equal(alone, part(whole, slice(row, row + 1)))


@pytest.mark.parametrize("objective", ["similarity", "stress"])
def test_healthy_rows_sent_again_land_on_themselves(objective: str) -> None:
    table = cloud(200, 8)
    found = fit(table, Parameters(mode="pca", objective=objective))

    placed = place(table, found.baseline)

    apart = np.linalg.norm(placed.coordinates - found.coordinates, axis=1)
    assert np.quantile(apart, 0.95) < 0.02 * found.baseline.width
    assert not placed.off_map.any()
    assert (placed.nearest[:, 0] == np.arange(200)).all()


def test_a_place_is_a_minimum_of_its_own_cost(healthy: Fit) -> None:
    baseline = healthy.baseline
    rows = cloud(12, 8, seed=9)
    placed = place(rows, baseline)
    apart = euclidean(
        baseline.scaling.applied(rows).astype(np.float64), baseline.anchors.astype(np.float64)
    )
    rule = baseline.calibration
    normal = np.maximum((apart - rule.dmin) / rule.span, 0)

    def cost(points: Numbers) -> Numbers:
        def similarity(q: Numbers) -> Numbers:
            return 0.8 * np.exp(-q / rule.w1) + 0.2 * (1 - q)

        on_map = euclidean(points, baseline.coordinates.astype(np.float64))
        off = np.square(similarity(on_map**2) - similarity(normal**2)).mean(axis=1)
        return np.asarray(off)

    points = placed.coordinates.astype(np.float64)
    assert placed.residual == pytest.approx(cost(points), rel=1e-3)
    for step in ([0.01, 0], [-0.01, 0], [0, 0.01], [0, -0.01]):
        assert (cost(points + step) > cost(points) - 1e-7).all()


def test_the_middle_of_a_circle_is_placed_in_the_middle() -> None:
    parameters = Parameters(objective="stress", feature_scaling="none", mode="pca")
    found = fit(circle(60), parameters)

    placed = place(np.zeros((1, 3)), found.baseline)

    assert np.linalg.norm(placed.coordinates) < 0.01
    assert placed.distance == pytest.approx([1], rel=1e-5)


def test_rows_are_placed_beside_their_like() -> None:
    table, second = two_clouds(120, apart=10)
    found = fit(table, Parameters(feature_scaling="none"))
    rows, new_second = two_clouds(40, apart=10, seed=8)

    placed = place(rows, found.baseline)

    middle = [found.coordinates[one].mean(axis=0) for one in (second, ~second)]
    nearer = np.argmin([np.linalg.norm(placed.coordinates - m, axis=1) for m in middle], axis=0)
    assert np.array_equal(nearer == 0, new_second)
    assert np.array_equal(second[placed.nearest], np.repeat(new_second[:, None], 5, axis=1))


@pytest.mark.parametrize("objective", ["similarity", "stress"])
@pytest.mark.parametrize("size", [1e2, 1e6, 1e90])
def test_a_row_far_away_is_placed_outside_and_told_as_off_map(size: float, objective: str) -> None:
    found = fit(cloud(60, 8), Parameters(objective=objective))

    placed = place(np.full((1, 8), size), found.baseline)

    assert np.isfinite(placed.coordinates).all()
    assert np.isfinite(placed.residual).all()
    assert np.linalg.norm(placed.coordinates) > np.linalg.norm(found.coordinates, axis=1).max()
    assert placed.distance[0] > found.distance.max()
    assert placed.off_map.all()


def test_distance_is_the_mean_to_the_five_nearest_in_scaled_units(healthy: Fit) -> None:
    rows = cloud(9, 8, seed=2)
    scaled = healthy.baseline.scaling.applied(rows).astype(np.float64)
    apart = euclidean(scaled, healthy.baseline.anchors.astype(np.float64))

    placed = place(rows, healthy.baseline)

    assert placed.distance == pytest.approx(np.sort(apart, axis=1)[:, :5].mean(axis=1), rel=1e-5)
    assert np.array_equal(placed.nearest, np.argsort(apart, axis=1)[:, :5])


def test_no_rows_are_no_places(healthy: Fit) -> None:
    placed = place(np.empty((0, 8)), healthy.baseline)

    assert placed.coordinates.shape == (0, 2)
    assert placed.nearest.shape == (0, 5)


def test_equal_rows_have_equal_places(healthy: Fit) -> None:
    placed = place(np.repeat(cloud(1, 8, seed=3), 2, axis=0), healthy.baseline)

    assert np.array_equal(placed.coordinates[0], placed.coordinates[1])


def test_placing_tells_its_progress_and_can_be_cancelled(healthy: Fit) -> None:
    heard: list[float] = []

    place(cloud(1500, 8), healthy.baseline, progress=heard.append)

    assert heard == [pytest.approx(1024 / 1500), 1]
    with pytest.raises(FitCancelled, match="Placing was cancelled."):
        place(cloud(3, 8), healthy.baseline, cancelled=lambda: True)


def test_a_stored_baseline_places_as_the_first_one_did(healthy: Fit) -> None:
    rows = cloud(30, 8, seed=6)
    stored = Baseline.from_bytes(healthy.baseline.to_bytes())

    assert equal(place(rows, stored), place(rows, healthy.baseline))


def test_the_limit_of_the_residual_is_the_baselines_alone(healthy: Fit) -> None:
    strict = replace(healthy.baseline, residual_limit=0.0)

    assert place(cloud(5, 8, seed=7), strict).off_map.all()
