"""Rendered pictures: sizes, transparency, and that what they show is where it should be."""

import io
import re
from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from imaging.analysis import (
    Analysis,
    Limits,
    Parameters,
    Picture,
    analyse,
    decode,
    histogram_svg,
    margins_svg,
    perceptual_hash,
    render_layer_ground,
    render_layer_outline,
    render_preview,
    render_thumbnail,
    render_visualization,
    shapes_svg,
)
from tests.imaging.analysis.files import Bytes, blob_picture, encoded, slanted


def analysed(rgb: Bytes) -> tuple[Picture, Analysis]:
    """A picture and its analysis."""
    picture = decode(encoded(rgb), limits=Limits(), working_edge=2048)
    return picture, analyse(picture, Parameters())


def opened(data: bytes) -> Image.Image:
    """A rendered file, decoded; it must be WebP."""
    image = Image.open(io.BytesIO(data))
    assert image.format == "WEBP"
    image.load()
    return image


def test_preview_and_thumbnail_keep_the_shape_and_the_limit() -> None:
    picture, _ = analysed(blob_picture(600, 900))

    assert opened(render_preview(picture)).size == (900, 600)
    assert opened(render_preview(picture, edge=300)).size == (300, 200)
    assert opened(render_thumbnail(picture)).size == (256, 171)


def test_layers_have_the_preview_s_shape_and_cover_only_their_part() -> None:
    picture, analysis = analysed(blob_picture(240, 360))
    ground, outline = (
        np.asarray(opened(render(analysis)).convert("RGBA"))[..., 3]
        for render in (render_layer_ground, render_layer_outline)
    )
    figure = np.kron(analysis.mask, np.ones((4, 4))) == 1

    assert ground.shape == outline.shape == (960, 1440)
    assert opened(render_preview(picture)).size == (360, 240)
    assert ground[inner(figure)].max() == 0
    assert ground[inner(~figure)].min() > 80
    assert outline[figure].max() > 200
    assert outline.mean() < 30


def inner(part: Bytes) -> Bytes:
    """Without the seam along its border, where the enlarged mask fades."""
    eroded: Bytes = ndimage.binary_erosion(part, iterations=4)
    return eroded


def at_its_own_size(drawn: Image.Image, picture: Picture) -> Bytes:
    """What was enlarged for drawing, as seen in the picture's own pixels."""
    size = picture.width, picture.height
    return np.asarray(drawn.resize(size, Image.Resampling.BOX), int)


def test_a_small_picture_is_drawn_large_enough_for_fine_lines() -> None:
    for rows, columns, factor in ((240, 360, 4), (40, 30, 8), (900, 1000, 1)):
        picture, analysis = analysed(blob_picture(rows, columns))
        assert opened(render_visualization(picture, analysis)).size == (
            columns * factor,
            rows * factor,
        )


@pytest.mark.parametrize("level", [15, 240], ids=["dark", "light"])
def test_the_tint_shows_on_dark_and_on_light_photographs(level: int) -> None:
    rgb = np.full((200, 300, 3), level, np.uint8)
    rgb[80:120, 130:180] = 128
    picture, analysis = analysed(rgb)
    drawn = at_its_own_size(opened(render_visualization(picture, analysis)), picture)

    corner = drawn[2:20, 100:200].mean(axis=(0, 1))
    assert np.abs(corner - level).max() > 30
    assert corner[1] > corner[0]
    assert drawn[2:20, 100:200].std() > 8
    assert np.abs(drawn[96:104, 150:160] - 128).max() < 12


def test_the_circle_is_drawn_where_it_is_found() -> None:
    picture, analysis = analysed(blob_picture(400, 600))
    circle = analysis.negative_space_data["largest_empty_circle"]
    drawn = at_its_own_size(opened(render_visualization(picture, analysis)), picture)

    angles = np.linspace(0, 2 * np.pi, 60)
    xs = np.clip(circle["cx"] + (circle["r"] - 0.5) * np.cos(angles), 0, 599).astype(int)
    ys = np.clip(circle["cy"] + (circle["r"] - 0.5) * np.sin(angles), 0, 399).astype(int)
    warm = drawn[ys, xs, 0] - drawn[ys, xs, 2]
    assert np.median(warm) > 20
    assert np.median(drawn[..., 0] - drawn[..., 2]) < -20


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 900), (900, 1), (7, 5)])
def test_the_smallest_pictures_can_be_drawn(size: tuple[int, int]) -> None:
    rgb = np.random.default_rng(1).integers(0, 255, (*size, 3)).astype(np.uint8)
    picture, analysis = analysed(rgb)

    for data in (
        render_visualization(picture, analysis),
        render_layer_ground(analysis),
        render_layer_outline(analysis),
        render_preview(picture),
        render_thumbnail(picture, edge=64),
    ):
        assert max(opened(data).size) <= 900
    for svg in (histogram_svg, margins_svg, shapes_svg):
        ElementTree.fromstring(svg(analysis.negative_space_data))


