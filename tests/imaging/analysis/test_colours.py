"""Every kind of pixel becomes red, green and blue: inks, depths, palettes, frames and alpha."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.imaging.analysis.files import encoded, slanted
from tests.imaging.analysis.reading import exact


def test_cmyk_becomes_rgb() -> None:
    image = Image.fromarray(slanted()).convert("CMYK")
    picture = exact(encoded(image, "JPEG", quality=100))

    assert picture.facts.mode == "CMYK"
    assert np.abs(picture.rgb.astype(int) - slanted()).mean() < 4


def test_sixteen_bits_are_stretched_from_their_own_range() -> None:
    values = np.linspace(1000, 5000, 40 * 50).reshape(40, 50).astype(np.uint16)
    picture = exact(encoded(values))

    assert (picture.facts.bits, picture.rgb.min(), picture.rgb.max()) == (16, 0, 255)
    assert np.all(np.diff(picture.rgb[:, 0, 0].astype(int)) >= 0)


def test_a_constant_sixteen_bit_picture_is_black() -> None:
    assert exact(encoded(np.full((5, 6), 4000, np.uint16))).rgb.max() == 0


def test_floating_point_with_gaps_is_stretched_over_what_is_finite() -> None:
    values = np.array([[np.nan, 1.0], [np.inf, 3.0]], np.float32)
    picture = exact(encoded(Image.fromarray(values), "TIFF"))

    assert picture.rgb[..., 0].tolist() == [[0, 0], [0, 255]]


def test_palettes_and_bits_become_rgb() -> None:
    palette = Image.fromarray(slanted()).quantize(200)
    bits = Image.fromarray((slanted()[..., 0] > 60).astype(np.uint8) * 255).convert("1")

    assert np.abs(exact(encoded(palette)).rgb.astype(int) - slanted()).mean() < 6
    assert set(np.unique(exact(encoded(bits)).rgb)) == {0, 255}


@pytest.mark.parametrize("name", ["GIF", "WEBP"])
def test_of_an_animation_the_first_frame_is_taken(name: str) -> None:
    frames = [Image.new("RGB", (30, 20), colour) for colour in ("red", "lime", "blue")]
    data = encoded(frames[0], name, save_all=True, append_images=frames[1:], duration=50)
    picture = exact(data)

    assert picture.facts.frames == 3
    assert picture.rgb[10, 10, 0] > 240
    assert picture.rgb[10, 10, 1] < 15


@pytest.mark.parametrize(("name", "options"), [("PNG", {}), ("WEBP", {"lossless": True})])
def test_alpha_is_kept_apart_and_shown_over_white(name: str, options: dict[str, Any]) -> None:
    rgba = np.zeros((4, 6, 4), np.uint8)
    rgba[:, :3] = (200, 0, 0, 255)
    rgba[:, 3] = (200, 0, 0, 128)
    picture = exact(encoded(rgba, name, exact=True, **options))

    assert picture.facts.has_alpha
    assert picture.alpha is not None
    assert picture.alpha[0].tolist() == [255, 255, 255, 128, 0, 0]
    assert picture.rgb[0, 0].tolist() == [200, 0, 0]
    assert picture.rgb[0, 3].tolist() == [227, 127, 127]
    assert picture.rgb[0, 5].tolist() == [255, 255, 255]


def test_a_transparent_colour_of_a_palette_is_alpha() -> None:
    image = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8)).convert("P")
    image.putpalette([255, 0, 0, 0, 0, 255])
    picture = exact(encoded(image, "PNG", transparency=0))

    assert picture.alpha is not None
    assert picture.alpha.tolist() == [[0, 255], [255, 0]]
