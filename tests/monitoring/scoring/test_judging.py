"""Word on new rows: scores, severities, and the features that say why."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from monitoring.maps import Fit, Parameters, Unusable, fit, place
from monitoring.scoring import (
    SCORES,
    Detector,
    Judgement,
    Severity,
    calibrate,
    deviations,
    judge,
    severities,
)
from tests.monitoring.rows import Numbers, cloud

HEALTHY = cloud(150, 12)


@pytest.fixture(scope="module")
def fitted() -> Fit:
    return fit(HEALTHY, Parameters(mode="pca"))


@pytest.fixture(scope="module")
def detector(fitted: Fit) -> Detector:
    return calibrate(fitted, HEALTHY)


def judged(fitted: Fit, detector: Detector, rows: Numbers, alpha: float = 0.01) -> Judgement:
    return judge(rows, place(rows, fitted.baseline), fitted.baseline, detector, alpha=alpha)


@pytest.mark.parametrize("score", SCORES)
def test_a_row_that_leaves_the_healthy_region_is_anomalous(fitted: Fit, score: str) -> None:
    away = HEALTHY[:3] + 8 * HEALTHY.std(axis=0)

    found = judged(fitted, calibrate(fitted, HEALTHY, score=score), np.r_[HEALTHY[3:6], away])

    assert found.anomalous.tolist() == [False] * 3 + [True] * 3
    assert (found.severities[:3] == Severity.NONE).all()
    assert (found.severities[3:] >= Severity.MEDIUM).all()
    assert (found.scores > found.threshold).tolist() == found.anomalous.tolist()
    assert found.p_values[3:] == pytest.approx(1 / 151)


def test_severity_rises_with_the_distance(fitted: Fit, detector: Detector) -> None:
    steps = np.linspace(0, 12, 60)[:, None] * HEALTHY.std(axis=0)

    found = judged(fitted, detector, HEALTHY.mean(axis=0) + steps)

    order = np.argsort(found.scores, kind="stable")
    assert (np.diff(found.severities[order]) >= 0).all()
    assert (found.severities[0], found.severities[-1]) == (Severity.NONE, Severity.CRITICAL)


@given(some.lists(some.tuples(some.integers(1, 1000), some.floats(0, 5)), max_size=30))
def test_severities_follow_the_rule(rows: list[tuple[int, float]]) -> None:
    values = np.array([rank / 1000 for rank, _ in rows])
    ratios = np.array([ratio for _, ratio in rows])
    anomalous = values <= 0.05

    found = severities(values, ratios, anomalous, 0.05)

    for value, ratio, severity in zip(values, ratios, found, strict=True):
        if value > 0.05:
            expected = Severity.NONE
        elif ratio >= 2:
            expected = Severity.CRITICAL
        elif ratio >= 1.5:
            expected = Severity.HIGH
        elif ratio >= 1.25 or value <= 0.005 + 1e-12:
            expected = Severity.MEDIUM
        else:
            expected = Severity.LOW
        assert severity == expected


def test_a_level_that_the_baseline_cannot_give_is_refused(fitted: Fit, detector: Detector) -> None:
    with pytest.raises(Unusable, match="alpha = 0.001 needs at least 999 healthy rows .* has 150"):
        judged(fitted, detector, HEALTHY[:2], alpha=0.001)


def test_a_baseline_without_any_distance_makes_every_difference_critical(
    fitted: Fit, detector: Detector
) -> None:
    none = replace(detector, calibration=np.zeros(150))

    found = judged(fitted, none, np.full((1, 12), 50.0))

    assert found.ratios.tolist() == [np.inf]
    assert found.severities.tolist() == [Severity.CRITICAL]


def test_a_detector_without_its_covariance_is_refused(fitted: Fit) -> None:
    bare = replace(calibrate(fitted, HEALTHY, score="feature_mahalanobis"), spread=None)

    with pytest.raises(Unusable, match="has no covariance; calibrate it again"):
        judged(fitted, bare, HEALTHY[:1])


def test_the_features_that_moved_are_named_first_with_their_sign(fitted: Fit) -> None:
    rows = HEALTHY[:2].copy()
    rows[0, 7] += 30
    rows[1, 2] -= 40
    rows[1, 9] += 90

    found = deviations(rows, place(rows, fitted.baseline), fitted.baseline)

    assert found.features.shape == found.sizes.shape == (2, 10)
    assert found.features[0, 0] == 7
    assert found.features[1, :2].tolist() == [9, 2] or found.features[1, :2].tolist() == [2, 9]
    assert found.sizes[0, 0] > 3
    assert np.sign(found.sizes[1, :2]).tolist() in ([1, -1], [-1, 1])
    assert (np.diff(np.abs(found.sizes), axis=1) <= 0).all()
    assert all(len(set(row.tolist())) == 10 for row in found.features)


def test_deviations_of_healthy_rows_are_about_one_on_average(fitted: Fit) -> None:
    new = cloud(300, 12, seed=8)

    found = deviations(new, place(new, fitted.baseline), fitted.baseline, most=12)

    assert np.sqrt(np.square(found.sizes).mean()) == pytest.approx(1, abs=0.15)


def test_a_feature_that_never_changed_is_named_in_its_own_units() -> None:
    table = cloud(40, 3)
    table[:, 1] = 5
    baseline = fit(table, Parameters(imax=10)).baseline
    row = table[:1].copy()
    row[0, 1] = 105

    found = deviations(row, place(row, baseline), baseline)

    assert found.features.shape == (1, 3)
    assert (found.features[0, 0], found.sizes[0, 0]) == (1, pytest.approx(100))


def test_deviations_do_not_depend_on_the_company(fitted: Fit) -> None:
    rows = cloud(300, 12, seed=9)
    whole = deviations(rows, place(rows, fitted.baseline), fitted.baseline)

    alone = deviations(rows[200:201], place(rows[200:201], fitted.baseline), fitted.baseline)

    assert np.array_equal(alone.features[0], whole.features[200])
    assert np.array_equal(alone.sizes[0], whole.sizes[200])


def test_rows_must_be_those_that_were_placed(fitted: Fit) -> None:
    with pytest.raises(Unusable, match="3 rows and 2 places were given; place these rows."):
        deviations(HEALTHY[:3], place(HEALTHY[:2], fitted.baseline), fitted.baseline)
