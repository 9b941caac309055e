"""Numbers of boxes: from texts and pixels to millionths of the picture, and back.

A millionth times a whole number of pixels has six decimals at most. They are all written, so that
nothing is rounded on the way out; on the way in a number is rounded once, to the millionth, which
on the longest side that is taken (65,535 pixels) is 0.07 pixels.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from annotations.exchange.errors import RowRefused
from annotations.exchange.records import MILLION, Box, shown

Edges = tuple[int, int, int, int]

# How far an edge may lie outside for having been rounded by whoever wrote it: pixels, fractions.
PIXEL_SLACK: Final = Decimal("0.05")
FRACTION_SLACK: Final = Decimal("0.000002")
LARGEST_SIDE: Final = 1_000_000
_LARGEST: Final = 10**9
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?\Z")
_LONGEST: Final = 64  # characters
_SCORES: Final = 10_000


def number(value: Any, name: str) -> Decimal:
    """A finite number, from text or JSON; RowRefused."""
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _LONGEST or not _NUMBER.match(text):
            raise RowRefused(f"{name} {shown(value)} is no number.")
        found = Decimal(text)
    elif isinstance(value, Decimal):
        found = value
    elif isinstance(value, int) and not isinstance(value, bool):
        if abs(value) > _LARGEST:
            raise RowRefused(f"{name} is out of all proportion.")
        found = Decimal(value)
    else:
        raise RowRefused(f"{name} {shown(value)} is no number.")
    if not found.is_finite() or abs(found) > _LARGEST:
        raise RowRefused(f"{name} {shown(value)} is out of all proportion.")
    return found


def score(value: Any) -> int:
    """A score from 0 to 1 in ten-thousandths; RowRefused."""
    found = number(value, "the score")
    if not 0 <= found <= 1:
        raise RowRefused(f"the score {shown(value)} is not from 0 to 1.")
    return int((found * _SCORES).to_integral_value(ROUND_HALF_EVEN))


def side(value: Any, name: str) -> int:
    """The length of a picture's side in pixels; RowRefused."""
    found = number(value, name)
    if found != found.to_integral_value() or not 1 <= found <= LARGEST_SIDE:
        raise RowRefused(f"{name} {shown(value)} is not a number of pixels from 1 to 1,000,000.")
    return int(found)


def edges(
    corners: tuple[Decimal, Decimal, Decimal, Decimal],
    *,
    across: int,
    down: int,
    slack: Decimal,
    clip: bool,
) -> tuple[Edges, bool]:
    """Left, top, right and bottom in millionths, and whether they were cut.

    ``corners``  the same four, in units of which the picture has ``across`` and ``down``
    ``slack``    so many units outside is rounding; beyond it is refused, or cut with ``clip``
    """
    left, top, right, bottom = corners
    across_it = _Span(left, right, across, ("left", "right", "width"))
    down_it = _Span(top, bottom, down, ("top", "bottom", "height"))
    first, last = across_it.millionths(slack, clip=clip)
    upper, lower = down_it.millionths(slack, clip=clip)
    return (first, upper, last, lower), across_it.is_outside(slack) or down_it.is_outside(slack)


@dataclass(frozen=True, slots=True)
class _Span:
    """What a box covers of one side, of so many units."""

    low: Decimal
    high: Decimal
    units: int
    names: tuple[str, str, str]

    def is_outside(self, slack: Decimal) -> bool:
        return self.low < -slack or self.high > self.units + slack

    def millionths(self, slack: Decimal, *, clip: bool) -> tuple[int, int]:
        low, high = f"{self.low.normalize():f}", f"{self.high.normalize():f}"
        first, last, length = self.names
        if self.high <= self.low:
            raise RowRefused(f"the box has no {length}: {first} {low}, {last} {high}.")
        if self.is_outside(slack) and not clip:
            raise RowRefused(
                f"the box reaches out of the picture: {first} {low}, {last} {high} of"
                f" {self.units}. Correct it, or have boxes clipped."
            )
        if self.high <= 0 or self.low >= self.units:
            raise RowRefused(f"the box lies outside the picture: {first} {low}, {last} {high}.")
        start, end = _millionths(self.low, self.units), _millionths(self.high, self.units)
        return some_size(max(start, 0), min(end, MILLION))


def _millionths(value: Decimal, units: int) -> int:
    return int((value * MILLION / units).to_integral_value(ROUND_HALF_EVEN))


def some_size(low: int, high: int) -> tuple[int, int]:
    """The two, or a millionth of the picture where rounding has left nothing between them."""
    if high > low:
        return low, high
    low = min(max(low, 0), MILLION - 1)
    return low, low + 1


def fraction(millionths: int) -> str:
    """``0.250000``: six decimals."""
    return f"{millionths // MILLION}.{millionths % MILLION:06d}"


def half(twice: int) -> str:
    """Half of so many millionths, with the seventh decimal that it needs."""
    return f"{twice // (2 * MILLION)}.{twice % (2 * MILLION) * 5:07d}"


def pixels(millionths: int, side: int) -> str:
    """So many millionths of a side in pixels, exactly: ``124.002``, ``320``."""
    return _trimmed(millionths * side, 6)


def area(box: Box, width: int, height: int) -> str:
    """Square pixels, exactly."""
    return _trimmed((box.right - box.left) * width * (box.bottom - box.top) * height, 12)


def _trimmed(scaled: int, places: int) -> str:
    units, rest = divmod(scaled, 10**places)
    return f"{units}.{rest:0{places}d}".rstrip("0") if rest else str(units)


def score_text(value: int) -> str:
    """``0.8750``: four decimals, as the database keeps them."""
    return f"{value // _SCORES}.{value % _SCORES:04d}"
