"""The line around the healthy rows."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from monitoring.admin.region import FEWEST, Loop, core, hull, region


def inside(loops: list[Loop], points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points lie in an odd number of the lines, the plain way."""
    found = np.zeros(len(points), bool)
    for loop in loops:
        corners = np.array(loop)
        for one, other in zip(corners, np.roll(corners, 1, axis=0), strict=True):
            spans = (one[1] > points[:, 1]) != (other[1] > points[:, 1])
            if one[1] != other[1]:
                cross = one[0] + (points[:, 1] - one[1]) * (other[0] - one[0]) / (other[1] - one[1])
                found ^= spans & (points[:, 0] < cross)
    return found


def test_the_region_holds_nearly_all_healthy_rows_and_no_far_place() -> None:
    points = np.random.default_rng(1).normal(size=(2000, 2)) * (1.0, 3.0)

    loops = region(points)

    assert 0.97 <= inside(loops, points).mean() <= 1
    far = np.array([[6.0, 0.0], [0.0, 18.0], [-6.0, -18.0]])
    assert not inside(loops, far).any()


def test_two_groups_have_a_line_each_and_the_gap_is_outside() -> None:
    chance = np.random.default_rng(2)
    points = chance.normal(size=(1000, 2)) + np.where(np.arange(1000)[:, None] % 2, 0, (20.0, 0.0))

    loops = [loop for loop in region(points) if len(loop) > 12]

    assert len(loops) >= 2
    assert not inside(loops, np.array([[10.0, 0.0]])).any()


def test_every_line_is_closed_and_finite() -> None:
    points = np.random.default_rng(3).uniform(size=(200, 2))

    for loop in region(points):
        steps = np.linalg.norm(np.diff(np.array([*loop, loop[0]]), axis=0), axis=1)
        assert np.isfinite(steps).all()
        assert steps.max() < 0.1


def test_few_rows_have_their_hull() -> None:
    square = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0], [1.0, 1.0]])

    assert region(square) == [[(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)]]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_rows_have_no_region(count: int) -> None:
    assert region(np.zeros((count, 2))) == []


def test_rows_on_one_line_have_a_hull_of_its_ends() -> None:
    line = np.stack((np.arange(FEWEST + 5.0), np.zeros(FEWEST + 5)), axis=1)

    assert hull(line) == [(0.0, 0.0), (FEWEST + 4.0, 0.0)]
    assert len(region(line)) == 1


def test_a_few_rows_far_away_stretch_neither_region_nor_core() -> None:
    near = np.random.default_rng(4).normal(size=(2000, 2))
    points = np.concatenate((near, [[900.0, 0.0], [0.0, -700.0], [-800.0, 800.0]]))

    loops, (low, high) = region(points), core(points)

    assert 0.95 <= inside(loops, near).mean() <= 1
    assert not inside(loops, np.array([[6.0, 0.0], [900.0, 0.0]])).any()
    assert (np.abs(np.concatenate((low, high))) < 6).all()
    assert (inside(loops, near) <= ((near >= low) & (near <= high)).all(axis=1)).mean() > 0.99


def test_the_core_is_no_larger_than_the_places() -> None:
    points = np.random.default_rng(5).uniform(size=(50, 2))

    low, high = core(points)

    assert (low == points.min(axis=0)).all()
    assert (high == points.max(axis=0)).all()
    assert core(np.empty((0, 2)))[0].tolist() == [0.0, 0.0]
