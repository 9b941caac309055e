"""From bytes to an upright 8-bit RGB array at the working scale.

The working scale is a power of two: one working pixel is the mean of ``factor`` x ``factor``
source pixels (fewer at the right and lower edge), so a length in working pixels times ``factor``
is a length in source pixels. JPEG files are reduced inside the decoder (inverse DCT at 1/2, 1/4 or
1/8), which is why a large photograph never exists at full size in memory.

Colours: CMYK, palette and grey pictures become RGB; ICC profiles are ignored. Greyscale of more
than 8 bits (16-bit PNG and TIFF, 32-bit integer, float) is stretched linearly from its own
smallest to its own largest finite value, because instruments rarely use the full range; a
constant picture becomes 0. Transparent pixels are shown over white and the alpha kept apart. Of
an animation, the first frame is taken.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageFile

from imaging.analysis.errors import ImageRefused
from imaging.analysis.facts import (
    ImageFacts,
    Limits,
    buffer_of,
    facts_of,
    opened,
    translated,
)
from imaging.analysis.signatures import Buffer

Bytes = NDArray[np.uint8]

_STRIP = 4_000_000  # pixels converted at a time

_MODES = ("1", "L", "RGB", "RGBA", "P", "CMYK", "YCbCr", "HSV", "RGBX")

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture.

    ``rgb`` is (h, w, 3) uint8, upright; ``alpha`` (h, w) uint8 or None; ``width`` and ``height``
    are in source pixels, upright; ``factor`` is source pixels per working pixel (1, 2, 4, ...),
    so that h = ceil(height / factor) and w = ceil(width / factor).
    """

    rgb: Bytes
    alpha: Bytes | None
    width: int
    height: int
    factor: int
    facts: ImageFacts


def decode(data: bytes | Path, *, limits: Limits, working_edge: int | None) -> Picture:
    """Decode a file to its working scale; ``working_edge`` None keeps every pixel.

    ``factor`` is the smallest power of two that brings the long edge to ``working_edge`` or less.
    Raises `ImageRefused`, also for files that end early.
    """
    if working_edge is not None and working_edge < 1:
        raise ValueError(f"working_edge is {working_edge}; it must be at least 1, or None.")
    with buffer_of(data) as buffer, opened(buffer, limits) as image:
        facts = facts_of(image, buffer)
        factor = factor_for(facts.width, facts.height, working_edge)
        rgb = _decoded_jpeg(image, buffer, factor) if facts.format == "JPEG" else None
        alpha = None
        if rgb is not None:
            rgb = turned(rgb, facts.orientation)
        else:
            if facts.format == "JPEG":
                # Whole at once: fed in pieces that it cannot use, Pillow copies all of them anew
                # with each piece.
                image.decodermaxblock = len(buffer)
            rgb, alpha = _decoded_by_pillow(image, facts, factor)
    rgb.flags.writeable = False
    return Picture(rgb, alpha, facts.width, facts.height, factor, facts)


def factor_for(width: int, height: int, working_edge: int | None) -> int:
    """Smallest power of two with ceil(long edge / factor) <= ``working_edge``."""
    factor = 1
    while working_edge is not None and -(-max(width, height) // factor) > working_edge:
        factor *= 2
    return factor


def turned(array: Bytes, orientation: int) -> Bytes:
    """An array turned upright, as EXIF orientation 1..8 demands (contiguous)."""
    if orientation >= 5:
        array = np.swapaxes(array, 0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return np.ascontiguousarray(array)


def reduced(array: Bytes, factor: int) -> Bytes:
    """Means of ``factor`` x ``factor`` blocks; edge blocks may be smaller, as `Picture` says."""
    if factor == 1:
        return array
    return np.asarray(Image.fromarray(array).reduce(factor))


def _decoded_jpeg(image: ImageFile.ImageFile, buffer: Buffer, factor: int) -> Bytes | None:
    """Pixels by libjpeg-turbo, or None when the file asks for Pillow's more tolerant decoder."""
    if image.mode not in ("RGB", "L"):
        return None
    inner = min(factor, 8)
    height, width = -(-image.height // inner), -(-image.width // inner)
    try:
        rgb = simplejpeg.decode_jpeg(
            buffer, colorspace="RGB", min_height=height, min_width=width, min_factor=1
        )
    except ValueError as error:
        if "premature end" in str(error).lower():
            raise translated(error, "JPEG") from error
        return None
    if rgb.shape[:2] != (height, width):
        rgb = reduced(rgb, inner) if rgb.shape[:2] == (image.height, image.width) else None
        if rgb is None:
            return None
    return reduced(rgb, factor // inner)


def _decoded_by_pillow(
    image: ImageFile.ImageFile, facts: ImageFacts, factor: int
) -> tuple[Bytes, Bytes | None]:
    """Pixels and alpha, converted strip by strip, so that only one decoded picture exists."""
    # Pillow's TIFF reader has turned the picture itself.
    orientation = 1 if facts.format == "TIFF" else facts.orientation
    try:
        image.load()
        _check_mode(image)
        span = _range_of(image) if _is_deep(image) else None
        rgb = np.empty((-(-facts.height // factor), -(-facts.width // factor), 3), np.uint8)
        alpha = None
        for top, bottom in _strips(facts.width, facts.height, factor):
            strip = _eight_bit(_upright_rows(image, orientation, top, bottom), span)
            if orientation in _TURNS:
                strip = strip.transpose(_TURNS[orientation])
            if factor > 1:
                strip = strip.reduce(factor)
            rows = slice(top // factor, -(-bottom // factor))
            if strip.mode != "RGBA":
                rgb[rows] = np.asarray(strip.convert("RGB"))
                continue
            if alpha is None:
                alpha = np.empty(rgb.shape[:2], np.uint8)
            pixels = np.asarray(strip)
            alpha[rows] = pixels[..., 3]
            rgb[rows] = over_white(pixels[..., :3], pixels[..., 3])
    except Exception as error:
        raise translated(error, facts.format) from error
    if alpha is not None:
        alpha.flags.writeable = False
    return rgb, alpha


def _strips(width: int, height: int, factor: int) -> Iterator[tuple[int, int]]:
    """Row ranges of about `_STRIP` pixels whose borders are multiples of ``factor``."""
    rows = max(1, _STRIP // (width * factor)) * factor
    if rows * width > 16 * _STRIP:  # blocks as large as the picture itself
        rows = height
    for top in range(0, height, rows):
        yield top, min(height, top + rows)


def _upright_rows(image: Image.Image, orientation: int, top: int, bottom: int) -> Image.Image:
    """The part of a picture, not yet turned, that becomes rows ``top`` to ``bottom`` upright."""
    length = image.width if orientation >= 5 else image.height
    if bottom - top == length:
        return image
    if orientation in (3, 4, 7, 8):
        top, bottom = length - bottom, length - top
    if orientation >= 5:
        return image.crop((top, 0, bottom, image.height))
    return image.crop((0, top, image.width, bottom))


def over_white(rgb: Bytes, alpha: Bytes) -> Bytes:
    """Composite (h, w, 3) ``rgb`` over white by (h, w) ``alpha``, in integers."""
    weight = alpha[..., None].astype(np.uint16)
    mixed = rgb.astype(np.uint16) * weight + (255 - weight) * 255
    return ((mixed + 127) // 255).astype(np.uint8)


def _is_deep(image: Image.Image) -> bool:
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def _check_mode(image: Image.Image) -> None:
    if image.mode in _MODES or _is_deep(image) or image.has_transparency_data:
        return
    raise ImageRefused(
        "unsupported", f"Pictures of colour mode {image.mode} are not taken; convert to RGB."
    )


def _eight_bit(image: Image.Image, span: tuple[float, float] | None) -> Image.Image:
    """The picture as L, RGB or RGBA of 8 bits; ``span`` is the range of a deep one."""
    if span is not None:
        return Image.fromarray(_stretched(np.asarray(image), span))
    if image.mode in ("L", "RGB", "RGBA") and "transparency" not in image.info:
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _range_of(image: Image.Image) -> tuple[float, float]:
    """Smallest and largest finite value of a deep picture; (0, 0) when there is none."""
    low, high = np.inf, -np.inf
    for top, bottom in _strips(image.width, image.height, 1):
        numbers = np.asarray(_upright_rows(image, 1, top, bottom)).astype(np.float32)
        numbers = numbers[np.isfinite(numbers)]
        if numbers.size:
            low, high = min(low, float(numbers.min())), max(high, float(numbers.max()))
    return (low, high) if low <= high else (0.0, 0.0)


def _stretched(values: NDArray[np.generic], span: tuple[float, float]) -> Bytes:
    low, high = span
    if high <= low:
        return np.zeros(values.shape, np.uint8)
    numbers = values.astype(np.float32)
    numbers[~np.isfinite(numbers)] = np.float32(low)
    return cv2.convertScaleAbs(
        np.subtract(numbers, np.float32(low), out=numbers), alpha=255.0 / (high - low)
    ).astype(np.uint8, copy=False)
