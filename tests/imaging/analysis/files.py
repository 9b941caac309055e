"""Picture files for tests, made in memory."""

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Bytes = NDArray[np.uint8]

# The formats that give back every pixel as it was, with the options that make them do so.
LOSSLESS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("PNG", {}),
    ("TIFF", {}),
    ("WEBP", {"lossless": True}),
)


def encoded(array: NDArray[Any] | Image.Image, format_name: str = "PNG", **options: Any) -> bytes:
    """An array as the bytes of a file."""
    file = io.BytesIO()
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    image.save(file, format_name, **options)
    return file.getvalue()


def blob_picture(rows: int = 90, columns: int = 140) -> Bytes:
    """A dark disc, off centre, on a light ground with a slight gradient: (h, w, 3)."""
    ys, xs = np.mgrid[:rows, :columns]
    ground = 190 + 30 * xs / columns
    disc = np.hypot(ys - rows * 0.45, xs - columns * 0.4) < rows * 0.28
    grey = np.where(disc, 60, ground)
    return np.stack([grey, grey * 0.96, grey * 0.9], axis=-1).astype(np.uint8)


def slanted(rows: int = 61, columns: int = 83) -> Bytes:
    """A picture without symmetry, so that any wrong turn shows: (h, w, 3)."""
    level = np.add.outer(np.arange(rows) * 2, np.arange(columns)).astype(np.uint8)
    return np.stack([level, level // 2, 255 - level], axis=-1)


def declaring_png(width: int, height: int, pixels: bytes = b"") -> bytes:
    """A tiny PNG whose header declares any size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(pixels))
        + _chunk(b"IEND", b"")
    )


def declaring_jpeg(width: int, height: int) -> bytes:
    """A real small JPEG with the size in its frame header replaced."""
    data = bytearray(encoded(slanted(), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def declaring_webp(width: int, height: int) -> bytes:
    """The head of a WebP whose extended header declares any size."""
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x00" * 4 + canvas
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
