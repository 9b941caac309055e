"""What a confidence means: errors by hand, the curve against references, gains on held-out data."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from annotations.knowledge.calibration import (
    Curve,
    Decisions,
    brier,
    chance_ece,
    ece,
    fit,
    held_out,
    isotonic,
    reliability,
)
from tests.annotations.knowledge import simulation


def decided(*rows: tuple[float, int, int]) -> Decisions:
    """Decisions from (stated, total, right)."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return Decisions(table[:, 0], table[:, 1].astype(np.int64), table[:, 2].astype(np.int64))


# --- Errors ---------------------------------------------------------------------------------------


def test_the_error_is_the_mean_distance_over_bins() -> None:
    # Two bins of ten: .2 said and .5 right, .9 said and .8 right.
    found = decided((0.2, 10, 5), (0.9, 10, 8))

    assert ece(found, bins=2) == pytest.approx((0.3 + 0.1) / 2)
    assert brier(found) == pytest.approx((5 * 0.8**2 + 5 * 0.2**2 + 8 * 0.1**2 + 2 * 0.9**2) / 20)


def test_bins_have_equal_mass_and_share_out_what_lies_on_an_edge() -> None:
    bins = reliability(decided((0.1, 5, 0), (0.5, 10, 5), (0.9, 5, 5)), bins=4)

    assert [one.mass for one in bins] == [5, 5, 5, 5]
    assert [one.stated for one in bins] == pytest.approx([0.1, 0.5, 0.5, 0.9])
    assert [one.right for one in bins] == pytest.approx([0, 0.5, 0.5, 1])


def test_bins_do_not_depend_on_the_order_of_rows() -> None:
    rows = [(0.3, 7, 2), (0.3, 4, 4), (0.8, 9, 6), (0.6, 3, 1)]

    assert ece(decided(*rows)) == pytest.approx(ece(decided(*rows[::-1])))


def test_fewer_decisions_than_bins_give_a_bin_each() -> None:
    assert len(reliability(decided((0.5, 3, 1)))) == 3


def test_a_perfect_confidence_has_no_more_error_than_chance_has() -> None:
    chance = np.random.default_rng(8)
    found = []
    expected = []
    for _ in range(60):
        stated = np.round(chance.uniform(0.05, 0.95, 300), 4)
        right = (chance.random(300) < stated).astype(np.int64)
        perfect = Decisions(stated, np.ones(300, dtype=np.int64), right)
        found.append(ece(perfect))
        expected.append(chance_ece(perfect))

    assert np.mean(found) == pytest.approx(np.mean(expected), rel=0.08)


