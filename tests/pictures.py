"""Small pictures as files, good and bad."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image as Pillow


def disc(width: int = 320, height: int = 240, *, seed: int = 0) -> Pillow.Image:
    """A bright textured disc on a dark ground, with a little noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    inside = (x - width * 0.55) ** 2 + (y - height * 0.5) ** 2 < (min(width, height) * 0.3) ** 2
    pixels = np.where(inside[..., None], [225, 190, 90], [30, 45, 60])
    pixels = pixels + random.normal(0, 4, pixels.shape)
    return Pillow.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def encoded(picture: Pillow.Image, kind: str = "JPEG", **options: Any) -> bytes:
    """The picture as the bytes of a file."""
    file = io.BytesIO()
    if kind == "JPEG":
        options.setdefault("quality", 90)
    picture.save(file, kind, **options)
    return file.getvalue()


def jpeg(**options: Any) -> bytes:
    """A disc as JPEG; another ``seed`` gives other bytes."""
    return encoded(disc(**options))


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that declares a size and holds almost nothing: a decompression bomb."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )
