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
    try:
        image.load()
        plain = _eight_bit(image)
    except Exception as error:
        raise translated(error, facts.format) from error
    if facts.orientation in _TURNS and facts.format != "TIFF":  # turned by its reader
        plain = plain.transpose(_TURNS[facts.orientation])
    if factor > 1:
        plain = plain.reduce(factor)
    if plain.mode != "RGBA":
        return np.array(plain.convert("RGB")), None
    pixels = np.asarray(plain)
    alpha = np.ascontiguousarray(pixels[..., 3])
    alpha.flags.writeable = False
    return over_white(np.ascontiguousarray(pixels[..., :3]), alpha), alpha


def over_white(rgb: Bytes, alpha: Bytes) -> Bytes:
    """Composite (h, w, 3) ``rgb`` over white by (h, w) ``alpha``, in integers."""
    weight = alpha[..., None].astype(np.uint16)
    mixed = rgb.astype(np.uint16) * weight + (255 - weight) * 255
    return ((mixed + 127) // 255).astype(np.uint8)


def _eight_bit(image: Image.Image) -> Image.Image:
    """The picture as L, RGB or RGBA of 8 bits."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(_stretched(np.asarray(image)))
    if image.mode == "1":
        return image.convert("L")
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode in ("L", "RGB"):
        return image
    if image.mode not in ("P", "CMYK", "YCbCr", "HSV", "RGBX"):
        raise ImageRefused(
            "unsupported", f"Pictures of colour mode {image.mode} are not taken; convert to RGB."
        )
    return image.convert("RGB")


def _stretched(values: NDArray[np.generic]) -> Bytes:
    numbers = values.astype(np.float32)
    finite = np.isfinite(numbers)
    if not finite.all():
        floor = numbers[finite].min() if finite.any() else np.float32(0)
        numbers = np.where(finite, numbers, floor)
    low, high = float(numbers.min()), float(numbers.max())
    if high <= low:
        return np.zeros(numbers.shape, np.uint8)
    return cv2.convertScaleAbs(
        np.subtract(numbers, np.float32(low), out=numbers), alpha=255.0 / (high - low)
    ).astype(np.uint8, copy=False)
