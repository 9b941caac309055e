"""Drawing on byte images: layers of one colour, lines with a halo, labels."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Bytes = NDArray[np.uint8]
Colour = tuple[int, int, int]
Stroke = Callable[[Bytes, int], None]
"""Draws a line of the given width into an (h, w) cover."""

_WEIGHT = 560
"""Weight of label letters in OpenCV's built-in sans (400 regular, 600 semibold)."""


@njit(nogil=True, cache=True)
def blend(rgb: Bytes, cover: Bytes, colour: Colour, opacity: int) -> None:
    """Lay one colour over (h, w, 3) ``rgb`` in place, by (h, w) ``cover`` times opacity 0..256."""
    rows, columns = cover.shape
    for y in range(rows):
        for x in range(columns):
            c = np.int32(cover[y, x])
            if c == 0:
                continue
            # 255 * 257 = 65535 steps, so full cover at full opacity is the colour itself.
            a = (c * 257 * opacity) >> 8
            b = 65535 - a
            rgb[y, x, 0] = (rgb[y, x, 0] * b + colour[0] * a + 32767) // 65535
            rgb[y, x, 1] = (rgb[y, x, 1] * b + colour[1] * a + 32767) // 65535
            rgb[y, x, 2] = (rgb[y, x, 2] * b + colour[2] * a + 32767) // 65535


def blend_colour(rgb: Bytes, cover: Bytes, colour: Colour, opacity: float) -> None:
    """`blend` with a colour and an opacity 0..1."""
    blend(rgb, cover, colour, round(opacity * 256))


@njit(nogil=True, cache=True)
def hatch(rgb: Bytes, ground: Bytes, palette: Bytes, period: int, width: int) -> None:
    """Tint and hatch (h, w, 3) ``rgb`` in place where ``ground`` (h, w) is set.

    ``palette`` holds RGBA of the plain tint, the light line and the dark line; lines run at 45
    degrees, ``period`` pixels apart, each ``width`` pixels across.
    """
    rows, columns = ground.shape
    for y in range(rows):
        phase = y % period
        for x in range(columns):
            if ground[y, x] > 0:
                kind = 1 if phase < width else 2 if phase < 2 * width else 0
                a = np.int32(palette[kind, 3]) * np.int32(ground[y, x])
                b = 65025 - a
                for c in range(3):
                    rgb[y, x, c] = (rgb[y, x, c] * b + palette[kind, c] * a + 32512) // 65025
            phase += 1
            if phase == period:
                phase = 0


@njit(nogil=True, cache=True)
def hatched_layer(ground: Bytes, palette: Bytes, period: int, width: int) -> Bytes:
    """What `hatch` lays over a picture, as an (h, w, 4) layer."""
    rows, columns = ground.shape
    layer = np.zeros((rows, columns, 4), np.uint8)
    for y in range(rows):
        phase = y % period
        for x in range(columns):
            if ground[y, x] > 0:
                kind = 1 if phase < width else 2 if phase < 2 * width else 0
                for c in range(3):
                    layer[y, x, c] = palette[kind, c]
                layer[y, x, 3] = (np.int32(palette[kind, 3]) * ground[y, x] + 127) // 255
            phase += 1
            if phase == period:
                phase = 0
    return layer


