"""How sure figures are."""

from __future__ import annotations

import numpy as np
import pytest

from annotations.knowledge.intervals import (
    Interval,
    percentile_interval,
    quantile_interval,
    resampled_sums,
    wilson,
)


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [
        # Newcombe, Stat. Med. 17 (1998) 857, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_is_that_of_the_paper(
    right: int, total: int, low: float, high: float
) -> None:
    found = wilson(right, total)

    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


def test_all_right_of_a_few_is_not_certainty() -> None:
    assert wilson(5, 5).high == 1
    assert wilson(5, 5).low == pytest.approx(0.5655, abs=1e-4)


def test_of_nothing_any_share_is_possible() -> None:
    assert wilson(0, 0) == Interval(0, 1)


def test_more_right_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="6 of 5 is no share"):
        wilson(6, 5)


def test_the_interval_of_a_quantile_is_made_of_values_around_it() -> None:
    values = np.arange(1.0, 101.0)

    found = quantile_interval(values[::-1], 0.5)

    assert (found.low, found.high) == (40, 61)  # exact binomial ranks: 40 and 61, 95.4 %


def test_a_quantile_of_few_values_is_bounded_by_the_least_and_the_largest() -> None:
    assert quantile_interval(np.array([3.0, 9.0]), 0.95) == Interval(3, 9)
    with pytest.raises(ValueError, match="no values"):
        quantile_interval(np.empty(0), 0.5)


def test_resampling_finds_the_standard_error_of_a_mean() -> None:
    values = np.random.default_rng(1).normal(10, 2, (400, 1))

    sums = resampled_sums(values)

    assert (sums / 400).std() == pytest.approx(2 / 20, rel=0.1)


def test_the_same_rows_give_the_same_sums() -> None:
    rows = np.random.default_rng(2).random((50, 3))

    assert (resampled_sums(rows) == resampled_sums(rows)).all()
    assert (resampled_sums(rows, seed=1) != resampled_sums(rows, seed=2)).any()


def test_many_images_are_drawn_in_groups_with_the_same_spread() -> None:
    values = np.random.default_rng(4).normal(0, 1, (20_000, 1))

    grouped = resampled_sums(values, most_units=500, resamples=800)

    assert grouped.std() == pytest.approx(np.sqrt(20_000), rel=0.12)
    assert grouped.mean() == pytest.approx(values.sum(), abs=4 * np.sqrt(20_000 / 800))


def test_samples_that_are_no_number_are_left_out() -> None:
    samples = np.array([np.nan, 1.0, 2.0, 3.0])

    assert percentile_interval(samples, level=0.0) == Interval(2, 2)
    assert percentile_interval(np.array([np.nan])) is None


def test_rows_of_a_wrong_shape_and_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        resampled_sums(np.ones(3))
    with pytest.raises(ValueError, match="no images"):
        resampled_sums(np.ones((0, 2)))
