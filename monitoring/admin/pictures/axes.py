"""A plot within a sheet: from values to places, with steps and names on its axes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from monitoring.admin.pictures.sheet import INK, Point, Sheet


@dataclass(frozen=True, slots=True)
class Plot:
    """A rectangle of the sheet that shows values from ``low`` to ``high``; y grows upwards.

    With ``by_powers`` y goes by powers of ten; what is below ``low`` stands at the foot.
    """

    left: float
    top: float
    width: float
    height: float
    low: Point
    high: Point
    by_powers: bool = False

    def at(self, x: float, y: float) -> Point:
        """Where a value lies on the sheet."""
        across = (x - self.low[0]) / ((self.high[0] - self.low[0]) or 1)
        low, high = self.low[1], self.high[1]
        if self.by_powers:
            low, y, high = (math.log10(max(one, self.low[1])) for one in (low, y, high))
        up = (y - low) / ((high - low) or 1)
        return self.left + across * self.width, self.top + (1 - up) * self.height

    def levels(self, sheet: Sheet, name: str) -> None:
        """Faint lines and figures of the upright axis, and its name above them."""
        levels = powers if self.by_powers else steps
        for value in levels(self.low[1], self.high[1]):
            _, y = self.at(0, value)
            sheet.line([(self.left, y), (self.left + self.width, y)], opacity=0.15)
            sheet.words((self.left - 8, y + 4), shown(value), anchor="end", faint=True)
        sheet.words((self.left, self.top - 8), name, faint=True)

    def base(self, sheet: Sheet, name: str) -> None:
        """The lower border and the name of the level axis."""
        y = self.top + self.height
        sheet.line([(self.left, y), (self.left + self.width, y)], colour=INK, opacity=0.6)
        sheet.words((self.left + self.width / 2, y + 36), name, anchor="middle", faint=True)


def steps(low: float, high: float, about: int = 5) -> Iterator[float]:
    """Round values from low to high, about so many: 1, 2 or 5 times a power of ten apart."""
    if not high > low:
        yield low
        return
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(f * power for f in (1, 2, 5, 10) if f * power >= raw * 0.999)
    for index in range(math.ceil(low / step), math.floor(high / step) + 1):
        yield index * step


def powers(low: float, high: float) -> Iterator[float]:
    """The powers of ten from low to high, both positive."""
    for power in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1):
        yield 10.0**power


def shown(value: float) -> str:
    """A figure of an axis."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
