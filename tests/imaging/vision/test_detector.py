"""From a picture to the detector's boxes, and from its maps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.vision import detector_weights
from imaging.vision.detector import (
    BIRD,
    CELLS,
    CLASSES,
    LEAST,
    MOST,
    Detection,
    Detector,
    birds_of,
    levels,
    overlap,
)
from imaging.vision.errors import AnswerMalformed
from imaging.vision.session import Levels
from tests.imaging.vision.models import bright_spots, detector_like, spot

Maps = tuple[Levels, Levels]


def maps(*things: tuple[int, int, int, float], reach: float = 40) -> Maps:
    """Class, row, column and score of things that reach equally far to each side, in pixels."""
    scores = np.zeros((CLASSES, CELLS, CELLS), np.float32)
    for kind, row, column, score in things:
        scores[kind, row, column] = score
    return scores, np.full((4, CELLS, CELLS), reach, np.float32)


def test_a_peak_is_a_box_around_its_cell() -> None:
    scores, reach = maps((BIRD, 64, 32, 0.75))
    reach[:, 64, 32] = (20, 30, 40, 50)

    (found,), left_out = birds_of(scores, reach)

    assert left_out == 0
    edges = [edge * 512 for edge in (found.left, found.top, found.right, found.bottom)]
    assert edges == pytest.approx([128 - 20, 256 - 30, 128 + 40, 256 + 50])
    assert found.score == 0.75


def test_a_box_ends_with_the_picture() -> None:
    (found,), _ = birds_of(*maps((BIRD, 0, 127, 0.5), reach=90))

    assert (found.top, found.right) == (0, 1)
    assert found.left == pytest.approx((508 - 90) / 512)
    assert found.bottom == pytest.approx(90 / 512)


@pytest.mark.parametrize("reach", [0.0, -20.0])
def test_a_box_without_an_inside_is_none(reach: float) -> None:
    assert birds_of(*maps((BIRD, 64, 64, 0.9), reach=reach)) == ([], 0)


def test_only_what_reaches_the_least_score_counts() -> None:
    below = float(np.nextafter(np.float32(LEAST), np.float32(0)))

    assert birds_of(*maps((BIRD, 64, 64, below)))[0] == []
    assert len(birds_of(*maps((BIRD, 64, 64, LEAST + 0.001)))[0]) == 1


@pytest.mark.parametrize(("row", "column"), [(64, 64), (63, 65), (65, 64)])
def test_what_is_rather_something_else_is_no_bird(row: int, column: int) -> None:
    assert birds_of(*maps((BIRD, 64, 64, 0.6), (15, row, column, 0.61)))[0] == []
    assert len(birds_of(*maps((BIRD, 64, 64, 0.6), (15, row, column, 0.59)))[0]) == 1


def test_something_else_further_away_does_not_matter() -> None:
    assert len(birds_of(*maps((BIRD, 64, 64, 0.6), (15, 64, 66, 0.9)))[0]) == 1


def test_of_two_boxes_of_one_bird_the_better_stays_and_neighbours_stay_both() -> None:
    same, _ = birds_of(*maps((BIRD, 64, 64, 0.6), (BIRD, 64, 67, 0.8)))
    two, _ = birds_of(*maps((BIRD, 64, 64, 0.6), (BIRD, 64, 80, 0.8)))

    assert [one.score for one in same] == pytest.approx([0.8])
    assert [one.score for one in two] == pytest.approx([0.8, 0.6])


def test_a_flock_is_cut_and_it_says_by_how_many() -> None:
    flock = [(BIRD, 4 + 12 * (i // 10), 4 + 12 * (i % 10), 0.4 + i / 100) for i in range(50)]

    found, left_out = birds_of(*maps(*flock, reach=15))

    assert (len(found), left_out) == (MOST, 50 - MOST)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert found[-1].score == pytest.approx(0.6)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("which", [0, 1])
def test_numbers_that_are_none_are_refused(number: float, which: int) -> None:
    both = maps((BIRD, 64, 64, 0.6))
    both[which][3, 100, 7] = number

    with pytest.raises(AnswerMalformed, match="numbers that are none"):
        birds_of(*both)


@pytest.mark.parametrize("score", [1.5, -0.5])
def test_scores_that_are_none_are_refused(score: float) -> None:
    with pytest.raises(AnswerMalformed, match="scores beyond 0 to 1"):
        birds_of(*maps((3, 5, 5, score)))


@pytest.mark.parametrize("shapes", [((80, 64, 64), (4, 64, 64)), ((79, 128, 128), (4, 128, 128))])
def test_maps_of_another_shape_are_refused(shapes: tuple[Any, Any]) -> None:
    with pytest.raises(AnswerMalformed, match=r"maps of .* not of \(80, 128, 128\)"):
        birds_of(*(np.zeros(shape, np.float32) for shape in shapes))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0, 2000))
def test_whatever_the_maps_hold_boxes_lie_within_the_picture(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    scores = np.zeros((CLASSES, CELLS, CELLS), np.float32)
    scores[BIRD] = rng.random((CELLS, CELLS)) ** 8
    reach = rng.normal(scale=scale, size=(4, CELLS, CELLS)).astype(np.float32)

    found, left_out = birds_of(scores, reach)

    assert len(found) <= MOST
    assert left_out == 0 or len(found) == MOST
    for number, one in enumerate(found):
        assert 0 <= one.left < one.right <= 1
        assert 0 <= one.top < one.bottom <= 1
        assert LEAST <= one.score <= 1
        assert all(overlap(one, other) <= 0.5 for other in found[:number])


def test_overlap_is_of_what_both_cover() -> None:
    left, right = Detection(0, 0, 0.4, 0.2, 0.5), Detection(0.2, 0, 0.6, 0.2, 0.5)

    assert overlap(left, left) == 1
    assert overlap(left, right) == pytest.approx(1 / 3)
    assert overlap(left, Detection(0.4, 0, 0.6, 0.2, 0.5)) == 0


@pytest.mark.parametrize("size", [(1, 1), (3, 2000), (512, 512), (700, 1024), (300, 400)])
def test_a_picture_of_any_size_is_stretched_to_the_square(size: tuple[int, int]) -> None:
    rgb = np.zeros((*size, 3), np.uint8)
    rgb[..., 1], rgb[..., 2] = 120, 255

    square = levels(rgb)

    assert square.shape == (3, 512, 512)
    assert square.dtype == np.float32
    assert square.flags.c_contiguous
    assert [float(one) for one in (square[0].max(), square[1].mean(), square[2].min())] == [
        *(0, 120, 255)
    ]


def test_a_picture_of_another_size_is_refused_by_the_network() -> None:
    model = detector_like()
    detector = Detector(detector_weights.converted(model.document(), model.data))

    with pytest.raises(ValueError, match=r"\(3, 10, 10\); it must be \(3, 512, 512\)"):
        detector.maps(np.zeros((3, 10, 10), np.float32))


def test_a_bright_spot_is_found_where_it_is_and_always_the_same() -> None:
    model = bright_spots()
    detector = Detector(detector_weights.converted(model.document(), model.data))
    rgb = spot(300, 400, at=(100, 280))

    (found,), left_out = detector.birds(rgb)

    assert left_out == 0
    assert ((found.top + found.bottom) * 150, (found.left + found.right) * 200) == pytest.approx(
        (100, 280), abs=3
    )
    assert found.right - found.left == pytest.approx(0.25, abs=0.01)
    assert found.score > 0.8
    assert detector.birds(rgb.copy()) == ([found], left_out)