@njit(nogil=True, cache=True)
def line_layer(line: Bytes, halo: Bytes, light: Bytes, dark: Bytes, opacity: int) -> Bytes:
    """A light line over a dark halo of opacity 0..256, as an (h, w, 4) layer."""
    rows, columns = line.shape
    layer = np.zeros((rows, columns, 4), np.uint8)
    for y in range(rows):
        for x in range(columns):
            if line[y, x] == 0 and halo[y, x] == 0:
                continue
            over = np.int32(line[y, x]) * 255
            under = ((np.int32(halo[y, x]) * opacity) >> 8) * (255 - line[y, x])
            total = over + under
            if total == 0:
                continue
            for c in range(3):
                layer[y, x, c] = (light[c] * over + dark[c] * under + total // 2) // total
            layer[y, x, 3] = (total + 127) // 255
    return layer


@dataclass(frozen=True, slots=True)
class Box:
    """A box in pixels of the drawing, half open."""

    left: int
    top: int
    right: int
    bottom: int

    def meets(self, other: "Box") -> bool:
        """Whether two boxes share a pixel."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def dashed_rectangle(cover: Bytes, box: Box, *, width: int, dash: int) -> None:
    """Draw the sides of a box as dashes; each side starts and ends with one, so corners close."""
    right, bottom = max(box.left, box.right - 1), max(box.top, box.bottom - 1)
    sides = (
        (box.left, box.top, right, box.top),
        (right, box.top, right, bottom),
        (right, bottom, box.left, bottom),
        (box.left, bottom, box.left, box.top),
    )
    for x0, y0, x1, y1 in sides:
        length = max(abs(x1 - x0), abs(y1 - y0))
        count = max(1, round((length / dash + 0.6) / 1.6))
        period = length / (count - 0.375) if count > 1 else float(length)
        for i in range(count):
            start = min(1.0, i * period / length) if length else 0.0
            end = min(1.0, (i * period + period * 0.625) / length) if length else 0.0
            if count == 1:
                end = 1.0
            cv2.line(
                cover,
                (round(x0 + (x1 - x0) * start), round(y0 + (y1 - y0) * start)),
                (round(x0 + (x1 - x0) * end), round(y0 + (y1 - y0) * end)),
                255,
                width,
                cv2.LINE_AA,
            )


def circle(cover: Bytes, x: float, y: float, radius: float, *, width: int) -> None:
    """Draw a circle line, placed to a sixteenth of a pixel."""
    cv2.circle(
        cover,
        (round(x * 16 - 8), round(y * 16 - 8)),
        max(1, round(radius * 16)),
        255,
        width,
        cv2.LINE_AA,
        shift=4,
    )


@lru_cache(maxsize=256)
def label_cover(text: str, size: int) -> tuple[Bytes, Bytes]:
    """Cover of a label's plate (rounded) and of its letters, both (h, w) uint8; size in pixels."""
    font = cv2.FontFace("sans")
    _, _, wide, _ = cv2.getTextSize((0, 0), text, (0, 0), font, size, _WEIGHT)
    _, top, _, digit = cv2.getTextSize((0, 0), "0", (0, 0), font, size, _WEIGHT)
    pad_x, pad_y = round(size * 0.5), round(size * 0.3)
    width, height = wide + 2 * pad_x, digit + 2 * pad_y
    plate = Image.new("L", (width * 4, height * 4))
    ImageDraw.Draw(plate).rounded_rectangle(
        (0, 0, width * 4 - 1, height * 4 - 1), radius=height * 4 * 0.28, fill=255
    )
    letters = np.zeros((height, width, 3), np.uint8)
    cv2.putText(letters, text, (pad_x, pad_y - top), (255, 255, 255), font, size, _WEIGHT)
    return np.array(plate.reduce(4)), np.ascontiguousarray(letters[..., 0])


def paste_label(rgb: Bytes, text: str, *, at: Box, size: int, ink: Colour, plate: Colour) -> None:
    """Write a label whose box is ``at`` (as `label_box` gives it) onto ``rgb``."""
    plate_cover, letters = label_cover(text, size)
    part = rgb[at.top : at.bottom, at.left : at.right]
    height, width = part.shape[:2]
    blend_colour(part, np.ascontiguousarray(plate_cover[:height, :width]), plate, 0.78)
    blend_colour(part, np.ascontiguousarray(letters[:height, :width]), ink, 1.0)


def label_box(
    text: str, *, size: int, x: float, y: float, anchor: tuple[float, float], shape: tuple[int, int]
) -> Box:
    """Where a label lands: the anchor (0..1 of its own size) at x, y, pushed inside the frame."""
    height, width = label_cover(text, size)[0].shape
    rows, columns = shape
    left = max(0, min(round(x - anchor[0] * width), columns - width))
    top = max(0, min(round(y - anchor[1] * height), rows - height))
    return Box(left, top, min(columns, left + width), min(rows, top + height))
