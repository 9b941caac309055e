"""From bytes to an upright picture: what is taken, what is refused, and with which words."""

import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imaging.analysis import ImageRefused, Limits, Picture, decode, decoding, inspect
from imaging.analysis.decoding import reduced, turned
from tests.imaging.analysis.files import (
    Bytes,
    blob_picture,
    declaring_jpeg,
    declaring_png,
    declaring_webp,
    encoded,
    slanted,
)

LIMITS = Limits()

# Turning a picture by the inverse of an orientation, so that the orientation turns it back.
INVERSE = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}

LOSSLESS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("PNG", {}),
    ("TIFF", {}),
    ("WEBP", {"lossless": True}),
)
TAKEN: tuple[tuple[str, dict[str, Any]], ...] = (
    *LOSSLESS,
    ("JPEG", {"quality": 95}),
    ("BMP", {}),
    ("GIF", {}),
    ("AVIF", {}),
)


def exact(data: bytes | Path) -> Picture:
    """Every pixel of a file."""
    return decode(data, limits=LIMITS, working_edge=None)


def refusal(data: bytes | Path, limits: Limits = LIMITS) -> ImageRefused:
    """The refusal that decoding a file ends in."""
    with pytest.raises(ImageRefused) as caught:
        decode(data, limits=limits, working_edge=2048)
    assert str(caught.value) == caught.value.reason
    assert caught.value.reason.endswith(".")
    return caught.value


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


def test_pictures_of_one_pixel_and_of_one_row_are_taken() -> None:
    assert exact(encoded(np.full((1, 1, 3), 7, np.uint8))).rgb.tolist() == [[[7, 7, 7]]]
    long = decode(encoded(np.zeros((30_000, 1, 3), np.uint8)), limits=LIMITS, working_edge=2048)

    assert (long.width, long.height, long.factor) == (1, 30_000, 16)
    assert long.rgb.shape == (1875, 1, 3)


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


def test_a_wrong_extension_is_of_no_consequence(tmp_path: Path) -> None:
    path = tmp_path / "photograph.png"
    path.write_bytes(encoded(slanted(), "JPEG"))

    assert inspect(path, LIMITS).format == "JPEG"


def test_the_array_cannot_be_changed_by_accident() -> None:
    picture = exact(encoded(slanted()))
    changed: Bytes = picture.rgb

    with pytest.raises(ValueError, match="read-only"):
        changed[0, 0] = 0


JPEG = encoded(slanted(), "JPEG")
EMPTY_CHUNK = struct.pack(">I4s", 0, b"teSt") + struct.pack(">I", zlib.crc32(b"teSt"))
GIF = encoded(Image.new("L", (8, 8)), "GIF")


def crowded_tiff(directories: int, tags: int) -> bytes:
    """A chain of directories, each of ``tags`` empty entries, and no picture."""
    size = 6 + 12 * tags
    parts = [b"II*\x00" + struct.pack("<I", 8)]
    for at in range(directories):
        after = 8 + (at + 1) * size
        parts.append(struct.pack("<H", tags) + bytes(12 * tags) + struct.pack("<I", after))
    return b"".join(parts) + bytes(6)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"\xff\xd8" + b"\xff" * 2_000_000, "padding"),
        (JPEG[:2] + b"\xff" * 2_000_000 + JPEG[2:], "padding"),
        (JPEG[:20] + b"\xff" * 100 + JPEG[20:], "padding"),
        (JPEG[:2] + b"\xff\xe0\x00\x02" + bytes(2_000_000) + JPEG[2:], "padding"),
        (JPEG[:2] + b"\xff\xd9" + b"\xff\x00" * 1_000_000, "padding"),
        (JPEG[:2] + b"\xff\xe1\x00\x02" * 20_000 + JPEG[2:], "segments"),
        (JPEG[:2] + b"\xff\xd0" * 20_000 + JPEG[2:], "segments"),
        (JPEG[:2] + b"\xff\xe1\x00\x08Exif\x00\x00" * 1_000 + JPEG[2:], "metadata"),
        (JPEG[:2] + b"\xff\xed\xff\xff" + bytes(65_533), "early"),
        (JPEG[:2] + (b"\xff\xdb\xff\xff" + bytes(65_533)) * 70, "tables"),
    ],
    ids=[
        "only fill bytes",
        "fill bytes before the first segment",
        "fill bytes between segments",
        "zeros between segments",
        "escaped bytes after an early end",
        "empty APP1",
        "restart markers",
        "EXIF blocks",
        "one large segment and the end",
        "megabytes of tables",
    ],
)
def test_a_jpeg_made_of_padding_or_of_empty_segments_is_refused(data: bytes, word: str) -> None:
    for read in (lambda: inspect(data, LIMITS), lambda: exact(data)):
        with pytest.raises(ImageRefused) as caught:
            read()
        assert caught.value.code in ("unreadable", "truncated")
        if word != "early":
            assert caught.value.code == "unreadable"
            assert word in caught.value.reason


