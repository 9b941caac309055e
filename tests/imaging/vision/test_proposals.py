"""Boxes around figures: what is one thing, what is none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from imaging.analysis import ImageFacts, Parameters, Picture
from imaging.analysis.team import team_of
from imaging.vision.proposals import Proposal, Rules, propose, united

PUBLISHED = Rules()


def drawn(*boxes: tuple[int, int, int, int], rows: int = 360, columns: int = 480) -> Picture:
    """Dark rectangles (left, top, right, bottom) on a light ground."""
    rgb = np.full((rows, columns, 3), 210, np.uint8)
    for left, top, right, bottom in boxes:
        rgb[top:bottom, left:right] = (60, 40, 30)
    facts = ImageFacts(columns, rows, "PNG", "image/png", "RGB", 8, 1, False, 1)
    return Picture(rgb, None, columns, rows, 1, facts)


def proposed(picture: Picture, rules: Rules = PUBLISHED) -> list[Proposal]:
    with team_of(1) as team:
        return propose(picture, Parameters(), rules, team)[0]


def table(*boxes: tuple[int, ...]) -> NDArray[np.int64]:
    return np.array(boxes, np.int64).reshape(-1, 5)


def test_a_figure_has_one_box_that_fits() -> None:
    (found,) = proposed(drawn((100, 80, 200, 180)))

    assert found.box == pytest.approx((100, 80, 200, 180), abs=5)
    assert found.fill > 0.9
    assert found.share == pytest.approx(10_000 / (360 * 480), rel=0.15)
    assert found.raw > 0.9
    assert not found.on_frame


def test_a_figure_that_leaves_the_picture_says_so() -> None:
    (found,) = proposed(drawn((300, 100, 480, 220)))

    assert found.on_frame
    assert found.right == 480


def test_pieces_with_a_narrow_gap_are_one_thing_and_with_a_wide_one_two() -> None:
    assert len(proposed(drawn((100, 80, 150, 180), (162, 80, 210, 180)), Rules(closed=0.05))) == 1
    assert len(proposed(drawn((100, 80, 150, 180), (190, 80, 240, 180)))) == 2


def test_a_piece_within_the_box_of_another_belongs_to_it() -> None:
    ring = ((60, 60, 260, 90), (60, 60, 90, 260), (60, 230, 260, 260), (230, 60, 260, 260))

    found = proposed(drawn(*ring, (140, 140, 180, 180)))

    assert len(found) == 1
    assert found[0].box == pytest.approx((60, 60, 260, 260), abs=5)


def test_specks_are_nothing() -> None:
    assert len(proposed(drawn((100, 80, 200, 180), (300, 300, 308, 308)))) == 1
    assert len(proposed(drawn((300, 300, 308, 308)), Rules(least=0.0, speck=0.0))) == 1


def test_the_largest_are_kept_and_the_others_counted() -> None:
    sizes = (30, 70, 40, 60, 50)
    picture = drawn(*((10 + 92 * i, 100, 10 + 92 * i + s, 100 + s) for i, s in enumerate(sizes)))

    with team_of(1) as team:
        found, left_out = propose(picture, Parameters(), Rules(most=3), team)

    assert [round((one.right - one.left) / 10) * 10 for one in found] == [70, 60, 50]
    assert left_out == 2


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_even_picture_has_no_box(level: int) -> None:
    picture = drawn()
    facts = picture.facts
    even = Picture(np.full((360, 480, 3), level, np.uint8), None, 480, 360, 1, facts)

    assert proposed(even) == []


def test_boxes_are_united_until_no_two_belong_together() -> None:
    chain = table((0, 0, 10, 10, 5), (6, 0, 16, 10, 5), (12, 0, 22, 10, 5), (50, 50, 60, 60, 7))

    assert united(chain, 0.3).tolist() == [[0, 0, 22, 10, 15], [50, 50, 60, 60, 7]]
    assert united(chain, 0.5).tolist() == chain.tolist()
    assert united(table(), 0.5).tolist() == []


def test_united_boxes_never_share_what_would_unite_them() -> None:
    rng = np.random.default_rng(3)
    for _ in range(100):
        corner = rng.integers(0, 80, (20, 2))
        size = rng.integers(1, 30, (20, 2))
        boxes = np.concatenate([corner, corner + size, rng.integers(1, 9, (20, 1))], axis=1)

        found = united(boxes, 0.5)

        assert found[:, 4].sum() == boxes[:, 4].sum()
        assert united(found, 0.5).tolist() == found.tolist()
        for i, one in enumerate(found):
            for other in found[:i]:
                sides = np.minimum(one[2:4], other[2:4]) - np.maximum(one[:2], other[:2])
                areas = [int((box[2:4] - box[:2]).prod()) for box in (one, other)]
                assert int(np.maximum(sides, 0).prod()) < 0.5 * min(areas)
