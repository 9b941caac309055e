"""Calibration: each healthy row against rows that it is no part of."""

import numpy as np
import pytest

from monitoring.maps import Fit, Parameters, Unusable, fit, fitting, place
from monitoring.scoring import SCORES, Detector, calibrate, judge
from tests.monitoring.rows import cloud, euclidean

QUICK = Parameters(feature_scaling="none", mode="pca", imax=40)


@pytest.fixture(scope="module")
def fitted() -> Fit:
    return fit(cloud(60), QUICK)


def test_nearest_neighbours_are_calibrated_leaving_one_out(fitted: Fit) -> None:
    apart = euclidean(cloud(60), cloud(60))
    np.fill_diagonal(apart, np.inf)

    found = calibrate(fitted, cloud(60))

    assert (found.score, found.calibrated) == ("feature_knn", "leave-one-out")
    plain = np.sort(np.sort(apart, axis=1)[:, :5].mean(axis=1))
    assert found.calibration == pytest.approx(plain, rel=1e-5)


def test_with_groups_a_row_is_held_against_other_groups_alone(fitted: Fit) -> None:
    table = cloud(60)
    groups = np.array(["day", "night", "weekend"])[np.arange(60) % 3]
    apart = euclidean(table, table)
    apart[groups[:, None] == groups] = np.inf

    found = calibrate(fitted, table, groups=groups)

    assert found.calibrated == "leave-group-out"
    plain = np.sort(np.sort(apart, axis=1)[:, :5].mean(axis=1))
    assert found.calibration == pytest.approx(plain, rel=1e-5)
    assert np.array_equal(
        found.calibration, calibrate(fitted, table, groups=groups, threads=2).calibration
    )


@pytest.mark.parametrize("score", ["feature_mahalanobis", "map_mahalanobis"])
def test_mahalanobis_distances_leave_the_group_out(fitted: Fit, score: str) -> None:
    table = cloud(60)
    table[:20, 0] += 40
    shifted = fit(table, QUICK)
    groups = (np.arange(60) < 20).tolist()

    alone = calibrate(shifted, table, score=score)
    apart = calibrate(shifted, table, score=score, groups=groups)

    assert apart.calibrated == "leave-group-out"
    assert apart.largest > 2 * alone.largest


def test_groups_that_hide_a_shift_are_told_by_larger_thresholds() -> None:
    table = cloud(90)
    table += np.repeat(cloud(3, seed=5) * 5, 30, axis=0)
    machines = np.repeat([1, 2, 3], 30)
    found = fit(table, QUICK)

    alone, apart = (calibrate(found, table, groups=groups) for groups in (None, machines))

    assert apart.threshold(0.1) > 1.5 * alone.threshold(0.1)


@pytest.mark.parametrize("score", SCORES)
def test_above_the_limit_rows_that_are_no_landmarks_calibrate(
    monkeypatch: pytest.MonkeyPatch, score: str
) -> None:
    monkeypatch.setattr(fitting, "MOST_ANCHORS", 100)
    monkeypatch.setattr(fitting, "LANDMARKS", 50)
    table = cloud(240)
    found = fit(table, QUICK)

    detector = calibrate(found, table, score=score)

    assert detector.calibrated == "split"
    assert len(detector.calibration) == 190
    others = np.delete(table, found.landmarks, axis=0)
    judged = judge(others, place(others, found.baseline), found.baseline, detector, alpha=0.1)
    assert np.sort(judged.scores) == pytest.approx(detector.calibration, rel=1e-4)
    groups = np.arange(240) % 4
    assert len(calibrate(found, table, score=score, groups=groups).calibration) == 240


@pytest.mark.parametrize("score", SCORES)
def test_about_as_many_healthy_rows_are_flagged_as_promised(score: str) -> None:
    found = fit(cloud(400, 4), QUICK)
    new = cloud(1000, 4, seed=77)

    detector = calibrate(found, cloud(400, 4), score=score)
    judged = judge(new, place(new, found.baseline), found.baseline, detector, alpha=0.1)

    assert 0.06 < judged.anomalous.mean() < 0.14


@pytest.mark.parametrize("score", SCORES)
def test_a_stored_detector_judges_as_the_first_one_did(fitted: Fit, score: str) -> None:
    new = cloud(20, seed=3) * 2
    placed = place(new, fitted.baseline)
    detector = calibrate(fitted, cloud(60), score=score)

    back = Detector.from_bytes(detector.to_bytes())

    one, other = (judge(new, placed, fitted.baseline, by, alpha=0.1) for by in (detector, back))
    assert np.array_equal(one.p_values, other.p_values)
    assert (back.score, back.calibrated) == (score, "leave-one-out")
    assert back.legacy_threshold(3) == detector.legacy_threshold(3)
    assert back.to_bytes() == detector.to_bytes()


def test_the_legacy_rule_is_mean_plus_deviations_of_the_distances_on_the_map(fitted: Fit) -> None:
    detector = calibrate(fitted, cloud(60))
    points = fitted.coordinates.astype(np.float64)
    apart = points - points.mean(axis=0)
    matrix = apart.T @ apart / 60 + 1e-6 * np.eye(2)
    plain = np.sqrt(np.einsum("ij,jk,ik->i", apart, np.linalg.inv(matrix), apart))

    assert detector.legacy_threshold(2.5) == pytest.approx(plain.mean() + 2.5 * plain.std())


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"score": "lof"}, "score is 'lof'; it must be one of feature_knn, feature_mahalanobis"),
        ({"groups": ["a"] * 59}, "59 groups were given for 60 rows; give one per row."),
        ({"groups": ["a"] * 60}, "All rows are of one group, so none can be held"),
        ({"groups": ["a"] * 57 + ["b"] * 3}, "One group has 57 of the 60 rows"),
        (
            {"groups": ["a"] * 59 + ["b"], "score": "map_mahalanobis"},
            "One group has all rows but one; at least two must be of other groups.",
        ),
    ],
)
def test_what_cannot_be_calibrated_is_refused(
    fitted: Fit, asked: dict[str, object], sentence: str
) -> None:
    with pytest.raises(Unusable) as refused:
        calibrate(fitted, cloud(60), **asked)  # type: ignore[arg-type]

    assert sentence in str(refused.value)


def test_other_rows_than_those_fitted_are_refused(fitted: Fit) -> None:
    with pytest.raises(Unusable, match="59 rows were given to calibrate, the map was made of 60"):
        calibrate(fitted, cloud(59))
