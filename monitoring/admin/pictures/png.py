"""The form of a sheet that paints pixels."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Final

from PIL import Image, ImageColor, ImageDraw, ImageFont

from monitoring.admin.pictures.sheet import INK, PAPER, Anchor, Point

# Pixels of the file for one of the sheet; painted twice as fine, then made smaller.
SCALE: Final = 2
_FINE: Final = 2 * SCALE
_ANCHORS: Final = {"start": "ls", "middle": "ms", "end": "rs"}
_DASH: Final = (6, 4)


class PngSheet:
    """Paints as ``Sheet`` says; ``to_bytes`` gives the PNG."""

    def __init__(self, width: float, height: float, *, title: str) -> None:
        self.width, self.height = width, height
        size = (round(width * _FINE), round(height * _FINE))
        self.image = Image.new("RGB", size, PAPER)
        self.brush = ImageDraw.Draw(self.image, "RGBA")
        self.words((16, 20), title, size=14, bold=True)

    def to_bytes(self) -> bytes:
        """The picture as PNG."""
        size = (round(self.width * SCALE), round(self.height * SCALE))
        small = self.image.resize(size, Image.Resampling.BOX)
        out = io.BytesIO()
        small.save(out, "PNG", optimize=False, dpi=(96 * SCALE, 96 * SCALE))
        return out.getvalue()

    def words(
        self,
        at: Point,
        text: str,
        *,
        anchor: Anchor = "start",
        size: int = 12,
        faint: bool = False,
        bold: bool = False,
    ) -> None:
        """Text in Pillow's own font."""
        self.brush.text(
            (at[0] * _FINE, at[1] * _FINE),
            text,
            font=ImageFont.load_default(size * _FINE),
            anchor=_ANCHORS[anchor],
            fill=_shade(INK, 0.8 if faint else 1),
            stroke_width=1 if bold else 0,
        )

    def line(
        self,
        points: Sequence[Point],
        *,
        colour: str = INK,
        width: float = 1,
        opacity: float = 1,
        dashed: bool = False,
    ) -> None:
        """Straight lines; dashed ones between two points alone."""
        if len(points) < 2:
            return
        parts = list(_dashes(*points)) if dashed and len(points) == 2 else [points]
        for part in parts:
            self.brush.line(
                [(x * _FINE, y * _FINE) for x, y in part],
                fill=_shade(colour, opacity),
                width=max(1, round(width * _FINE)),
                joint="curve",
            )

    def rectangle(
        self, at: Point, size: Point, *, colour: str, opacity: float = 1, title: str = ""
    ) -> None:
        """A filled rectangle; pixels have no titles."""
        far = (at[0] + max(size[0], 0), at[1] + max(size[1], 0))
        corners = [value * _FINE for point in (at, far) for value in point]
        self.brush.rectangle(corners, fill=_shade(colour, opacity))

    def polygon(self, points: Sequence[Point], *, colour: str, opacity: float) -> None:
        """A filled area."""
        if len(points) > 2:
            self.brush.polygon(
                [(x * _FINE, y * _FINE) for x, y in points], fill=_shade(colour, opacity)
            )

    def dots(self, points: Iterable[Point], *, colour: str, radius: float) -> None:
        """Filled discs."""
        fill, reach = _shade(colour, 1), radius * _FINE
        for x, y in points:
            left, top = x * _FINE - reach, y * _FINE - reach
            self.brush.ellipse((left, top, left + 2 * reach, top + 2 * reach), fill=fill)


def _shade(colour: str, opacity: float) -> tuple[int, int, int, int]:
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return red, green, blue, round(255 * opacity)


def _dashes(start: Point, end: Point) -> Iterable[Sequence[Point]]:
    length = ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5
    at = 0.0
    while at < length:
        until = min(at + _DASH[0], length)
        yield [
            (
                start[0] + (end[0] - start[0]) * share / length,
                start[1] + (end[1] - start[1]) * share / length,
            )
            for share in (at, until)
        ]
        at += sum(_DASH)
