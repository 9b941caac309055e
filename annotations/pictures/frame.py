"""Parts that the pictures share: the sheet, its title, axes, words."""

from __future__ import annotations

import math
from html import escape
from typing import Final

FONT: Final = 'font-family="system-ui, sans-serif"'
BLUE: Final = "#0072b2"
ORANGE: Final = "#e69f00"
GREEN: Final = "#009e73"
VERMILION: Final = "#d55e00"
# For kinds of a thing, in this order; from the ninth on all are grey.
PALETTE: Final = (BLUE, ORANGE, GREEN, "#cc79a7", "#56b4e9", VERMILION, "#f0e442", "#5b5bd6")
GREY: Final = "#8a8a86"


def sheet(name: str, title: str, width: int, height: int, *parts: str) -> str:
    """The whole picture: its message as title and heading, then the parts."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{name}" viewBox="0 0 {width} {height}" '
        f'role="img" {FONT}><title>{escape(title)}</title>'
        f'<text class="heading" x="0" y="18" font-size="14" font-weight="600" '
        f'fill="currentColor">{escape(title)}</text>{"".join(parts)}</svg>'
    )


def message(name: str, title: str, sentence: str) -> str:
    """A picture of nothing, which says why."""
    return sheet(name, title, 640, 64, words(0, 44, sentence, size=13, faint=True))


def words(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    size: int = 12,
    faint: bool = False,
    colour: str = "currentColor",
) -> str:
    """A line of text."""
    opacity = ' fill-opacity="0.75"' if faint else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'fill="{colour}"{opacity}>{escape(text)}</text>'
    )


def upright(x: float, y: float, text: str) -> str:
    """The name of a vertical axis."""
    return (
        f'<text transform="translate({x:.1f} {y:.1f}) rotate(-90)" text-anchor="middle" '
        f'font-size="12" fill="currentColor">{escape(text)}</text>'
    )


def line(x0: float, y0: float, x1: float, y1: float, *, name: str = "grid") -> str:
    """A thin line; ``grid`` is faint, ``guide`` dashed."""
    dashes = ' stroke-dasharray="5 4"' if name == "guide" else ""
    opacity = "0.15" if name == "grid" else "0.6"
    return (
        f'<line class="{name}" x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" '
        f'stroke="currentColor" stroke-opacity="{opacity}"{dashes}/>'
    )


def rectangle(
    x: float, y: float, width: float, height: float, *, colour: str, title: str, opacity: float = 1
) -> str:
    """A filled rectangle that says what it stands for."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(0.0, width):.1f}" '
        f'height="{max(0.0, height):.1f}" fill="{colour}" fill-opacity="{opacity:.2f}">'
        f"<title>{escape(title)}</title></rect>"
    )


def stride(most: float, steps: int = 4) -> int:
    """A round whole step (1, 2, 5 times a power of ten); about ``steps`` of them reach ``most``."""
    wanted = max(1.0, most / steps)
    power = 10 ** math.floor(math.log10(wanted))
    return int(next(f * power for f in (1, 2, 5, 10) if f * power >= wanted))


def short(name: str, longest: int = 18) -> str:
    """A name that fits beside a row."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
