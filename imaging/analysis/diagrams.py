"""Standalone SVG of an analysis: clearance histogram, margins, and shapes as an overlay.

They take ``negative_space_data``, so they can be drawn from a stored result. No style attribute, no
style element and no script: presentation attributes and class names only, so that a strict content
security policy lets them pass and a page's stylesheet can refine them. Text and axes take
``currentColor``, so they read in light and dark.
"""

import math
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_FONT = 'font-family="system-ui, sans-serif"'
_TEAL = "#1f9d92"
_YELLOW = "#ffdc6e"
_ORANGE = "#ffa460"
_DARK = "#0a1214"

TIMES = "\N{MULTIPLICATION SIGN}"
DIAMETER = "\N{LATIN CAPITAL LETTER O WITH STROKE}"

Data = Mapping[str, Any]


def histogram_svg(data: Data) -> str:
    """Clearance histogram: how far the ground lies from the nearest figure or frame.

    Without ground, the picture says so. Each bar carries its figures as a title.
    """
    clearance = data["clearance"]
    if clearance is None:
        return _message("No ground", "The picture is all figure: there is no clearance to show.")
    half = clearance["p50"]
    title = f"Half of the ground lies within {_number(half)} px of a figure or the frame"
    shares = [share * 100 for share in clearance["histogram"]["shares"]]
    edges = clearance["histogram"]["edges"]
    step = _nice(max(shares) / 4)
    ticks = max(1, math.ceil(max(shares) / step))
    return "".join(
        (
            _opening(_WIDTH, _HEIGHT, title, "ns-histogram"),
            _heading(title),
            *(_level(i / ticks, step * i) for i in range(ticks + 1)),
            *_bars(shares, edges, step * ticks),
            *_reaches(edges[-1]),
            _median_line(_LEFT + _PLOT_WIDTH * half / edges[-1]),
            _axis_names(),
            "</svg>",
        )
    )


_WIDTH, _HEIGHT, _LEFT, _TOP = 640, 300, 56, 44
_PLOT_WIDTH, _PLOT_HEIGHT = _WIDTH - _LEFT - 16, _HEIGHT - _TOP - 52
_BOTTOM = _TOP + _PLOT_HEIGHT


def _level(share_of_height: float, value: float) -> str:
    y = _BOTTOM - _PLOT_HEIGHT * share_of_height
    return (
        f'<line class="ns-grid" x1="{_LEFT}" x2="{_WIDTH - 16}" y1="{y:.1f}" y2="{y:.1f}" '
        'stroke="currentColor" stroke-opacity="0.15"/>'
        f'<text class="ns-tick" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" '
        f'font-size="12" fill="currentColor" fill-opacity="0.75">{_number(value)}</text>'
    )


def _bars(shares: list[float], edges: list[float], peak: float) -> Iterator[str]:
    width = _PLOT_WIDTH / len(shares)
    for i, share in enumerate(shares):
        height = _PLOT_HEIGHT * share / peak
        reach = f"{_number(edges[i])} to {_number(edges[i + 1])} px"
        yield (
            f'<rect class="ns-bar" x="{_LEFT + i * width + 1:.1f}" y="{_BOTTOM - height:.1f}" '
            f'width="{max(0.5, width - 2):.1f}" height="{height:.1f}" fill="{_TEAL}">'
            f"<title>{reach}: {share:.1f} % of the ground</title></rect>"
        )


def _reaches(longest: float) -> Iterator[str]:
    stride = _nice(longest / 6)
    for i in range(int(longest / stride) + 1):
        x = _LEFT + _PLOT_WIDTH * stride * i / longest
        yield (
            f'<text class="ns-tick" x="{x:.1f}" y="{_BOTTOM + 18}" text-anchor="middle" '
            f'font-size="12" fill="currentColor" fill-opacity="0.75">{_number(stride * i)}</text>'
        )


