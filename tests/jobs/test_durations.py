"""Durations counted in classes."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.durations import BOUNDS, CLASSES, added, class_of, empty, quantile
from tests.jobs.statistics import counted

DAY = 86_400.0
# Half a class, an eighth of an octave, either way.
TOLERANCE = 2 ** (1 / 8) * (1 + 1e-9)

durations = st.floats(min_value=0.001, max_value=DAY)


def test_the_classes_reach_from_a_millisecond_to_about_22_hours() -> None:
    assert len(BOUNDS) == CLASSES - 1
    assert BOUNDS[0] == 0.001
    assert BOUNDS[-1] == pytest.approx(79_806, abs=1)
    assert all(low < high for low, high in pairwise(BOUNDS))


@pytest.mark.parametrize(
    ("seconds", "number"),
    [
        (-5.0, 0),
        (0.0, 0),
        (0.001, 0),
        (0.0011, 1),
        (0.002, 4),
        (1e9, CLASSES - 1),
        (math.inf, CLASSES - 1),
    ],
)
def test_every_duration_has_a_class(seconds: float, number: int) -> None:
    assert class_of(seconds) == number


@given(durations)
@settings(deadline=None)
def test_a_class_holds_what_lies_between_its_bounds(seconds: float) -> None:
    number = class_of(seconds)

    assert number == 0 or BOUNDS[number - 1] < seconds
    assert number == CLASSES - 1 or seconds <= BOUNDS[number]


@given(st.lists(durations, min_size=1, max_size=200), st.floats(0, 1))
@settings(deadline=None)
def test_a_quantile_is_within_nine_percent_of_the_exact_one(
    sample: list[float], fraction: float
) -> None:
    exact = sorted(sample)[max(1, math.ceil(fraction * len(sample))) - 1]

    found = quantile(counted(sample), fraction)

    assert found is not None
    assert exact / TOLERANCE <= found <= exact * TOLERANCE
    assert abs(found / exact - 1) < 0.0906


@given(st.lists(durations, min_size=1, max_size=50), st.floats(0, 1), st.floats(0, 1))
@settings(deadline=None)
def test_a_larger_fraction_has_no_smaller_quantile(
    sample: list[float], one: float, other: float
) -> None:
    low, high = (quantile(counted(sample), fraction) for fraction in sorted([one, other]))

    assert low is not None
    assert high is not None
    assert low <= high


def test_what_is_shorter_than_a_millisecond_reads_as_one() -> None:
    assert quantile(counted([0.0, 0.0002]), 0.5) == 0.001


def test_what_is_longer_than_a_day_reads_as_about_a_day() -> None:
    found = quantile(counted([10 * DAY]), 0.99)

    assert found == pytest.approx(DAY, rel=0.09)


def test_the_last_class_begins_right_after_the_last_bound() -> None:
    last = BOUNDS[-1]
    longer = math.nextafter(last, math.inf)

    assert (class_of(last), class_of(longer)) == (CLASSES - 2, CLASSES - 1)
    assert quantile(counted([last]), 0.5) == pytest.approx(last / 2 ** (1 / 8))
    assert quantile(counted([longer]), 0.5) == pytest.approx(last * 2 ** (1 / 8))
    assert quantile(counted([26 * 3600.0]), 1) == pytest.approx(26 * 3600, rel=0.09)


def test_classes_that_are_not_ours_read_as_the_last_one() -> None:
    assert quantile([*empty(), 0, 5], 0.5) == quantile(counted([math.inf]), 0.5)


@pytest.mark.parametrize(("fraction", "number"), [(-1, 4), (0, 4), (0.5, 4), (1, 12), (2, 12)])
def test_a_fraction_beyond_its_bounds_is_the_nearest_end(fraction: float, number: int) -> None:
    counts = counted([BOUNDS[4], BOUNDS[12]])

    assert class_of(quantile(counts, fraction) or 0) == number


def test_of_nothing_there_is_no_quantile() -> None:
    assert quantile(empty(), 0.5) is None


@given(st.lists(st.lists(durations, max_size=20), max_size=6))
@settings(deadline=None)
def test_counts_that_are_added_are_those_of_all_together(samples: list[list[float]]) -> None:
    together = counted([seconds for sample in samples for seconds in sample])

    assert added([counted(sample) for sample in samples]) == together


def test_no_counts_add_up_to_nothing() -> None:
    assert added([]) == empty()


def test_counts_of_different_length_are_not_added() -> None:
    with pytest.raises(ValueError, match="shorter"):
        added([[1, 2, 3], [1, 2]])
