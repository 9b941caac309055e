"""Figures of a mask: equal to scikit-image and scipy, and right where the answer is known."""

from typing import Any

import numpy as np
import pytest

from imaging.analysis.rectangle import largest_rectangle
from tests.imaging.analysis import reference
from tests.imaging.analysis.masks import Bytes, figures_of, random_mask


def close(expected: Any) -> Any:
    """Within 1e-5, or absent on both sides."""
    return None if expected is None else pytest.approx(expected, rel=1e-5, abs=1e-6)


def assert_equal_to_reference(mask: Bytes) -> None:
    """Every field within 1e-5 of the plain implementation."""
    ours, plain = figures_of(mask), reference.figures_of(mask)
    for name in ("figure_count", "hole_count", "ground_count", "euler"):
        assert ours[name] == plain[name], name
    for name in ("void_ratio", "figure_ratio", "open_ratio", "enclosed_ratio", "symmetry_lr"):
        assert ours[name] == close(plain[name]), name
    assert ours["box_dimension"] == close(plain["box_dimension"])
    for pieces in ("figures", "holes"):
        assert [row_of(piece) for piece in ours[pieces]] == [
            pytest.approx(row, rel=1e-5) for row in plain[pieces]
        ]
    lacunarity = [(entry["r"], entry["value"]) for entry in ours["lacunarity"]]
    assert lacunarity == [(r, pytest.approx(value, rel=1e-5)) for r, value in plain["lacunarity"]]
    assert_same_composition(ours, plain)
    assert_same_clearance(ours, plain)


def row_of(piece: dict[str, Any]) -> tuple[float, ...]:
    """A listed piece in the order of the reference's table."""
    box, centre = piece["bbox"], piece["centroid"]
    return piece["area"], box["x"], box["y"], box["w"], box["h"], centre["x"], centre["y"]


def assert_same_composition(ours: dict[str, Any], plain: dict[str, Any]) -> None:
    """Margins, balance and thirds."""
    margins = ours["margins"]
    assert plain["margins"] == (
        margins and tuple(margins[side] for side in ("top", "right", "bottom", "left"))
    )
    balance = ours["balance"] and (ours["balance"]["x"], ours["balance"]["y"])
    assert balance == close(plain["balance"])
    for row, expected in zip(ours["thirds"]["void"], plain["thirds"], strict=True):
        assert row == [close(value) for value in expected]


def assert_same_clearance(ours: dict[str, Any], plain: dict[str, Any]) -> None:
    """Circle, rectangle, percentiles and histogram."""
    rectangle = ours["largest_empty_rect"]
    area = rectangle["w"] * rectangle["h"] if rectangle else 0
    assert area == plain["largest_empty_rect_area"]
    circle, clearance = ours["largest_empty_circle"], ours["clearance"]
    if plain["circle"] is None:
        assert circle is None
        assert clearance is None
        return
    assert (circle["cx"], circle["cy"], circle["r"]) == pytest.approx(plain["circle"], rel=1e-5)
    for name, value in plain["clearance"].items():
        assert clearance[name] == pytest.approx(value, rel=1e-5), name
    assert clearance["histogram"]["shares"] == pytest.approx(plain["shares"], abs=1e-5)


@pytest.mark.parametrize("block", range(10))
def test_three_hundred_random_masks_agree_with_scikit_image(block: int) -> None:
    for seed in range(block * 30, block * 30 + 30):
        assert_equal_to_reference(random_mask(seed))


@pytest.mark.parametrize(
    "mask",
    [
        np.zeros((1, 1), np.uint8),
        np.ones((1, 1), np.uint8),
        np.zeros((2, 2), np.uint8),
        np.eye(2, dtype=np.uint8),
        np.zeros((1, 300), np.uint8),
        np.ones((300, 1), np.uint8),
        np.zeros((65, 131), np.uint8),
        np.ones((64, 130), np.uint8),
    ],
    ids=lambda mask: f"{mask.shape[1]}x{mask.shape[0]} of {mask[0, 0]}",
)
def test_degenerate_masks_agree_with_scikit_image(mask: Bytes) -> None:
    assert_equal_to_reference(mask)


def test_a_mask_of_several_hundred_pixels_uses_every_scale_and_agrees() -> None:
    rng = np.random.default_rng(5)
    coarse = rng.random((18, 13)) > 0.6
    assert_equal_to_reference(np.kron(coarse, np.ones((31, 29), np.uint8)).astype(np.uint8))


@pytest.mark.parametrize("seed", range(120))
def test_the_largest_rectangle_is_that_of_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = (int(n) for n in rng.integers(1, 10, 2))
    mask = (rng.random((rows, columns)) < rng.uniform(0.02, 0.95)).astype(np.uint8)
    x, y, width, height = largest_rectangle(mask)

    best = max(
        (
            (bottom - top) * (right - left)
            for top in range(rows)
            for bottom in range(top + 1, rows + 1)
            for left in range(columns)
            for right in range(left + 1, columns + 1)
            if not mask[top:bottom, left:right].any()
        ),
        default=0,
    )
    assert width * height == best
    assert not mask[y : y + height, x : x + width].any()