def _axis_names() -> str:
    return (
        f'<text class="ns-axis" x="{_LEFT + _PLOT_WIDTH / 2:.1f}" y="{_HEIGHT - 12}" '
        'text-anchor="middle" font-size="12" fill="currentColor">'
        "Distance to the nearest figure or frame (px)</text>"
        f'<text class="ns-axis" transform="translate(14 {_TOP + _PLOT_HEIGHT / 2:.1f}) '
        'rotate(-90)" text-anchor="middle" font-size="12" fill="currentColor">'
        "Share of the ground (%)</text>"
    )


def _median_line(x: float) -> str:
    anchor, dx = ("end", -6) if x > _WIDTH * 0.75 else ("start", 6)
    return (
        f'<line class="ns-median" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 4}" y2="{_BOTTOM}" '
        'stroke="currentColor" stroke-width="1.5" stroke-dasharray="4 3"/>'
        f'<text class="ns-median-label" x="{x + dx:.1f}" y="{_TOP + 8}" text-anchor="{anchor}" '
        'font-size="12" fill="currentColor">median</text>'
    )


def margins_svg(data: Data) -> str:
    """The frame, the figures' common box in it, and the four margins in source pixels."""
    margins, box, size = data["margins"], data["figure_box"], data["size"]
    if margins is None:
        return _message("No figure", "The picture has no figure, hence no margins.")
    title = _margins_message(margins)
    width, top, pad = 640, 56, 84
    scale = min((width - 2 * pad) / size["width"], 300 / size["height"])
    w, h = max(2.0, size["width"] * scale), max(2.0, size["height"] * scale)
    left = (width - w) / 2
    height = round(top + h + 44)
    x, y = left + box["x"] * scale, top + box["y"] * scale
    bw, bh = max(1.0, box["w"] * scale), max(1.0, box["h"] * scale)
    mid_x, mid_y = x + bw / 2, y + bh / 2
    parts = [
        _opening(width, height, title, "ns-margins"),
        _heading(title),
        f'<rect class="ns-frame" x="{left:.1f}" y="{top:.1f}" width="{w:.1f}" height="{h:.1f}" '
        f'fill="{_TEAL}" fill-opacity="0.16" stroke="currentColor" stroke-width="1.5"/>'
        f'<rect class="ns-figure-box" x="{x:.1f}" y="{y:.1f}" width="{bw:.1f}" '
        f'height="{bh:.1f}" fill="currentColor" fill-opacity="0.12" stroke="currentColor" '
        'stroke-width="1.5" stroke-dasharray="5 3"/>',
        _measure(mid_x, top, mid_x, y),
        _measure(mid_x, y + bh, mid_x, top + h),
        _measure(left, mid_y, x, mid_y),
        _measure(x + bw, mid_y, left + w, mid_y),
        _margin_label(mid_x, top - 8, "middle", margins, "top"),
        _margin_label(mid_x, top + h + 20, "middle", margins, "bottom"),
        _margin_label(left - 8, mid_y + 4, "end", margins, "left"),
        _margin_label(left + w + 8, mid_y + 4, "start", margins, "right"),
        "</svg>",
    ]
    return "".join(parts)


_PLACE = {"top": "above", "right": "to the right", "bottom": "below", "left": "to the left"}


def _margins_message(margins: Data) -> str:
    relative = margins["relative"]
    widest = max(_PLACE, key=lambda side: relative[side])
    least = min(_PLACE, key=lambda side: relative[side])
    reached = [side for side in _PLACE if relative[side] < 0.005]
    if len(reached) == 4:
        return "The figures reach the frame on every side"
    if reached:
        names = " and ".join(", ".join(reached).rsplit(", ", 1))
        return f"The figures reach the frame at the {names}; most room is {_PLACE[widest]}"
    if relative[widest] - relative[least] < 0.005:
        return "All margins are equally wide"
    return f"Most room is {_PLACE[widest]}, least {_PLACE[least]}"


def _measure(x0: float, y0: float, x1: float, y1: float) -> str:
    return (
        f'<line class="ns-measure" x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" '
        f'stroke="{_TEAL}" stroke-width="2"/>'
    )


