"""Pairing boxes: by hand, against a slow reference, and within the bounds of the best pairing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from annotations.knowledge import matching
from annotations.knowledge.matching import Boxes, distinct, match, overlaps


def boxes(*rows: tuple[Any, ...]) -> Boxes:
    """Boxes from (image, label, left, top, right, bottom)."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 6)
    return Boxes(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2:])


def pairs(first: Boxes, second: Boxes, least: float = 0.5) -> list[tuple[int, int]]:
    found = match(first, second, least=least)
    return list(zip(found.first.tolist(), found.second.tolist(), strict=True))


def test_overlap_is_the_share_of_the_common_area() -> None:
    one = np.array([[0, 0, 2, 2], [0, 0, 2, 2], [0, 0, 2, 2], [0, 0, 1, 1]], dtype=float)
    other = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [2, 2, 3, 3], [5, 5, 6, 6]], dtype=float)

    assert overlaps(one, other).tolist() == pytest.approx([1, 1 / 3, 0, 0])


def test_boxes_without_area_overlap_with_nothing() -> None:
    flat = np.array([[1, 1, 1, 1]], dtype=float)

    assert overlaps(flat, flat).tolist() == [0]


def test_a_box_is_paired_with_the_one_that_covers_it_best() -> None:
    proposed = boxes((0, 0, 0, 0, 10, 10), (0, 0, 0, 0, 9, 10))
    truth = boxes((0, 0, 0, 0, 9, 10))

    found = match(proposed, truth)

    assert found.first.tolist() == [1]
    assert found.overlap.tolist() == [1.0]


def test_who_loses_the_best_box_gets_the_next_one() -> None:
    proposed = boxes((0, 0, 0, 0, 10, 10), (0, 0, 1, 0, 10, 10))
    truth = boxes((0, 0, 1, 0, 10, 10), (0, 0, 0, 0, 8, 10))

    assert pairs(proposed, truth) == [(0, 1), (1, 0)]


def test_only_boxes_of_one_image_and_one_label_are_paired() -> None:
    truth = boxes((0, 0, 0, 0, 4, 4))

    assert pairs(boxes((1, 0, 0, 0, 4, 4)), truth) == []
    assert pairs(boxes((0, 1, 0, 0, 4, 4)), truth) == []
    assert pairs(boxes((0, 0, 0, 0, 4, 4)), truth) == [(0, 0)]


def test_half_is_enough_and_less_is_not() -> None:
    truth = boxes((0, 0, 0, 0, 4, 4))

    assert pairs(boxes((0, 0, 0, 0, 4, 2)), truth) == [(0, 0)]
    assert pairs(boxes((0, 0, 0, 0, 4, 1.99)), truth) == []


def test_of_equal_overlaps_the_first_of_the_first_set_wins() -> None:
    same = (0, 0, 0, 0, 4, 4)

    assert pairs(boxes(same, same), boxes(same)) == [(0, 0)]
    assert pairs(boxes(same), boxes(same, same)) == [(0, 0)]
    assert pairs(boxes(same, same), boxes(same, same)) == [(0, 0), (1, 1)]


def test_nothing_is_paired_with_nothing() -> None:
    assert pairs(boxes(), boxes((0, 0, 0, 0, 1, 1))) == []
    assert pairs(boxes((0, 0, 0, 0, 1, 1)), boxes()) == []
    assert pairs(boxes(), boxes()) == []


def test_arrays_that_do_not_belong_together_are_refused() -> None:
    none = np.empty(0, dtype=np.int64)
    with pytest.raises(ValueError, match="are not the same boxes"):
        Boxes(none, none, np.empty((1, 4)))


def test_one_bird_that_two_providers_found_is_kept_once() -> None:
    found = boxes(
        (0, 0, 0, 0, 10, 10),
        (0, 0, 0, 1, 10, 10),  # the same bird
        (0, 1, 0, 0, 10, 10),  # another label
        (1, 0, 0, 0, 10, 10),  # another image
        (0, 0, 8, 0, 18, 10),  # beside it
    )

    assert distinct(found).tolist() == [True, False, True, True, True]


def test_a_box_that_goes_takes_nobody_with_it() -> None:
    # The second goes for the first; the third overlaps the second alone.
    chain = boxes((0, 0, 0, 0, 10, 10), (0, 0, 3, 0, 13, 10), (0, 0, 6, 0, 16, 10))

    assert distinct(chain).tolist() == [True, False, True]


def greedy_by_hand(first: Boxes, second: Boxes) -> list[tuple[int, int]]:
    candidates = []
    for i in range(len(first)):
        for j in range(len(second)):
            if (first.images[i], first.labels[i]) == (second.images[j], second.labels[j]):
                overlap = overlaps(first.edges[i : i + 1], second.edges[j : j + 1])[0]
                if overlap >= matching.SAME:
                    candidates.append((-overlap, i, j))
    taken: list[tuple[int, int]] = []
    for _, i, j in sorted(candidates):
        if all(i != one and j != other for one, other in taken):
            taken.append((i, j))
    return sorted(taken)


# Few places, so that boxes overlap, tie and repeat.
corner = st.integers(0, 3)
a_box = st.tuples(st.integers(0, 1), st.integers(0, 1), corner, corner, corner, corner).map(
    lambda b: (b[0], b[1], b[2], b[3], b[2] + b[4] + 1, b[3] + b[5] + 1)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(a_box, max_size=12), st.lists(a_box, max_size=12))
def test_pairs_are_those_of_going_down_the_list(one: list[Any], other: list[Any]) -> None:
    first, second = boxes(*one), boxes(*other)

    assert pairs(first, second) == greedy_by_hand(first, second)


@settings(max_examples=100, deadline=None)
@given(st.lists(a_box, max_size=10), st.lists(a_box, max_size=10))
def test_pairs_are_at_least_half_of_the_best_pairing(one: list[Any], other: list[Any]) -> None:
    first, second = boxes(*one), boxes(*other)
    worth = np.zeros((len(first), len(second)))
    for i in range(len(first)):
        for j in range(len(second)):
            if (first.images[i], first.labels[i]) == (second.images[j], second.labels[j]):
                overlap = overlaps(first.edges[i : i + 1], second.edges[j : j + 1])[0]
                worth[i, j] = overlap if overlap >= matching.SAME else 0
    best = worth[linear_sum_assignment(worth, maximize=True)].sum()
    most = (worth > 0)[linear_sum_assignment(worth > 0, maximize=True)].sum()

    found = match(first, second)

    assert best / 2 - 1e-9 <= found.overlap.sum() <= best + 1e-9
    assert most / 2 <= len(found) <= most


def some_boxes(chance: np.random.Generator) -> Boxes:
    corners = chance.uniform(0, 5, (400, 2))
    edges = np.hstack([corners, corners + chance.uniform(2, 4, (400, 2))])
    return Boxes(chance.integers(0, 20, 400), chance.integers(0, 2, 400), edges)


def test_portions_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(3)
    first, second = (some_boxes(chance) for _ in range(2))
    whole, kept = pairs(first, second), distinct(first)

    monkeypatch.setattr(matching, "MOST_PAIRS", 50)

    assert len(whole) > 50
    assert pairs(first, second) == whole
    assert (distinct(first) == kept).all()