@pytest.mark.parametrize("svg", [histogram_svg, margins_svg, shapes_svg])
@pytest.mark.parametrize("kind", ["usual", "constant", "noise"])
def test_diagrams_are_well_formed_and_pass_a_strict_content_policy(
    svg: Callable[..., str], kind: str
) -> None:
    rgb = {
        "usual": blob_picture(),
        "constant": np.full((40, 50, 3), 9, np.uint8),
        "noise": np.random.default_rng(3).integers(0, 255, (80, 90, 3)).astype(np.uint8),
    }[kind]
    _, analysis = analysed(rgb)
    text = svg(analysis.negative_space_data)
    root = ElementTree.fromstring(text)

    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.find("{http://www.w3.org/2000/svg}title") is not None
    assert not re.search(r"<(style|script|foreignObject)|\sstyle=|\son\w+=|href=", text)
    assert "nan" not in text.lower()


def test_the_histogram_s_title_is_its_message_and_its_axes_have_units() -> None:
    _, analysis = analysed(blob_picture())
    text = histogram_svg(analysis.negative_space_data)

    assert re.search(r"Half of the ground lies within \d+(\.\d+)? px", text)
    assert "Distance to the nearest figure or frame (px)" in text
    assert "Share of the ground (%)" in text
    assert text.count('class="ns-bar"') == 16


def test_all_four_margins_are_labelled() -> None:
    _, analysis = analysed(blob_picture())
    data = analysis.negative_space_data
    text = margins_svg(data)

    for side in ("top", "right", "bottom", "left"):
        assert f"{data['margins'][side]} px" in text


def test_the_overlay_is_in_source_pixels() -> None:
    rgb = blob_picture(400, 600)
    picture = decode(encoded(rgb), limits=Limits(), working_edge=300)
    analysis = analyse(picture, Parameters(working_edge=300))
    text = shapes_svg(analysis.negative_space_data)

    assert picture.factor == 2
    assert 'viewBox="0 0 600 400"' in text
    assert "stroke-dasharray" in text


def test_a_picture_all_figure_or_all_ground_says_so_in_its_diagrams() -> None:
    _, constant = analysed(np.full((40, 50, 3), 9, np.uint8))

    assert "No figure" in margins_svg(constant.negative_space_data)
    assert "No ground" in histogram_svg({"clearance": None})


def distance(one: int | None, other: int | None) -> int:
    """Differing bits of two hashes."""
    assert one is not None
    assert other is not None
    return ((one ^ other) & 0xFFFF_FFFF_FFFF_FFFF).bit_count()


def test_the_hash_fits_a_signed_bigint_and_survives_harmless_edits() -> None:
    rgb = np.random.default_rng(7).integers(0, 255, (12, 16, 3)).astype(np.uint8)
    large = np.asarray(Image.fromarray(rgb).resize((640, 480), Image.Resampling.BICUBIC))
    here = perceptual_hash(large)

    assert here is not None
    assert -(2**63) <= here < 2**63
    assert distance(here, perceptual_hash(np.clip(large * 0.8, 0, 255).astype(np.uint8))) <= 4
    assert distance(here, perceptual_hash(np.ascontiguousarray(large[::2, ::2]))) <= 4
    again = decode(encoded(large, "JPEG", quality=40), limits=Limits(), working_edge=2048)
    assert distance(here, perceptual_hash(again)) <= 6


def test_different_pictures_have_distant_hashes_and_flat_ones_have_none() -> None:
    rng = np.random.default_rng(9)
    hashes = []
    for _ in range(12):
        rgb = rng.integers(0, 255, (12, 16, 3)).astype(np.uint8)
        hashes.append(perceptual_hash(np.asarray(Image.fromarray(rgb).resize((320, 240)))))

    assert min(distance(a, b) for i, a in enumerate(hashes) for b in hashes[:i]) > 10
    assert perceptual_hash(np.full((50, 60, 3), 200, np.uint8)) is None
    assert perceptual_hash(slanted()) is not None