def test_a_jpeg_with_a_little_padding_and_a_few_segments_more_is_taken() -> None:
    plain = exact(JPEG).rgb
    for more in (b"\xff" * 60, b"\xff\xe1\x00\x02" * 500):
        assert np.array_equal(exact(JPEG[:2] + more + JPEG[2:]).rgb, plain)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (encoded(slanted())[:33] + EMPTY_CHUNK * 30_000 + encoded(slanted())[33:], "chunks"),
        (encoded(slanted())[:-12] + EMPTY_CHUNK * 30_000 + encoded(slanted())[-12:], "chunks"),
        (GIF[:-1] + b"!\xfe\x00" * 30_000 + b";", "blocks"),
        (GIF[:-1] + b"\x01" * 30_000 + b";", "blocks"),
        (GIF[:-1] + b"!\xfe" + b"\x01a" * 30_000 + b"\x00;", "pieces"),
        (crowded_tiff(20_000, 0), "directories"),
        (crowded_tiff(4, 40_000), "tags"),
    ],
    ids=[
        "PNG chunks before the pixels",
        "PNG chunks behind the pixels",
        "GIF comments",
        "GIF stray bytes",
        "GIF sub-blocks",
        "TIFF directories",
        "TIFF tags",
    ],
)
def test_a_file_of_far_more_parts_than_a_picture_has_is_refused(data: bytes, word: str) -> None:
    for read in (lambda: inspect(data, LIMITS), lambda: exact(data)):
        with pytest.raises(ImageRefused) as caught:
            read()
        assert caught.value.code == "unreadable"
        assert word in caught.value.reason


def test_a_tiff_of_a_million_strips_is_refused() -> None:
    entry = struct.pack("<HHII", 273, 4, 1_000_000, 30)
    found = refusal(b"II*\x00" + struct.pack("<IH", 8, 1) + entry + bytes(4_000_010))

    assert found.code == "unreadable"
    assert "strips or tiles" in found.reason


def test_a_long_run_length_coded_bmp_is_refused() -> None:
    data = bytearray(encoded(Image.new("L", (40, 30)), "BMP"))
    data[30:34] = struct.pack("<I", 1)
    found = refusal(bytes(data) + b"\x01\x07" * 1_100_000)

    assert found.code == "unsupported"
    assert "PNG" in found.reason


def test_a_jpeg_with_padding_in_place_of_its_scan_is_refused_by_decoding() -> None:
    padded = JPEG[:-200] + b"\xff" * 2_000_000 + JPEG[-200:]

    assert inspect(padded, LIMITS).width == 83
    assert refusal(padded).code in ("unreadable", "truncated")


def test_a_tiff_whose_directories_form_a_circle_is_walked_once() -> None:
    data = bytearray(crowded_tiff(3, 0))
    data[8 + 2 * 6 + 2 : 8 + 2 * 6 + 6] = struct.pack("<I", 8)

    assert refusal(bytes(data)).code == "unreadable"


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
