"""From bytes to a picture: every format, at full size or reduced."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imaging.analysis import decode, decoding, inspect
from imaging.analysis.decoding import reduced
from tests.imaging.analysis.files import LOSSLESS, Bytes, blob_picture, encoded, slanted
from tests.imaging.analysis.reading import LIMITS, exact

TAKEN: tuple[tuple[str, dict[str, Any]], ...] = (
    *LOSSLESS,
    ("JPEG", {"quality": 95}),
    ("BMP", {}),
    ("GIF", {}),
    ("AVIF", {}),
)


@pytest.mark.parametrize(("name", "options"), TAKEN, ids=lambda value: str(value)[:4])
def test_every_taken_format_is_read_and_named(name: str, options: dict[str, Any]) -> None:
    data = encoded(slanted(), name, **options)
    facts = inspect(data, LIMITS)

    assert (facts.format, facts.width, facts.height) == (name, 83, 61)
    assert facts.mime_type == f"image/{name.lower()}"
    assert (facts.frames, facts.orientation, facts.has_alpha) == (1, 1, False)
    picture = exact(data)
    assert picture.rgb.shape == (61, 83, 3)
    assert picture.facts == facts


@pytest.mark.parametrize(
    ("size", "edge", "factor"),
    [((100, 60), 100, 1), ((101, 60), 100, 2), ((1000, 60), 100, 16), ((1000, 60), None, 1)],
)
def test_the_factor_is_the_smallest_power_of_two_that_fits(
    size: tuple[int, int], edge: int | None, factor: int
) -> None:
    rgb = np.full((size[1], size[0], 3), 90, np.uint8)
    for name in ("PNG", "JPEG"):
        picture = decode(encoded(rgb, name), limits=LIMITS, working_edge=edge)

        assert picture.factor == factor
        assert picture.rgb.shape[:2] == (-(-size[1] // factor), -(-size[0] // factor))
        assert (picture.width, picture.height) == size


def test_a_reduced_jpeg_equals_the_means_of_the_full_one_closely() -> None:
    data = encoded(blob_picture(600, 803), "JPEG", quality=95)
    full = exact(data)
    small = decode(data, limits=LIMITS, working_edge=128)

    assert small.factor == 8
    difference = np.abs(small.rgb.astype(int) - reduced(np.array(full.rgb), 8)).mean()
    assert difference < 1.5


def test_a_path_and_its_bytes_give_the_same_picture_whatever_the_name(tmp_path: Path) -> None:
    path = tmp_path / "really-a.txt"
    path.write_bytes(encoded(slanted()))

    assert inspect(path, LIMITS) == inspect(path.read_bytes(), LIMITS)
    assert np.array_equal(exact(path).rgb, exact(path.read_bytes()).rgb)


def test_pictures_of_one_pixel_and_of_one_row_are_taken() -> None:
    assert exact(encoded(np.full((1, 1, 3), 7, np.uint8))).rgb.tolist() == [[[7, 7, 7]]]
    long = decode(encoded(np.zeros((30_000, 1, 3), np.uint8)), limits=LIMITS, working_edge=2048)

    assert (long.width, long.height, long.factor) == (1, 30_000, 16)
    assert long.rgb.shape == (1875, 1, 3)


def test_a_wrong_extension_is_of_no_consequence(tmp_path: Path) -> None:
    path = tmp_path / "photograph.png"
    path.write_bytes(encoded(slanted(), "JPEG"))

    assert inspect(path, LIMITS).format == "JPEG"


def test_the_array_cannot_be_changed_by_accident() -> None:
    picture = exact(encoded(slanted()))
    changed: Bytes = picture.rgb

    with pytest.raises(ValueError, match="read-only"):
        changed[0, 0] = 0


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("edge", [None, 64, 1], ids=["exact", "reduced", "one pixel"])
@pytest.mark.parametrize("kind", ["colour", "alpha", "deep"])
def test_a_picture_converted_in_strips_equals_the_one_converted_whole(
    monkeypatch: pytest.MonkeyPatch, kind: str, edge: int | None, orientation: int
) -> None:
    rng = np.random.default_rng(5)
    values: Any = {
        "colour": rng.integers(0, 256, (157, 211, 3)).astype(np.uint8),
        "alpha": rng.integers(0, 256, (157, 211, 4)).astype(np.uint8),
        "deep": rng.integers(900, 30_000, (157, 211)).astype(np.uint16),
    }[kind]
    exif = Image.Exif()
    exif[274] = orientation
    data = encoded(values, "PNG", exif=exif)
    whole = decode(data, limits=LIMITS, working_edge=edge)
    monkeypatch.setattr(decoding, "_STRIP", 3000)
    pieces = decode(data, limits=LIMITS, working_edge=edge)

    assert np.array_equal(pieces.rgb, whole.rgb)
    assert (pieces.alpha is None) == (kind != "alpha")
    if pieces.alpha is not None and whole.alpha is not None:
        assert np.array_equal(pieces.alpha, whole.alpha)
