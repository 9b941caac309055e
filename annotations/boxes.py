"""The box of an annotation: fractions of the upright image, as the database keeps them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from annotations.errors import BoxRefused

# A millionth of a picture is less than a pixel of any that we take; six places are written.
_PLACES: Final = 6


@dataclass(frozen=True, slots=True)
class Box:
    """Edges as fractions: 0 <= left < right <= 1, 0 <= top < bottom <= 1."""

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        edges = (self.left, self.top, self.right, self.bottom)
        if not all(isinstance(edge, int | float) and math.isfinite(edge) for edge in edges):
            raise BoxRefused("A box has four finite numbers.")
        for name in ("left", "top", "right", "bottom"):
            object.__setattr__(self, name, round(float(getattr(self, name)), _PLACES))
        if not (self.left >= 0 and self.top >= 0 and self.right <= 1 and self.bottom <= 1):
            raise BoxRefused(
                f"The box {self.left}, {self.top}, {self.right}, {self.bottom} lies outside the"
                " picture: its edges are fractions from 0 to 1."
            )
        if self.left >= self.right or self.top >= self.bottom:
            raise BoxRefused(
                f"The box {self.left}, {self.top}, {self.right}, {self.bottom} has no size:"
                " left comes before right, and top before bottom."
            )

    @classmethod
    def of_size(cls, left: float, top: float, width: float, height: float) -> Box:
        """From a corner and a size; BoxRefused."""
        try:
            return cls(left, top, left + width, top + height)
        except TypeError:
            raise BoxRefused("A box has four finite numbers.") from None

    @classmethod
    def from_json(cls, data: object) -> Box:
        """From what ``to_json`` makes; BoxRefused."""
        try:
            assert isinstance(data, Mapping)
            first, last = data["topLeft"], data["bottomRight"]
            edges = (first["x"], first["y"], last["x"], last["y"])
        except (AssertionError, KeyError, TypeError, IndexError):
            raise BoxRefused(
                'A box is {"topLeft": {"x", "y"}, "bottomRight": {"x", "y"}, "width", "height"}.'
            ) from None
        if any(isinstance(edge, bool) for edge in edges):
            raise BoxRefused("A box has four finite numbers.")
        return cls(*edges)

    @property
    def width(self) -> float:
        """As a fraction of the picture's."""
        return round(self.right - self.left, _PLACES)

    @property
    def height(self) -> float:
        """As a fraction of the picture's."""
        return round(self.bottom - self.top, _PLACES)

    def to_json(self) -> dict[str, Any]:
        """As the column ``bounding_box`` wants it."""
        return {
            "topLeft": {"x": self.left, "y": self.top},
            "bottomRight": {"x": self.right, "y": self.bottom},
            "width": self.width,
            "height": self.height,
        }
