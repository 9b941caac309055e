"""The diagrams of a result, drawn from its stored figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.utils.safestring import SafeString, mark_safe

from imaging import analysis
from imaging.admin.findings import amount, at

_DRAWN: Final = (
    "size",
    "margins",
    "figure_box",
    "largest_empty_circle",
    "largest_empty_rect",
    "clearance",
)


def drawn(draw: Callable[[Any], str], data: Any) -> SafeString:
    """A diagram of the analysis, or nothing where the stored figures do not suffice for it.

    The drawing writes numbers into markup as they are, so data that holds anything else where
    numbers belong is not drawn.
    """
    parts = {key: at(data, key) for key in _DRAWN}
    if not _numbers_alone(parts):
        return mark_safe("")
    try:
        picture = draw(parts)
    except (KeyError, TypeError, ValueError, ZeroDivisionError, AttributeError, IndexError):
        return mark_safe("")
    return mark_safe(picture)  # noqa: S308 - made of constants and the numbers just checked


def _numbers_alone(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_numbers_alone(part) for part in value.values())
    if isinstance(value, list):
        return all(_numbers_alone(part) for part in value)
    return value is None or amount(value) is not None


def shapes(data: Any) -> SafeString:
    """Circle and rectangle, to lie over the preview."""
    return drawn(analysis.shapes_svg, data)


def margins(data: Any) -> SafeString:
    """The margins as a diagram."""
    return drawn(analysis.margins_svg, data)


def clearance_chart(data: Any) -> SafeString:
    """The clearance histogram as a diagram."""
    return drawn(analysis.histogram_svg, data)
