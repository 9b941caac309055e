"""However a file lies, its picture stands upright."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from imaging.analysis import decode, inspect
from imaging.analysis.decoding import reduced, turned
from tests.imaging.analysis.files import LOSSLESS, encoded, slanted
from tests.imaging.analysis.reading import LIMITS

# Turning a picture by the inverse of an orientation, so that the orientation turns it back.
INVERSE = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}


@pytest.mark.parametrize(("name", "options"), LOSSLESS, ids=["PNG", "TIFF", "WebP"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("edge", [None, 64], ids=["exact", "reduced"])
def test_every_orientation_gives_the_same_upright_picture(
    name: str, options: dict[str, Any], orientation: int, edge: int | None
) -> None:
    upright = slanted()
    exif = Image.Exif()
    exif[274] = orientation
    data = encoded(turned(upright, INVERSE[orientation]), name, exif=exif, **options)
    picture = decode(data, limits=LIMITS, working_edge=edge)

    assert (picture.width, picture.height) == (83, 61)
    assert picture.facts.orientation == orientation
    assert np.array_equal(picture.rgb, reduced(upright, picture.factor))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("edge", [None, 64], ids=["exact", "reduced"])
def test_jpeg_orientations_give_the_same_picture_within_the_coding_s_error(
    orientation: int, edge: int | None
) -> None:
    upright = slanted(64, 96)
    exif = Image.Exif()
    exif[274] = orientation
    data = encoded(
        turned(upright, INVERSE[orientation]), "JPEG", exif=exif, quality=100, subsampling=0
    )
    picture = decode(data, limits=LIMITS, working_edge=edge)

    expected = reduced(upright, picture.factor).astype(int)
    assert picture.rgb.shape == expected.shape
    assert np.abs(picture.rgb - expected).max() <= 6


def test_the_orientation_of_a_png_is_found_behind_its_pixels() -> None:
    exif = Image.Exif()
    exif[274] = 6
    data = encoded(slanted(), "PNG", exif=exif)
    start = data.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4], "big")
    moved = data[:start] + data[end:-12] + data[start:end] + data[-12:]

    assert inspect(moved, LIMITS).orientation == 6
    assert inspect(moved, LIMITS).width == 61
