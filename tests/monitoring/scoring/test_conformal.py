"""p-values: exactly valid under exchangeability, by counting every way the rows may fall."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from monitoring.maps import Unusable
from monitoring.scoring import discoveries, least_level, p_values
from monitoring.scoring.conformal import budget, threshold

scores = some.lists(some.integers(0, 30).map(float), min_size=1, max_size=40)
levels = some.integers(1, 99).map(lambda percent: percent / 100)


def test_a_p_value_counts_the_healthy_scores_that_are_at_least_as_large() -> None:
    healthy = np.array([1.0, 2.0, 2.0, 5.0])

    assert p_values(healthy, [0, 2, 3, 5, 6]).tolist() == [1, 0.8, 0.4, 0.4, 0.2]


@given(scores, levels)
def test_a_row_like_the_others_is_flagged_at_most_as_often_as_promised(
    found: list[float], alpha: float
) -> None:
    # Exchangeable rows: each of them is the new one equally often.
    flagged = sum(
        p_values(np.sort(found[:place] + found[place + 1 :]), [found[place]])[0] <= alpha + 1e-12
        for place in range(len(found))
    )

    assert Fraction(flagged, len(found)) <= Fraction(alpha).limit_denominator(1000)


@given(some.sets(some.integers(0, 10_000), min_size=1, max_size=40), levels)
def test_without_ties_the_rate_is_exactly_what_the_ranks_allow(
    different: set[int], alpha: float
) -> None:
    found = [float(one) for one in different]
    rows = len(found)
    flagged = sum(
        p_values(np.sort(found[:place] + found[place + 1 :]), [found[place]])[0] <= alpha + 1e-12
        for place in range(rows)
    )

    assert flagged == (round(alpha * 100) * rows) // 100


@given(scores, scores, levels)
def test_above_the_threshold_and_small_p_are_the_same(
    healthy: list[float], new: list[float], alpha: float
) -> None:
    calibration = np.sort(healthy)
    if alpha * (len(healthy) + 1) < 1 - 1e-9:
        with pytest.raises(Unusable, match="send more, or choose at least"):
            threshold(calibration, alpha)
        return

    above = np.asarray(new) > threshold(calibration, alpha)

    assert np.array_equal(above, p_values(calibration, new) <= alpha + 1e-12)


@given(scores, some.lists(some.floats(-5, 40), min_size=2))
def test_a_larger_score_never_has_a_larger_p_value(healthy: list[float], new: list[float]) -> None:
    values = p_values(np.sort(healthy), np.sort(new))

    assert (np.diff(values) <= 0).all()
    assert ((values > 0) & (values <= 1)).all()


@pytest.mark.parametrize(("alpha", "needed"), [(0.01, 99), (0.05, 19), (0.1, 9), (0.001, 999)])
def test_a_level_needs_enough_rows(alpha: float, needed: int) -> None:
    assert budget(alpha, needed) == 1
    with pytest.raises(Unusable) as refused:
        budget(alpha, needed - 1)
    assert f"needs at least {needed} healthy rows" in str(refused.value)
    assert f"the baseline has {needed - 1};" in str(refused.value)


def test_the_least_level_is_one_that_the_rows_can_give() -> None:
    for count in range(1, 3000):
        level = least_level(count)
        assert budget(level, count) >= 1
        assert level <= 1.1 / (count + 1)
    assert least_level(70) == 0.015


@pytest.mark.parametrize("alpha", [0, 1, -0.5, float("nan")])
def test_a_level_outside_0_to_1_is_refused(alpha: float) -> None:
    with pytest.raises(Unusable, match="it must lie between 0 and 1"):
        budget(alpha, 100)


@given(some.lists(some.floats(0, 1), max_size=60), some.sampled_from([0.05, 0.1, 0.3]))
def test_discoveries_equal_the_reference(values: list[float], level: float) -> None:
    adjusted = stats.false_discovery_control(values) if values else np.empty(0)

    assert discoveries(values, level) in {
        int((adjusted <= level - 1e-8).sum()),
        int((adjusted <= level + 1e-8).sum()),
    }


def test_a_share_of_wrong_alarms_outside_0_to_1_is_refused() -> None:
    with pytest.raises(Unusable, match="The share of wrong alarms is 0; it must lie between"):
        discoveries([0.1], 0)
