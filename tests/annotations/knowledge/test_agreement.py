"""Agreement of raters, held to the examples of the papers that define it."""

from __future__ import annotations

import numpy as np
import pytest

from annotations.knowledge.agreement import cohen, counted, crossed, fleiss, krippendorff

# Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions (3rd ed., 2003), table 18.1:
# 100 subjects, psychotic, neurotic, organic.
TWO_RATERS = np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]])

# Fleiss, Psychol. Bull. 76 (1971) 378, table 1: 30 patients, six psychiatrists; each column is how
# many called it depression, personality disorder, schizophrenia, neurosis, other.
THIRTY_PATIENTS = np.array(
    [
        (0, 0, 0, 6, 0), (0, 3, 0, 0, 3), (0, 1, 4, 0, 1), (0, 0, 0, 0, 6), (0, 3, 0, 3, 0),
        (2, 0, 4, 0, 0), (0, 0, 4, 0, 2), (2, 0, 3, 1, 0), (2, 0, 0, 4, 0), (0, 0, 0, 0, 6),
        (1, 0, 0, 5, 0), (1, 1, 0, 4, 0), (0, 3, 3, 0, 0), (1, 0, 0, 5, 0), (0, 2, 0, 3, 1),
        (0, 0, 5, 0, 1), (3, 0, 0, 1, 2), (5, 1, 0, 0, 0), (0, 2, 0, 4, 0), (1, 0, 2, 0, 3),
        (0, 0, 0, 0, 6), (0, 1, 0, 5, 0), (0, 2, 0, 1, 3), (2, 0, 0, 4, 0), (1, 0, 0, 4, 1),
        (0, 5, 0, 1, 0), (4, 0, 0, 0, 2), (0, 2, 0, 4, 0), (1, 0, 5, 0, 0), (0, 0, 0, 0, 6),
    ]
)  # fmt: skip

# Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section C: four observers, twelve
# units, gaps (here -1).
FOUR_OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, -1, -1, -1],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, -1, 3],
        [-1, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, -1],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, -1],
    ]
)


def test_cohens_kappa_of_the_textbook() -> None:
    found = cohen(TWO_RATERS)

    assert found.items == 100
    assert found.observed == pytest.approx(0.89)
    assert found.expected == pytest.approx(0.66)
    assert found.value == pytest.approx(0.23 / 0.34)  # .68 in the book


def test_the_interval_of_cohens_kappa_is_that_of_a_statistics_package() -> None:
    # SAS/STAT prints ASE 0.1380 and 0.2137 to 0.7547 for this table.
    found = cohen(np.array([[0, 4, 1], [0, 8, 0], [0, 1, 5]]))

    assert found.value == pytest.approx(0.4842, abs=5e-5)
    assert found.interval is not None
    assert found.interval.low == pytest.approx(0.2137, abs=5e-5)
    assert found.interval.high == pytest.approx(0.7547, abs=5e-5)


def test_fleiss_kappa_of_the_paper() -> None:
    assert THIRTY_PATIENTS.sum(axis=0).tolist() == [26, 26, 30, 55, 43]

    found = fleiss(THIRTY_PATIENTS)

    assert found.items == 30
    assert found.observed == pytest.approx(0.556, abs=1e-3)  # the paper has .5556
    assert found.expected == pytest.approx(0.220, abs=1e-3)  # .2201
    assert found.value == pytest.approx(0.430, abs=5e-4)


@pytest.mark.parametrize(
    ("ratings", "alpha"),
    [
        # Krippendorff (2011), section A: binary, two observers, ten articles.
        (([0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]), 0.095),
        # Section B: five names, two observers, twelve articles (a to e as 0 to 4).
        (
            (
                [0, 0, 1, 1, 3, 2, 2, 2, 4, 3, 3, 0],
                [1, 0, 1, 1, 1, 2, 2, 2, 4, 3, 3, 3],
            ),
            0.692,
        ),
        (FOUR_OBSERVERS, 0.743),
    ],
    ids=["A binary", "B nominal", "C with gaps"],
)
def test_alpha_of_the_paper(ratings: list[list[int]], alpha: float) -> None:
    found = krippendorff(counted(np.array(ratings), categories=6))

    assert found.value == pytest.approx(alpha, abs=5e-4)


def test_what_one_observer_alone_rated_is_left_out() -> None:
    # Unit 12 of the paper's example has one rating: eleven can be paired.
    assert krippendorff(counted(FOUR_OBSERVERS, categories=6)).items == 11


def test_all_agree_on_several_categories() -> None:
    agreed = np.array([[3, 0], [0, 3], [3, 0]])

    assert cohen(np.diag([4, 2])).value == 1
    assert fleiss(agreed).value == 1
    assert krippendorff(agreed).value == 1


def test_one_category_alone_leaves_every_coefficient_undefined() -> None:
    alone = np.array([[3, 0], [3, 0]])

    for found in (cohen(np.diag([4, 0])), fleiss(alone), krippendorff(alone)):
        assert found.value is None
        assert found.observed == 1
        assert found.items > 0


def test_two_who_always_contradict_each_other_are_below_chance() -> None:
    found = cohen(np.array([[0, 5], [5, 0]]))

    assert found.value == -1
    assert krippendorff(np.array([[1, 1]] * 10)).value == pytest.approx(-0.9)


def test_of_nothing_nothing_is_said() -> None:
    nothing = np.empty((0, 2), dtype=np.int64)

    for found in (cohen(np.zeros((2, 2), dtype=np.int64)), fleiss(nothing), krippendorff(nothing)):
        assert (found.value, found.observed, found.items) == (None, None, 0)
    assert krippendorff(np.array([[1, 0], [0, 1]])).items == 0


def test_rows_may_stand_for_many_things() -> None:
    patterns, times = np.array([[2, 0], [1, 1], [0, 2]]), np.array([40, 7, 13])
    every = np.repeat(patterns, times, axis=0)

    assert krippendorff(patterns, times=times) == krippendorff(every)
    assert fleiss(patterns, times=times) == fleiss(every)


def test_two_raters_without_gaps_are_near_each_other_in_every_coefficient() -> None:
    chance = np.random.default_rng(5)
    first = chance.integers(0, 3, 4000)
    second = np.where(chance.random(4000) < 0.7, first, chance.integers(0, 3, 4000))

    kappa = cohen(crossed(first, second, categories=3)).value
    both = counted(np.stack([first, second]), categories=3)

    assert kappa == pytest.approx(0.7, abs=0.03)
    assert fleiss(both).value == pytest.approx(kappa, abs=1e-3)
    assert krippendorff(both).value == pytest.approx(kappa, abs=1e-3)


def test_fleiss_kappa_refuses_gaps_and_names_what_takes_them() -> None:
    with pytest.raises(ValueError, match="there are 1 to 2; Krippendorff's alpha takes any"):
        fleiss(np.array([[2, 0], [1, 0]]))


@pytest.mark.parametrize(
    "wrong", [np.zeros((2, 3), dtype=np.int64), np.zeros(4, dtype=np.int64)], ids=["2x3", "flat"]
)
def test_a_table_of_two_raters_is_square(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="is square"):
        cohen(wrong)


def test_counts_below_nothing_and_weights_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="none is below 0"):
        krippendorff(np.array([[-1, 3]]))
    with pytest.raises(ValueError, match="1 weights do not fit 2 rows"):
        krippendorff(np.array([[1, 1], [2, 0]]), times=np.array([1]))
    with pytest.raises(ValueError, match="cannot be crossed"):
        crossed(np.array([1]), np.array([1, 0]), categories=2)