def test_nothing_has_no_error_and_no_bins() -> None:
    nothing = decided()

    assert (ece(nothing), brier(nothing), chance_ece(nothing)) == (0, 0, 0)
    assert reliability(nothing) == []


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ((0.5, 1, 2), "more decisions be right"),
        ((0.5, 1, -1), "more decisions be right"),
        ((1.5, 1, 1), "between 0 and 1"),
    ],
)
def test_impossible_decisions_are_refused(row: tuple[float, int, int], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        decided(row)


# --- The curve ------------------------------------------------------------------------------------

weighted = st.lists(
    st.tuples(st.floats(0, 1, width=32), st.floats(0.5, 20, width=32)), min_size=1, max_size=60
)


@settings(max_examples=200, deadline=None)
@given(weighted)
def test_pooling_is_the_nearest_ascending_sequence(rows: list[tuple[float, float]]) -> None:
    values, weights = (np.array(part) for part in zip(*rows, strict=True))

    assert isotonic(values, weights) == pytest.approx(
        isotonic_regression(values, weights=weights).x, abs=1e-9
    )


def test_a_curve_goes_through_the_middle_of_what_was_pooled() -> None:
    # .4 (3 of 4) and .5 (5 of 10) contradict each other: pooled, 8 of 14 at .4714.
    curve = fit(decided((0.2, 10, 1), (0.4, 4, 3), (0.5, 10, 5), (0.9, 5, 5)))

    assert [x for x, _ in curve.points] == pytest.approx([0.2, 6.6 / 14, 0.9], abs=1e-6)
    assert [y for _, y in curve.points] == pytest.approx([0.1, 8 / 14, 1.0], abs=1e-6)


def test_a_curve_never_turns_two_confidences_around() -> None:
    curve = fit(simulation.decisions(300, np.random.default_rng(2)))

    assert (np.diff(curve.table()) >= 0).all()
    assert (np.diff([y for _, y in curve.points]) > 0).all()


def test_all_right_is_one_level() -> None:
    curve = fit(decided((0.3, 10, 10), (0.7, 10, 10)))

    assert curve.points == ((0.5, 1.0),)
    assert curve.mean(Decimal("0.1")) == Decimal("1.0000")


def test_one_confidence_and_the_table_of_all_agree() -> None:
    curve = Curve(((0.2, 0.5), (0.7, 0.9123)))
    table = curve.table()

    assert len(table) == 10_001
    for step in (0, 1, 1999, 2000, 4567, 7000, 10_000):
        assert curve.mean(Decimal(step) / 10_000) == Decimal(int(table[step])) / 10_000
    assert curve.mean(0.45) == Decimal("0.7062")


def test_a_curve_comes_back_from_json_as_it_was() -> None:
    curve = fit(simulation.decisions(100, np.random.default_rng(3)))

    assert Curve.from_json(curve.to_json()) == curve


@pytest.mark.parametrize(
    "points",
    [[], [[0.5]], [[0.5, 2]], [[0.5, 0.1], [0.4, 0.2]], [[0.1, 0.5], [0.2, 0.4]], [3], [["a", 1]]],
    ids=repr,
)
def test_what_is_no_curve_is_refused(points: Any) -> None:
    with pytest.raises(ValueError, match=r"curve|unpack|could not convert"):
        Curve.from_json(points)


def test_a_confidence_beyond_one_has_no_meaning() -> None:
    with pytest.raises(ValueError, match=r"but is 1\.2"):
        Curve(((0.5, 0.5),)).mean(1.2)


def test_no_decisions_make_no_curve() -> None:
    with pytest.raises(ValueError, match="no decisions"):
        fit(decided())


# --- What it gains --------------------------------------------------------------------------------


def test_two_hundred_reviews_quarter_the_error_of_a_provider_that_says_too_little() -> None:
    """The goal: at most a quarter. Over 40 runs of 200 decisions each, on 20,000 others."""
    chance = np.random.default_rng(2026)
    others = simulation.decisions(20_000, chance)
    raw = ece(others)
    left = [
        ece(others.restated(fit(simulation.decisions(200, chance)).at(others.stated)))
        for _ in range(40)
    ]

    assert raw == pytest.approx(0.37, abs=0.01)
    assert np.mean(left) <= raw / 10  # about .03 of .37
    assert np.quantile(left, 0.95) <= raw / 4  # about .05


def test_held_out_figures_show_the_gain_within_the_same_two_hundred() -> None:
    chance = np.random.default_rng(7)
    figures = [
        held_out(simulation.decisions(200, chance), np.arange(200) % 5).figures() for _ in range(40)
    ]
    mean = {name: np.mean([one[name] for one in figures]) for name in figures[0]}

    assert mean["ece_after"] <= mean["ece_before"] / 4  # 0.07 of 0.37, most of it chance
    assert mean["ece_by_chance"] <= mean["ece_after"]
    assert mean["brier_after"] <= mean["brier_before"] / 2


def test_a_decision_is_never_in_the_curve_that_it_is_judged_by() -> None:
    # Of two folds each is judged by the other: what one got right the other got wrong.
    both = decided((0.5, 10, 10), (0.5, 10, 0))

    after = held_out(both, np.array([0, 1])).after

    assert after.stated.tolist() == [0, 1]


def test_decisions_of_one_fold_cannot_be_held_out() -> None:
    with pytest.raises(ValueError, match="one fold"):
        held_out(decided((0.5, 10, 5)), np.array([3]))
