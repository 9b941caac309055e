"""Fits: right where the answer is known, the same on every run, and able to stop."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from monitoring.maps import (
    CHOICES,
    Baseline,
    Fit,
    FitCancelled,
    Parameters,
    Unusable,
    fit,
    fitting,
    place,
    quality,
)
from tests.monitoring.rows import Numbers, circle, cloud, euclidean, two_clouds

STRESS = Parameters(objective="stress", feature_scaling="none", mode="pca")
PLAIN = Parameters(feature_scaling="none", mode="pca")


def drawn(found: Fit) -> Numbers:
    """Distances on the map, the plain way."""
    points = found.coordinates.astype(np.float64)
    return euclidean(points, points)


def same(one: Fit, other: Fit) -> bool:
    """Equal in every bit."""
    return one.coordinates.tobytes() == other.coordinates.tobytes() and (
        one.baseline.to_bytes() == other.baseline.to_bytes()
    )


def test_points_on_a_line_stay_on_a_line_in_their_order() -> None:
    line = np.outer(np.linspace(-1, 1, 25), [3.0, -4.0, 0.5])

    found = fit(line, STRESS)

    assert quality(line, found.coordinates).stress < 0.005
    ends = found.coordinates[-1] - found.coordinates[0]
    assert (np.diff(found.coordinates @ ends) > 0).all()


def test_a_circle_stays_a_circle_of_the_right_size() -> None:
    ring = circle(40)

    found = fit(ring, STRESS)

    radius = np.linalg.norm(found.coordinates, axis=1)
    assert radius == pytest.approx(np.full(40, 0.5), abs=0.01)
    assert np.allclose(drawn(found), euclidean(ring, ring) / 2, atol=0.02)


@pytest.mark.parametrize(
    "parameters",
    [PLAIN, STRESS, replace(PLAIN, mode="kanadaSan"), replace(PLAIN, which_w1="anneal")],
)
def test_two_clouds_are_drawn_apart(parameters: Parameters) -> None:
    table, second = two_clouds(80, apart=12)

    found = fit(table, parameters)

    between = drawn(found)[np.ix_(second, ~second)].min()
    within = max(drawn(found)[np.ix_(one, one)].max() for one in (second, ~second))
    assert between > 0.5 * within
    assert quality(found.baseline.anchors, found.coordinates).correlation > 0.5


def test_the_cost_is_the_mean_over_pairs_and_no_step_makes_it_much_better() -> None:
    table = cloud(30, 4)
    found = fit(table, PLAIN)
    apart = euclidean(table, table)
    rule, pairs = found.calibration, ~np.eye(30, dtype=bool)
    normal = np.maximum((apart - rule.dmin) / (rule.dmax - rule.dmin), 0)

    def cost(points: Numbers) -> float:
        def similarity(q: Numbers) -> Numbers:
            return 0.8 * np.exp(-q / rule.w1) + 0.2 * (1 - q)

        off = np.square(similarity(normal**2) - similarity(euclidean(points, points) ** 2))
        return float(off[pairs].mean())

    points = found.coordinates.astype(np.float64)
    assert rule.dmin == pytest.approx(apart[pairs].min(), rel=1e-5)
    assert rule.dmax == pytest.approx(apart.max(), rel=1e-5)
    assert rule.w1 == pytest.approx(normal[pairs].mean(), rel=1e-5)
    assert found.cost == pytest.approx(cost(points), rel=1e-4)
    chance = np.random.default_rng(1)
    for _ in range(20):
        assert cost(points + chance.normal(scale=1e-3, size=points.shape)) > found.cost * 0.9999


@pytest.mark.parametrize(("rule", "w1"), [("fixed", 0.04), ("anneal", 0.04), ("auto", None)])
def test_w1_is_what_the_rule_says(rule: str, w1: float | None) -> None:
    found = fit(cloud(20), Parameters(which_w1=rule, imax=40))

    assert found.calibration.w1 == pytest.approx(w1 or found.calibration.w1)
    assert (w1 is not None) or 0.1 < found.calibration.w1 < 0.9
    assert found.iterations <= 40


@pytest.mark.parametrize(
    "parameters",
    [
        Parameters(),
        Parameters(mode="pca"),
        Parameters(objective="stress", feature_scaling="robust"),
        Parameters(optimizer="sgd", which_w1="anneal"),
    ],
)
def test_a_fit_repeats_bit_by_bit_with_one_thread_and_with_two(parameters: Parameters) -> None:
    table = cloud(300, 10)
    parameters = replace(parameters, imax=60)

    first = fit(table, parameters)

    assert same(first, fit(table, parameters))
    assert same(first, fit(table.copy(order="F"), parameters, threads=2))
    assert not same(first, fit(table, replace(parameters, seed=1)))


def test_large_baselines_are_fitted_by_landmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "MOST_ANCHORS", 300)
    monkeypatch.setattr(fitting, "LANDMARKS", 100)
    table, second = two_clouds(700, apart=10)

    found = fit(table, PLAIN)
    whole = fit(table[found.landmarks], PLAIN)

    assert len(found.landmarks) == len(set(found.landmarks.tolist())) == 100
    assert (np.diff(found.landmarks) > 0).all()
    assert found.baseline.rows == 700
    assert found.baseline.anchors.shape == (100, 5)
    assert np.allclose(found.calibration.dmax, whole.calibration.dmax, rtol=1e-5)
    assert np.isfinite(found.coordinates).all()
    middle = [found.coordinates[one].mean(axis=0) for one in (second, ~second)]
    nearer = np.argmin([np.linalg.norm(found.coordinates - m, axis=1) for m in middle], axis=0)
    assert np.array_equal(nearer == 0, second)
    assert same(found, fit(table, PLAIN, threads=2))
    assert found.baseline.residual_limit == found.residual.max()


@pytest.mark.parametrize("objective", ["similarity", "stress"])
def test_many_rows_start_from_landmarks_and_end_no_worse(
    monkeypatch: pytest.MonkeyPatch, objective: str
) -> None:
    table, _ = two_clouds(400, apart=4)
    parameters = replace(PLAIN, objective=objective)
    slow = fit(table, parameters)
    monkeypatch.setattr(fitting, "_LARGE", 200)
    monkeypatch.setattr(fitting, "LANDMARKS", 100)

    quick = fit(table, parameters)

    assert quick.iterations < slow.iterations
    assert quick.cost == pytest.approx(slow.cost, rel=0.01)
    assert len(quick.landmarks) == 400


def test_distances_to_the_nearest_leave_the_row_itself_out() -> None:
    table = cloud(40, 3)
    found = fit(table, replace(PLAIN, imax=5))
    apart = euclidean(table, table)
    np.fill_diagonal(apart, np.inf)

    assert np.allclose(found.distance, np.sort(apart, axis=1)[:, :5].mean(axis=1), rtol=1e-5)


def test_three_rows_are_enough_and_repeated_rows_do_no_harm() -> None:
    triangle = fit([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], STRESS)
    repeated = fit(np.repeat(cloud(6), 5, axis=0), STRESS)
    even = fit(np.eye(3), replace(STRESS, objective="similarity"))

    assert triangle.baseline.neighbours == 2
    assert quality(np.array([[0, 0], [1, 0], [0, 1.0]]), triangle.coordinates).stress < 0.02
    assert np.isfinite(repeated.coordinates).all()
    assert repeated.calibration.dmin > 0
    assert (even.calibration.dmin, even.calibration.w1) == (0, 1)


@settings(max_examples=60, deadline=None)
@given(
    some.integers(3, 9).flatmap(
        lambda rows: some.lists(
            some.lists(
                some.sampled_from([0.0, 1.0, -1.0, 1e-300, 1e-9, 3e5, -1e90, 2.5]),
                min_size=2,
                max_size=2,
            ),
            min_size=rows,
            max_size=rows,
        )
    ),
    some.sampled_from(CHOICES["feature_scaling"]),
    some.sampled_from(CHOICES["objective"]),
    some.sampled_from(CHOICES["which_w1"]),
)
def test_whatever_rows_come_the_map_is_finite_or_refused(
    rows: list[list[float]], scaling: str, objective: str, rule: str
) -> None:
    parameters = Parameters(
        feature_scaling=scaling, objective=objective, which_w1=rule, mode="pca", imax=30
    )
    try:
        found = fit(rows, parameters)
    except Unusable as refused:
        assert "All rows of the baseline are equal" in str(refused)  # noqa: PT017 - or a map
        return

    placed = place([*rows, [7.0, -7.0], [1e99, 0.0]], found.baseline)

    for numbers in (found.coordinates, found.distance, placed.coordinates, placed.distance):
        assert np.isfinite(numbers).all()
    assert np.isfinite(found.cost)
    assert Baseline.from_bytes(found.baseline.to_bytes()).rows == len(rows)


def test_one_feature_makes_a_map_of_one_line() -> None:
    found = fit(cloud(20, 1), STRESS)

    assert quality(found.baseline.anchors, found.coordinates).stress < 0.01


def test_why_a_fit_stopped_is_recorded() -> None:
    table = cloud(40)

    assert fit(table, Parameters(imax=7)).stop_reason == "imax"
    assert fit(table, Parameters(imax=7)).iterations == 7
    assert fit(table, Parameters(gamma0=0.5)).stop_reason == "converged"
    assert fit(table, Parameters(gamma0=0)).stop_reason in {"converged", "step_too_small"}


def test_coordinates_are_centred_and_have_six_decimals() -> None:
    points = fit(cloud(50), Parameters(imax=30)).coordinates.astype(np.float64)

    assert np.allclose(points.mean(axis=0), 0, atol=1e-6)
    assert np.allclose(points * 1e6, np.round(points * 1e6), atol=0.05)


def test_progress_rises_to_one_and_a_fit_can_be_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[float] = []
    fit(cloud(60), progress=heard.append)
    assert heard == sorted(heard)
    assert heard[0] == 0
    assert heard[-1] == 1

    for large in (False, True):
        if large:
            monkeypatch.setattr(fitting, "MOST_ANCHORS", 40)
            monkeypatch.setattr(fitting, "LANDMARKS", 20)
        asked = iter([False] * 4 + [True])
        with pytest.raises(FitCancelled, match="The fit was cancelled."):
            fit(cloud(60), cancelled=lambda: next(asked))  # noqa: B023 - called within this turn