def test_the_box_of_one_pixel_has_lacunarity_one_over_the_void_ratio() -> None:
    from imaging.analysis.lacunarity import box_moments, lacunarity

    mask = random_mask(11)
    sums = box_moments(mask, np.array([1]), 0, mask.shape[0])

    assert lacunarity(sums[0], 1, *mask.shape) == pytest.approx(1 / (1 - mask.mean()))


def test_the_circle_inside_a_ring_has_the_ring_s_radius() -> None:
    ys, xs = np.mgrid[:401, :401]
    away = np.hypot(xs - 200, ys - 200)
    data = figures_of((away >= 150).astype(np.uint8))

    circle = data["largest_empty_circle"]
    assert (circle["cx"], circle["cy"]) == (200.5, 200.5)
    assert circle["r"] == pytest.approx(150, abs=0.01)
    assert (data["hole_count"], data["euler"]) == (1, 0)
    assert data["open_ratio"] == 0


def test_a_chessboard_is_one_figure_and_as_many_grounds_as_fields() -> None:
    board = (np.indices((8, 8)).sum(axis=0) % 2).astype(np.uint8)
    data = figures_of(board)

    assert (data["figure_count"], data["ground_count"]) == (1, 32)
    assert data["hole_count"] == 18
    assert data["euler"] == 1 - 18


def test_a_straight_edge_has_outline_dimension_one() -> None:
    mask = np.zeros((256, 256), np.uint8)
    mask[128:] = 1

    assert figures_of(mask)["box_dimension"] == pytest.approx(1.0)


def test_the_sierpinski_carpet_has_its_known_outline_dimension() -> None:
    carpet = np.ones((1, 1), np.uint8)
    hole = np.ones((3, 3), np.uint8)
    hole[1, 1] = 0
    for _ in range(6):
        carpet = np.kron(hole, carpet)

    assert figures_of(carpet)["box_dimension"] == pytest.approx(np.log(8) / np.log(3), abs=0.1)


def test_uniform_ground_has_lacunarity_one_and_no_slope() -> None:
    data = figures_of(np.zeros((300, 300), np.uint8))

    assert [entry["value"] for entry in data["lacunarity"]] == [1.0] * 8
    assert data["log_slope"] == 0
    assert data["clearance"]["max"] == 150


@pytest.mark.parametrize("seed", [1, 8, 20])
def test_mirroring_moves_what_has_a_side_and_keeps_the_rest(seed: int) -> None:
    mask = random_mask(seed)
    here, there = figures_of(mask), figures_of(mask[:, ::-1])

    assert there["balance"]["x"] == pytest.approx(-here["balance"]["x"], abs=1e-6)
    assert there["balance"]["y"] == here["balance"]["y"]
    assert there["margins"]["left"] == here["margins"]["right"]
    for name in ("void_ratio", "euler", "symmetry_lr", "lacunarity", "clearance", "hole_count"):
        assert there[name] == here[name], name
    assert there["largest_empty_circle"]["r"] == here["largest_empty_circle"]["r"]


@pytest.mark.parametrize("seed", [2, 9, 31])
def test_turning_swaps_the_axes_and_keeps_the_rest(seed: int) -> None:
    mask = random_mask(seed)
    here, there = figures_of(mask), figures_of(np.rot90(mask))

    assert there["balance"]["y"] == pytest.approx(-here["balance"]["x"], abs=1e-6)
    assert there["margins"]["top"] == here["margins"]["right"]
    for name in ("void_ratio", "euler", "lacunarity", "figure_count", "open_ratio"):
        assert there[name] == here[name], name
    assert there["clearance"] == here["clearance"]


def test_lengths_are_in_source_pixels_and_areas_never_exceed_the_picture() -> None:
    mask = random_mask(4)
    small, large = figures_of(mask), figures_of(mask, factor=4)

    assert large["largest_empty_circle"]["r"] == pytest.approx(
        4 * small["largest_empty_circle"]["r"]
    )
    assert large["largest_empty_rect"]["w"] == 4 * small["largest_empty_rect"]["w"]
    assert large["figures"][0]["area"] == 16 * small["figures"][0]["area"]
    assert large["void_ratio"] == small["void_ratio"]
    assert [e["r"] for e in large["lacunarity"]] == [4 * e["r"] for e in small["lacunarity"]]


@pytest.mark.parametrize("seed", range(6))
def test_more_threads_change_nothing(seed: int) -> None:
    coarse = random_mask(seed)
    mask = np.kron(coarse, np.ones((9, 7), np.uint8)).astype(np.uint8)

    assert figures_of(mask, threads=4) == figures_of(mask, threads=1)


def test_only_the_hundred_largest_pieces_are_listed_and_all_are_counted() -> None:
    mask = np.zeros((60, 60), np.uint8)
    mask[::3, ::3] = 1
    data = figures_of(mask)

    assert data["figure_count"] == 400
    assert len(data["figures"]) == 100
    assert data["figures"][0]["bbox"] == {"x": 0, "y": 0, "w": 1, "h": 1}
