"""Scaling is fitted on the baseline alone, and says which features never change."""

import numpy as np
import pytest

from monitoring.maps import Parameters, Unusable, fit
from monitoring.maps.scaling import fitted
from tests.monitoring.rows import cloud


def test_zscore_gives_mean_zero_and_deviation_one() -> None:
    table = cloud(500) + 100

    scaled = fitted(table, "zscore").applied(table)

    assert scaled.dtype == np.float32
    assert np.allclose(scaled.mean(axis=0), 0, atol=1e-5)
    assert np.allclose(scaled.std(axis=0), 1, atol=1e-5)


def test_robust_takes_median_and_quartiles() -> None:
    table = cloud(400)
    table[:40] *= 1000

    found = fitted(table, "robust")

    assert np.allclose(found.centre, np.median(table, axis=0))
    low, high = np.quantile(table, (0.25, 0.75), axis=0)
    assert np.allclose(found.scale, (high - low) / 1.3489795)


def test_robust_falls_back_on_the_deviation_where_quartiles_are_equal() -> None:
    table = cloud(100, 2)
    table[:, 1] = 0
    table[:10, 1] = 5

    assert fitted(table, "robust").scale[1] == pytest.approx(table[:, 1].std())


def test_none_changes_no_distance() -> None:
    table = cloud(50)

    found = fitted(table, "none")

    assert (found.scale == 1).all()
    assert np.allclose(found.applied(table), table - table.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("kind", ["none", "zscore", "robust"])
def test_constant_features_are_reported_and_keep_their_units(kind: str) -> None:
    table = cloud(30, 4)
    table[:, 1] = 0.1
    table[:, 3] = 0

    found = fitted(table, kind)

    assert np.flatnonzero(found.constant).tolist() == [1, 3]
    assert found.scale[[1, 3]].tolist() == [1, 1]
    assert list(fit(table, Parameters(feature_scaling=kind, imax=3)).constant) == [1, 3]


def test_a_single_precision_constant_is_not_taken_for_noise() -> None:
    table = cloud(3000, 2).astype(np.float32)
    table[:, 0] = np.float32(1234.5678)

    assert fitted(table, "zscore").constant.tolist() == [True, False]


def test_far_rows_are_cut_off_before_they_overflow() -> None:
    found = fitted(cloud(30), "zscore")

    assert found.applied(np.full((1, 6), 1e99)).max() == np.float32(1e15)


def test_an_unknown_scaling_is_refused() -> None:
    with pytest.raises(Unusable, match="feature_scaling is 'minmax'; it must be none, zscore"):
        fitted(cloud(5), "minmax")
