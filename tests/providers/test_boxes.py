"""No number and no label of a provider is believed."""

from __future__ import annotations

import itertools
import math
import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import boxes
from providers.boxes import Checked, Found, plain
from providers.interface import LONGEST_LABEL, MOST_BOXES

GOOD = Found(0.1, 0.2, 0.5, 0.8, "crow", 0.9)


def _check(*found: Found, labels: tuple[str, ...] = ()) -> Checked:
    return boxes.check(found, across=1, down=1, labels=labels)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"confidence": 1.7}, "its confidence 1.7 is not between 0 and 1"),
        ({"confidence": 90}, "its confidence 90 is not between 0 and 1"),
        ({"confidence": -0.1}, "its confidence -0.1 is not between 0 and 1"),
        ({"confidence": math.nan}, "its confidence is not a finite number"),
        ({"confidence": None}, "its confidence is not a number"),
        ({"confidence": "0.9"}, "its confidence is not a number"),
        ({"confidence": True}, "its confidence is not a number"),
        ({"left": math.nan}, "its left edge is not a finite number"),
        ({"right": math.inf}, "its right edge is not a finite number"),
        ({"bottom": 10**400}, "its bottom edge is not a finite number"),
        ({"top": [0]}, "its top edge is not a number"),
        ({"right": 0.1}, "it has no area (left 0.1, right 0.1)"),
        ({"bottom": 0.1}, "it has no area (top 0.2, bottom 0.1)"),
        ({"left": 0.1, "right": 0.1 + 1e-9}, "it has no area within the picture"),
        ({"left": -0.4, "right": -0.1}, "it lies outside the picture"),
        ({"top": 1.0, "bottom": 1.2}, "it lies outside the picture"),
        (
            {"right": 500},
            "it lies far outside the picture (left 0.1, right 500 of its size)",
        ),
    ],
)
def test_what_cannot_be_meant_is_left_out(change: dict[str, Any], reason: str) -> None:
    checked = _check(replace(GOOD, **change), GOOD)

    assert len(checked.boxes) == 1
    assert checked.remarks == (f"Box 1 was left out: {reason}.",)


def test_a_box_that_reaches_out_is_clipped() -> None:
    checked = _check(replace(GOOD, left=-0.2, bottom=1.1))

    (box,) = checked.boxes
    assert (box.left, box.top, box.width, box.height) == (0, 0.2, 0.5, 0.8)
    assert checked.remarks == ("Box 1: it reached out of the picture and was clipped.",)


def test_only_what_lies_far_outside_counts_as_another_scale() -> None:
    assert _check(replace(GOOD, right=640)).off_scale == 1
    assert _check(replace(GOOD, left=-0.4, right=-0.1)).off_scale == 0
    assert _check(replace(GOOD, confidence=90)).off_scale == 0


def test_units_are_divided_once() -> None:
    (box,) = boxes.check([Found(64, 96, 320, 384, "", 1)], across=640, down=480).boxes

    assert (box.left, box.top, box.width, box.height) == (0.1, 0.2, 0.4, 0.6)


def test_a_label_is_spelled_as_in_the_list() -> None:
    checked = _check(replace(GOOD, label="  CROW "), labels=("crow", "gull"))

    assert checked.boxes[0].label == "crow"
    assert checked.remarks == ()


def test_a_label_that_was_not_to_be_chosen_is_emptied_and_not_repeated() -> None:
    checked = _check(replace(GOOD, label="cat"), labels=("crow", "gull"))

    assert checked.boxes[0].label == ""
    assert checked.remarks == ("Box 1: its label is none of those to choose from and was emptied.",)


@pytest.mark.parametrize(("label", "told"), [(None, 0), ("", 0), (7, 1), (["crow"], 1)])
def test_a_box_without_a_label_is_a_box(label: object, told: int) -> None:
    checked = _check(replace(GOOD, label=label), labels=("crow",))

    assert checked.boxes[0].label == ""
    assert len(checked.remarks) == told


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("crow", "crow"),
        ("<script>alert(1)</script>crow", "alert(1) crow"),
        ("a < b > c", "a c"),
        ("a <b", "a b"),
        ("line\r\none\ttwo", "line one two"),
        ("nul\0bell\x07", "nul bell"),
        ("\u202egnorw\u202c", "gnorw"),
        ("half \ud800 a character", "half a character"),
        ("\ufeffzero\u200bwidth", "zero width"),
        ("cafe\u0301", "caf\u00e9"),
        ("   ", ""),
        ("x" * 1000, "x" * LONGEST_LABEL),
        ("<" * 100_000, ""),
    ],
)
def test_a_text_becomes_plain(text: str, clean: str) -> None:
    assert plain(text) == clean


@given(st.text(max_size=400))
def test_whatever_is_written_is_short_printable_and_no_markup(text: str) -> None:
    clean = plain(text)

    assert len(clean) <= LONGEST_LABEL
    assert not set("<>") & set(clean)
    assert not [char for char in clean if unicodedata.category(char)[0] == "C"]
    assert plain(clean) == clean


def test_the_same_box_twice_is_one_and_its_higher_confidence_stands() -> None:
    checked = _check(GOOD, replace(GOOD, confidence=0.95), replace(GOOD, label="gull"))

    assert [(box.label, box.confidence) for box in checked.boxes] == [
        ("crow", 0.95),
        ("gull", 0.9),
    ]
    assert checked.remarks == ("Box 2 was left out: it repeats box 1.",)


def test_of_too_many_boxes_the_most_confident_are_kept_in_order() -> None:
    found = [
        replace(GOOD, right=0.2 + number / 20_000, confidence=(number % 100) / 100)
        for number in range(10_000)
    ]

    checked = _check(*found)

    assert len(checked.boxes) == MOST_BOXES
    assert min(box.confidence for box in checked.boxes) == 0.95
    assert [box.width for box in checked.boxes] == sorted(box.width for box in checked.boxes)
    assert checked.remarks == (
        "10000 boxes are more than the 500 that are kept: the 9500 least confident were left out.",
    )


def test_a_list_without_end_is_looked_at_to_some_length_only() -> None:
    endless = itertools.repeat(replace(GOOD, confidence="x"))

    checked = boxes.check(endless, across=1, down=1)

    assert checked.boxes == ()
    assert checked.remarks[0] == "Of more than 20000 boxes the first 20000 were looked at."
    assert len(checked.remarks) == boxes.MOST_REMARKS + 1


def test_remarks_do_not_grow_without_end() -> None:
    checked = _check(*[replace(GOOD, confidence=2)] * 10_000)

    assert len(checked.remarks) == boxes.MOST_REMARKS + 1
    assert checked.remarks[-1] == "9900 more remarks of this kind were left out."


numbers = st.one_of(
    st.floats(-2, 3),
    st.floats(),
    st.integers(-5, 2000),
    st.none(),
    st.text(max_size=3),
    st.booleans(),
)


@given(
    st.lists(
        st.builds(Found, numbers, numbers, numbers, numbers, st.text(max_size=9), numbers),
        max_size=20,
    ),
    st.sampled_from([(1, 1), (1000, 1000), (640, 480)]),
)
def test_whatever_is_found_what_is_kept_lies_within_the_picture(
    found: list[Found], units: tuple[int, int]
) -> None:
    checked = boxes.check(found, across=units[0], down=units[1])

    for box in checked.boxes:
        assert 0 <= box.left < box.left + box.width <= 1
        assert 0 <= box.top < box.top + box.height <= 1
        assert 0 <= box.confidence <= 1
    assert len(checked.boxes) + sum("left out" in text for text in checked.remarks) == len(found)
