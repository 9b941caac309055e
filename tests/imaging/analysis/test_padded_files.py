"""Files that would keep a reader busy for long: padding, and far more parts than a picture has."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from imaging.analysis import ImageRefused, inspect
from tests.imaging.analysis.files import encoded, slanted
from tests.imaging.analysis.reading import LIMITS, exact, refusal

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
