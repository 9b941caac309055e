"""Reliability diagram: what was said against how often it was right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from annotations.knowledge.calibration import Bin, Decisions, ece, reliability
from annotations.pictures.frame import BLUE, ORANGE, line, message, sheet, upright, words

_WIDTH, _HEIGHT = 560, 520
_LEFT, _TOP, _SIDE = 64, 48, 400
_BOTTOM = _TOP + _SIDE
_NAME: Final = "reliability"


def reliability_diagram(before: Decisions, after: Decisions | None = None) -> str:
    """Bins of equal mass, as stated and as calibrated, with intervals of 95 % (Wilson).

    On the diagonal a confidence means what it says; above it the provider knows more than it says.
    Each point's title has its figures.
    """
    if not before.count:
        return message(_NAME, "Nothing decided yet", "Once people decide, this shows how often.")
    sets = [(reliability(before), ORANGE, "as stated")]
    if after is not None:
        sets.append((reliability(after), BLUE, "calibrated"))
    return sheet(
        _NAME,
        _said(before, after),
        _WIDTH,
        _HEIGHT,
        *_axes(),
        *(part for bins, colour, word in sets for part in _points(bins, colour, word)),
        *(_key(i, colour, word) for i, (_, colour, word) in enumerate(sets)),
    )


def _said(before: Decisions, after: Decisions | None) -> str:
    stated = ece(before)
    if after is not None:
        return f"Calibration error {stated:.3f} as stated, {ece(after):.3f} calibrated"
    mean = float(before.stated @ before.total) / before.count
    right = int(before.right.sum()) / before.count
    how = "less" if right > mean else "more"
    return f"The provider is {how} sure than it should be: {mean:.0%} said, {right:.0%} right"


def _axes() -> Iterator[str]:
    for tenth in range(0, 11, 2):
        share = tenth / 10
        x, y = _place(share, share)
        yield line(_LEFT, y, _LEFT + _SIDE, y)
        yield line(x, _TOP, x, _BOTTOM)
        yield words(_LEFT - 8, y + 4, f"{share:.1f}", anchor="end", faint=True)
        yield words(x, _BOTTOM + 18, f"{share:.1f}", anchor="middle", faint=True)
    yield line(_LEFT, _BOTTOM, _LEFT + _SIDE, _TOP, name="guide")
    yield words(_LEFT + _SIDE / 2, _BOTTOM + 40, "Confidence", anchor="middle")
    yield upright(18, _TOP + _SIDE / 2, "Share that people found right")


def _points(bins: Sequence[Bin], colour: str, word: str) -> Iterator[str]:
    for one in bins:
        x, y = _place(one.stated, one.right)
        _, high = _place(0, one.interval.high)
        _, low = _place(0, one.interval.low)
        yield (
            f'<line class="interval" x1="{x:.1f}" x2="{x:.1f}" y1="{high:.1f}" y2="{low:.1f}" '
            f'stroke="{colour}" stroke-opacity="0.5" stroke-width="2"/>'
        )
        title = (
            f"{word}: {one.stated:.3f} on average ({one.low:.3f} to {one.high:.3f}),"
            f" {one.right:.0%} of {one.mass:.0f} right"
        )
        yield (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}">'
            f"<title>{escape(title)}</title></circle>"
        )


def _key(number: int, colour: str, word: str) -> str:
    y = _TOP + 8 + 20 * number
    x = _LEFT + _SIDE + 14
    return f'<circle cx="{x}" cy="{y}" r="5" fill="{colour}"/>' + words(x + 10, y + 4, word)


def _place(stated: float, right: float) -> tuple[float, float]:
    return _LEFT + _SIDE * stated, _BOTTOM - _SIDE * right
