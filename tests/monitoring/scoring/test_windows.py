"""Word on many rows together."""

import numpy as np
import pytest
from scipy import stats

from monitoring.maps import Parameters, Unusable, fit, place
from monitoring.scoring import Detector, Severity, calibrate, drift, judge, summary
from monitoring.scoring.mahalanobis import Spread
from tests.monitoring.rows import cloud

NOWHERE = Spread(np.zeros(2), np.eye(2))


def calibrated_on(scores: object) -> Detector:
    """A detector of which only the healthy scores matter."""
    healthy = np.sort(np.asarray(scores, np.float64))
    return Detector("feature_knn", "split", healthy, None, NOWHERE, 0.0, 1.0)


@pytest.mark.parametrize("decimals", [0, 1, 9])
def test_drift_equals_the_reference_with_and_without_ties(decimals: int) -> None:
    chance = np.random.default_rng(4)
    healthy = np.round(chance.normal(size=80), decimals)
    window = np.round(chance.normal(0.3, size=30), decimals)

    found = drift(window, calibrated_on(healthy))

    expected = stats.mannwhitneyu(window, healthy, alternative="greater", method="asymptotic")
    assert found == pytest.approx(expected.pvalue)


def test_the_statistic_is_the_sum_of_the_p_values() -> None:
    chance = np.random.default_rng(5)
    healthy, window = chance.normal(size=50), chance.normal(size=20)
    detector = calibrated_on(healthy)

    at_least = np.array([(healthy >= one).sum() for one in window])
    z = (at_least.sum() - 50 * 20 / 2 + 0.5) / np.sqrt(50 * 20 * 71 / 12)

    assert drift(window, detector) == pytest.approx(stats.norm.cdf(z))


def test_drift_is_found_before_any_row_is_anomalous() -> None:
    healthy = np.linspace(0, 1, 200)
    window = np.linspace(0.7, 0.98, 30)
    detector = calibrated_on(healthy)

    assert not (window > detector.threshold(0.01)).any()
    assert drift(window, detector) < 1e-6
    assert drift(1 - window, detector) > 0.999


def test_a_healthy_window_is_rarely_called_drifting() -> None:
    chance = np.random.default_rng(6)

    found = [
        drift(chance.random(20), calibrated_on(chance.random(60))) <= 0.05 for _ in range(1500)
    ]

    assert 0.03 < np.mean(found) < 0.07


def test_a_short_window_is_refused_and_equal_scores_say_nothing() -> None:
    with pytest.raises(Unusable, match="The window has 7 rows; .* needs at least 8."):
        drift(np.ones(7), calibrated_on(np.ones(20)))
    assert drift(np.ones(10), calibrated_on(np.ones(20))) == 1


def test_the_summary_counts_an_upload() -> None:
    table = cloud(200)
    fitted = fit(table, Parameters(mode="pca", imax=60))
    detector = calibrate(fitted, table)
    rows = np.r_[cloud(40, seed=1), np.full((10, 6), 60.0)]
    judged = judge(rows, place(rows, fitted.baseline), fitted.baseline, detector, alpha=0.01)

    found = summary(judged, detector)

    assert (found.rows, found.worst, found.false_share) == (50, Severity.CRITICAL, 0.1)
    assert found.anomalous == judged.anomalous.sum() >= 10
    assert 10 <= found.discoveries <= 15
    assert found.off_map == judged.off_map.sum() >= 10
    assert found.drift_p_value == drift(judged.scores, detector)


def test_the_summary_of_nothing_is_calm() -> None:
    table = cloud(100)
    fitted = fit(table, Parameters(imax=10))
    detector = calibrate(fitted, table)
    rows = np.empty((0, 6))

    judged = judge(rows, place(rows, fitted.baseline), fitted.baseline, detector)
    found = summary(judged, detector)

    assert (found.rows, found.anomalous, found.discoveries, found.worst) == (0, 0, 0, 0)
    assert found.drift_p_value is None
