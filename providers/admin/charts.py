"""What the last days cost, as inline SVG: a bar for each day.

No style attribute and no script; colours come from ``providers.css`` by class name, so that they
read in light and dark. The picture's title states its message; the list below it has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from django.utils.html import escape
from django.utils.safestring import SafeString

from providers.admin.shown import dollars

_WIDTH, _HEIGHT = 640, 180
_LEFT, _TOP, _FOOT = 70, 14, 34
_LABELS: Final = 6

Day = tuple[date, Decimal]


def message(days: Sequence[Day]) -> str:
    """The message of the bars in a sentence."""
    total = sum((cost for _, cost in days), Decimal(0))
    if not total:
        return f"Nothing was spent in the last {len(days)} days"
    day, most = max(days, key=lambda one: one[1])
    return f"{dollars(total)} in the last {len(days)} days, most on {day:%-d %b}: {dollars(most)}"


def cost_svg(days: Sequence[Day]) -> SafeString:
    """Bars of what each day cost, the oldest first."""
    title = escape(message(days))
    peak = max((cost for _, cost in days), default=Decimal(0)) or Decimal(1)
    bottom, tall = _HEIGHT - _FOOT, _HEIGHT - _FOOT - _TOP
    step = (_WIDTH - _LEFT) / max(1, len(days))
    parts = []
    for share in (0, 1):
        y = bottom - tall * share
        parts.append(
            f'<line class="cost-grid" x1="{_LEFT}" x2="{_WIDTH}" y1="{y}" y2="{y}"/>'
            f'<text class="cost-tick" x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">'
            f"{escape(dollars(peak * share))}</text>"
        )
    stride = max(1, len(days) // _LABELS)
    for at, (day, cost) in enumerate(days):
        x = _LEFT + at * step
        if at % stride == 0:
            parts.append(
                f'<text class="cost-tick" x="{x + step / 2:.1f}" y="{bottom + 18}"'
                f' text-anchor="middle">{day:%-d %b}</text>'
            )
        if cost:
            high = max(1.0, tall * float(cost / peak))
            parts.append(
                f"<g><title>{day:%-d %b %Y}: {escape(dollars(cost))}</title>"
                f'<rect class="cost-bar" x="{x + 1:.1f}" y="{bottom - high:.1f}"'
                f' width="{max(1.0, step - 2):.1f}" height="{high:.1f}"/></g>'
            )
    return SafeString(
        f'<svg class="cost-chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"'
        f' aria-label="{title}"><title>{title}</title>{"".join(parts)}</svg>'
    )
