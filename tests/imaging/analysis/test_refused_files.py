"""What is no picture, or none to be taken, is refused, and with which words."""

import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from imaging.analysis import ImageRefused, Limits, decode, inspect
from tests.imaging.analysis.files import (
    blob_picture,
    declaring_jpeg,
    declaring_png,
    declaring_webp,
    encoded,
    slanted,
)
from tests.imaging.analysis.reading import LIMITS, refusal


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.jpg"
    path.touch()

    assert refusal(b"").code == "empty_file"
    assert refusal(path).code == "empty_file"


def test_a_missing_file_is_unreadable_and_its_name_is_not_repeated(tmp_path: Path) -> None:
    found = refusal(tmp_path / "secret-name.jpg")

    assert found.code == "unreadable"
    assert "secret-name" not in found.reason


@pytest.mark.parametrize(
    "data", [b"Dear colleague, here is the picture.", b"\x00" * 100, b"\xff", b"\xff\xd8"]
)
def test_what_is_not_a_picture_is_refused_whatever_its_name(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(data)

    assert refusal(path).code == "not_an_image"


@pytest.mark.parametrize(
    ("head", "word"),
    [
        (b"%PDF-1.7\n", "PDF"),
        (b"8BPS\x00\x01", "Photoshop"),
        (b"\x00\x00\x00\x18ftypheic", "HEIC"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    ],
)
def test_a_known_format_that_is_not_taken_is_named(head: bytes, word: str) -> None:
    found = refusal(head + b"\x00" * 100)

    assert found.code == "unsupported"
    assert word in found.reason


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF"])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.97])
def test_a_file_that_ends_early_is_refused(name: str, kept: float) -> None:
    rng = np.random.default_rng(3)
    data = encoded(rng.integers(0, 255, (120, 150, 3)).astype(np.uint8), name)

    assert refusal(data[: int(len(data) * kept)]).code in ("truncated", "unreadable")


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
def test_the_refusal_of_half_a_file_says_that_it_ends_early(name: str) -> None:
    rng = np.random.default_rng(3)
    data = encoded(rng.integers(0, 255, (120, 150, 3)).astype(np.uint8), name)

    found = refusal(data[: len(data) // 2])
    assert found.code == "truncated"
    assert "ends early" in found.reason


def test_a_reduced_jpeg_that_ends_early_is_refused_too() -> None:
    data = encoded(blob_picture(900, 1400), "JPEG")
    with pytest.raises(ImageRefused) as caught:
        decode(data[:-400], limits=LIMITS, working_edge=200)

    assert caught.value.code == "truncated"


@pytest.mark.parametrize(
    "data",
    [declaring_png(60_000, 60_000), declaring_jpeg(60_000, 60_000), declaring_webp(16_000, 16_000)],
    ids=["PNG", "JPEG", "WebP"],
)
def test_a_tiny_file_that_declares_a_huge_picture_is_refused_from_its_header(data: bytes) -> None:
    with pytest.raises(ImageRefused) as caught:
        inspect(data, LIMITS)

    assert caught.value.code == "too_many_pixels"
    assert "200000000" in caught.value.reason


def test_a_side_over_the_limit_is_refused() -> None:
    found = refusal(declaring_png(70_000, 10))

    assert found.code == "too_large_side"
    assert "70000 x 10" in found.reason


def test_limits_are_the_caller_s() -> None:
    data = encoded(slanted())

    assert refusal(data, Limits(max_pixels=83 * 61 - 1)).code == "too_many_pixels"
    assert refusal(data, Limits(max_side=82)).code == "too_large_side"
    assert inspect(data, Limits(max_pixels=83 * 61, max_side=83)).width == 83


@pytest.mark.parametrize(
    "data",
    [
        declaring_png(0, 10),
        declaring_png(10, 0),
        declaring_jpeg(0, 10),
        b"GIF89a" + struct.pack("<HH", 0, 7) + b"\x00" * 40,
    ],
    ids=["PNG width", "PNG height", "JPEG", "GIF"],
)
def test_a_picture_without_pixels_is_refused(data: bytes) -> None:
    assert refusal(data).code == "zero_size"


@pytest.mark.parametrize("seed", range(40))
def test_damage_is_refused_or_decoded_and_never_anything_else(seed: int) -> None:
    rng = np.random.default_rng(seed)
    name = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")[seed % 7]
    data = bytearray(encoded(blob_picture(), name))
    for at in rng.integers(12, len(data), 6):
        data[at] = int(rng.integers(256))

    with suppress(ImageRefused):
        picture = decode(bytes(data), limits=Limits(max_pixels=1_000_000), working_edge=64)
        assert picture.rgb.ndim == 3