def _margin_label(x: float, y: float, anchor: str, margins: Data, side: str) -> str:
    share = margins["relative"][side] * 100
    return (
        f'<text class="ns-label" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="12" '
        f'fill="currentColor">{margins[side]} px'
        f'<tspan fill-opacity="0.7"> · {share:.0f} %</tspan></text>'
    )


def shapes_svg(data: Data) -> str:
    """Largest empty circle (solid) and rectangle (dashed), to lie over the preview.

    The viewBox is in source pixels; lines keep their width at any size.
    """
    size, circle, box = data["size"], data["largest_empty_circle"], data["largest_empty_rect"]
    width, height = size["width"], size["height"]
    text = max(width, height) / 62
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="ns-shapes" viewBox="0 0 {width} {height}" '
        'role="img"><title>Largest empty circle and largest empty rectangle</title>'
    ]
    if box is not None:
        parts.append(
            _twice(
                f'<rect class="ns-rect{{0}}" x="{box["x"]}" y="{box["y"]}" width="{box["w"]}" '
                f'height="{box["h"]}" fill="none" stroke="{{1}}" stroke-width="{{2}}"{{3}} '
                'vector-effect="non-scaling-stroke"/>',
                _ORANGE,
                dashes=' stroke-dasharray="8 5"',
            )
        )
        parts.append(
            _overlay_label(
                "ns-rect-label",
                f"{box['w']} {TIMES} {box['h']} px",
                x=box["x"] + text * 0.6,
                y=box["y"] + text * 1.5,
                anchor="start",
                size=text,
                colour=_ORANGE,
            )
        )
    if circle is not None:
        parts.append(
            _twice(
                f'<circle class="ns-circle{{0}}" cx="{circle["cx"]}" cy="{circle["cy"]}" '
                f'r="{circle["r"]}" fill="none" stroke="{{1}}" stroke-width="{{2}}"{{3}} '
                'vector-effect="non-scaling-stroke"/>',
                _YELLOW,
                dashes="",
            )
        )
        parts.append(
            _overlay_label(
                "ns-circle-label",
                f"{DIAMETER} {2 * circle['r']:.0f} px",
                x=circle["cx"],
                y=circle["cy"] + text * 0.35,
                anchor="middle",
                size=text,
                colour=_YELLOW,
            )
        )
    parts.append("</svg>")
    return "".join(parts)


def _twice(shape: str, colour: str, *, dashes: str) -> str:
    """A shape as dark halo and as line."""
    halo = shape.format(" ns-halo", _DARK, 4.5, ' stroke-opacity="0.5"' + dashes)
    return halo + shape.format("", colour, 2, dashes)


def _overlay_label(
    name: str, text: str, *, x: float, y: float, anchor: str, size: float, colour: str
) -> str:
    return (
        f'<text class="{name}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {_FONT} '
        f'font-size="{size:.1f}" font-weight="600" fill="{colour}" stroke="{_DARK}" '
        f'stroke-width="{size / 5:.1f}" stroke-linejoin="round" paint-order="stroke">'
        f"{escape(text)}</text>"
    )


def _opening(width: int, height: int, title: str, name: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{name}" viewBox="0 0 {width} {height}" '
        f'role="img" {_FONT}><title>{escape(title)}</title>'
    )


def _heading(title: str) -> str:
    return (
        '<text class="ns-title" x="0" y="18" font-size="14" font-weight="600" '
        f'fill="currentColor">{escape(title)}</text>'
    )


def _message(title: str, sentence: str) -> str:
    return (
        _opening(640, 72, title, "ns-message")
        + _heading(title)
        + '<text class="ns-note" x="0" y="44" font-size="13" fill="currentColor" '
        f'fill-opacity="0.8">{escape(sentence)}</text></svg>'
    )


def _number(value: float) -> str:
    """Short and plain: whole from ten on, else up to two decimals."""
    if abs(value) >= 10:
        return f"{value:.0f}"
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _nice(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten, at least 0.01."""
    step = 0.01
    while True:
        for factor in (1.0, 2.0, 5.0):
            if step * factor >= value:
                return step * factor
        step *= 10
