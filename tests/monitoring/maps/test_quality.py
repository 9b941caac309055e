"""The three figures of a map, against what can be counted by hand."""

import numpy as np
import pytest
from scipy import stats

from monitoring.maps import Unusable, quality
from monitoring.maps.quality import spearman, stress, trustworthiness
from tests.monitoring.rows import cloud, euclidean


def test_a_map_that_is_the_data_itself_is_perfect_at_any_scale() -> None:
    table = cloud(60, 2)

    found = quality(table, table * 7)

    assert found.stress < 1e-5
    assert found.trustworthiness == 1
    assert found.correlation == pytest.approx(1, abs=1e-6)
    assert (found.rows, found.of, found.sampled) == (60, 60, False)


def test_stress_is_that_of_the_best_scale() -> None:
    true, shown = np.array([3.0, 4.0]), np.array([1.0, 1.0])

    # The best scale is 3.5: two errors of 0.5 against 3 and 4.
    assert stress(true, shown) == pytest.approx(np.sqrt(0.5 / 25))
    assert stress(np.zeros(2), shown) == 0
    assert stress(true, np.zeros(2)) == 1


def test_trustworthiness_counts_strangers_by_their_rank() -> None:
    line = np.arange(7.0)[:, None]
    # The last is drawn between the first two, everything else is right.
    shown = np.array([0, 1, 2, 3, 4, 5, 0.4])[:, None]

    found = trustworthiness(
        euclidean(line, line).astype(np.float32), euclidean(shown, shown).astype(np.float32), 1
    )

    # 0 and 1 have 6 beside them, and 6 has 0: each is the farthest, of rank 6.
    assert found == pytest.approx(1 - 2 / (7 * 1 * (14 - 3 - 1)) * (5 + 5 + 5))


def test_trustworthiness_of_chance_is_about_a_half() -> None:
    one, other = (euclidean(t, t).astype(np.float32) for t in (cloud(300), cloud(300, seed=1)))

    assert trustworthiness(one, other, 12) == pytest.approx(0.5, abs=0.05)


def test_spearman_equals_the_reference_with_ties() -> None:
    chance = np.random.default_rng(2)
    one = chance.integers(0, 20, 500).astype(float)
    other = one + chance.integers(0, 20, 500).astype(float)

    assert spearman(one, other) == pytest.approx(stats.spearmanr(one, other).statistic)
    assert spearman(one, np.ones(500)) == 0


def test_many_rows_are_sampled_by_the_seed_and_it_is_said() -> None:
    table = cloud(500, 3)

    found = quality(table, table[:, :2], most_rows=100, seed=3)

    assert (found.rows, found.of, found.sampled) == (100, 500, True)
    assert found == quality(table, table[:, :2], most_rows=100, seed=3)
    assert found != quality(table, table[:, :2], most_rows=100, seed=4)


@pytest.mark.parametrize(("rows", "places"), [(2, 2), (5, 4)])
def test_too_few_rows_or_places_are_refused(rows: int, places: int) -> None:
    with pytest.raises(Unusable, match=f"{rows} rows and {places} places were given"):
        quality(cloud(rows, 2), cloud(places, 2))
