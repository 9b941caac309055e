"""What pictures are drawn on, and the form of it that writes SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final, Literal, Protocol

INK: Final = "#23211d"
PAPER: Final = "#ffffff"
BLUE: Final = "#0072b2"
SKY: Final = "#56b4e9"
ORANGE: Final = "#e69f00"
VERMILION: Final = "#d55e00"
PURPLE: Final = "#cc79a7"
GREY: Final = "#8a8a86"
GREEN: Final = "#009e73"
# Of a severity from 0 to 4: its colour, and the radius of its dot in pixels.
SEVERITY_LOOKS: Final = (
    (BLUE, 1.6),
    (SKY, 2.6),
    (ORANGE, 3.2),
    (VERMILION, 3.8),
    (PURPLE, 4.6),
)
SEVERITY_WORDS: Final = ("healthy", "low", "medium", "high", "critical")

Point = tuple[float, float]
Anchor = Literal["start", "middle", "end"]


class Sheet(Protocol):
    """A sheet of ``width`` by ``height`` pixels; y grows downwards."""

    width: float
    height: float

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
        """A line of text on its base line."""

    def line(
        self,
        points: Sequence[Point],
        *,
        colour: str = INK,
        width: float = 1,
        opacity: float = 1,
        dashed: bool = False,
    ) -> None:
        """Straight lines from point to point."""

    def rectangle(
        self, at: Point, size: Point, *, colour: str, opacity: float = 1, title: str = ""
    ) -> None:
        """A filled rectangle from its upper left corner."""

    def polygon(self, points: Sequence[Point], *, colour: str, opacity: float) -> None:
        """A filled area."""

    def dots(self, points: Iterable[Point], *, colour: str, radius: float) -> None:
        """Filled discs of one look."""


class SvgSheet:
    """Collects the elements of an SVG; ``inline`` ones take the text colour of their page."""

    def __init__(
        self, width: float, height: float, *, title: str, name: str = "", inline: bool = False
    ) -> None:
        self.width, self.height, self.title, self.name = width, height, title, name
        self.ink = "currentColor" if inline else INK
        self.parts: list[str] = []
        if not inline:
            self.rectangle((0, 0), (width, height), colour=PAPER)
        self.words((0 if inline else 16, 20), title, size=14, bold=True)

    def __str__(self) -> str:
        named = f' class="{escape(self.name)}"' if self.name else ""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg"{named} viewBox="0 0 {self.width:g} '
            f'{self.height:g}" role="img" font-family="system-ui, sans-serif">'
            f"<title>{escape(self.title)}</title>{''.join(self.parts)}</svg>"
        )

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
        """A text element."""
        more = ' fill-opacity="0.8"' if faint else ""
        more += ' font-weight="600"' if bold else ""
        self.parts.append(
            f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="{anchor}" font-size="{size}"'
            f' fill="{self.ink}"{more}>{escape(text)}</text>'
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
        """A path without filling."""
        if len(points) < 2:
            return
        more = f' stroke-opacity="{opacity:g}"' if opacity < 1 else ""
        more += ' stroke-dasharray="6 4"' if dashed else ""
        ink = self.ink if colour == INK else colour
        self.parts.append(
            f'<path d="M{_joined(points)}" fill="none" stroke="{ink}" stroke-width="{width:g}"'
            f"{more}/>"
        )

    def rectangle(
        self, at: Point, size: Point, *, colour: str, opacity: float = 1, title: str = ""
    ) -> None:
        """A rect element that says what it stands for."""
        more = f' fill-opacity="{opacity:g}"' if opacity < 1 else ""
        body = f"><title>{escape(title)}</title></rect>" if title else "/>"
        self.parts.append(
            f'<rect x="{at[0]:.1f}" y="{at[1]:.1f}" width="{max(size[0], 0):.1f}"'
            f' height="{max(size[1], 0):.1f}" fill="{colour}"{more}{body}'
        )

    def polygon(self, points: Sequence[Point], *, colour: str, opacity: float) -> None:
        """A closed path."""
        self.parts.append(
            f'<path d="M{_joined(points)}Z" fill="{colour}" fill-opacity="{opacity:g}"/>'
        )

    def dots(self, points: Iterable[Point], *, colour: str, radius: float) -> None:
        """One path of lines without length, whose round ends are the discs."""
        marks = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in points)
        if marks:
            self.parts.append(
                f'<path d="{marks}" fill="none" stroke="{colour}" stroke-width="{2 * radius:g}"'
                ' stroke-linecap="round"/>'
            )


def _joined(points: Sequence[Point]) -> str:
    return "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
