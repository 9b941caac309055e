"""The lists of a result: figures and holes, lacunarity, histogram, thirds, quality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from config.admin.formats import NOTHING, number, percent
from imaging.admin.findings import Row, amount, at, bar, boxed, figure, pixels, point


@dataclass(frozen=True, slots=True)
class Piece:
    """A figure or hole of the list, in source pixels."""

    rank: int
    area: str
    share: str
    box: str
    centre: str


def pieces(data: Any, key: str) -> list[Piece]:
    """The listed figures or holes, the largest first."""
    found = at(data, key)
    return [
        Piece(
            rank=rank,
            area=number(figure(piece, "area"), "px²"),
            share=percent(figure(piece, "area_ratio"), digits=2),
            box=boxed(at(piece, "bbox")),
            centre=point(figure(piece, "centroid", "x"), figure(piece, "centroid", "y")),
        )
        for rank, piece in enumerate(found if isinstance(found, list) else [], 1)
    ]


def lacunarity(data: Any) -> list[Row]:
    """L(r) by box side; ``relative`` is a bar from 1 to the largest of them, 0 to 100."""
    found = at(data, "lacunarity")
    entries = (
        [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
    )
    above = [(figure(entry, "value") or 1.0) - 1 for entry in entries]
    largest = max(above, default=0.0)
    return [
        Row(
            pixels(figure(entry, "r")),
            number(figure(entry, "value"), digits=3),
            bar(excess / largest if largest > 0 else None),
            "",
        )
        for entry, excess in zip(entries, above, strict=True)
    ]


def histogram(data: Any) -> list[Row]:
    """Share of the ground by clearance; the table behind the chart."""
    edges, shares = (
        at(data, "clearance", "histogram", "edges"),
        at(data, "clearance", "histogram", "shares"),
    )
    if not isinstance(edges, list) or not isinstance(shares, list):
        return []
    return [
        Row(f"{number(low, digits=1)} to {pixels(high, digits=1)}", percent(share), "", "")
        for low, high, share in zip(edges, edges[1:], shares, strict=False)
        if all(amount(value) is not None for value in (low, high, share))
    ]


def thirds(data: Any) -> list[list[tuple[str, str]]]:
    """Ground in the nine fields: text, and the step of tint from 0 to 10; [] when not stored."""
    found = at(data, "thirds", "void")
    if not isinstance(found, list) or len(found) != 3:
        return []
    grid: list[list[tuple[str, str]]] = []
    for line in found:
        if not isinstance(line, list) or len(line) != 3:
            return []
        cells = [amount(value) for value in line]
        grid.append(
            [
                (percent(value, digits=0), "none" if value is None else f"{round(value * 10)}")
                for value in cells
            ]
        )
    return grid


_QUALITY: Final = {
    "separability": ("Separability", "%", "how clearly two kinds of pixels differ (Otsu's eta)"),
    "stability": ("Stability", "%", "overlap of the figures when the threshold moves"),
    "contrast": ("Contrast", "levels", "mean difference of figure and ground"),
    "border_figure": ("Frame that is figure", "%", "a high share means a cropped subject"),
    "threshold": ("Threshold", "", "level that separates the two"),
    "raw_score": ("Raw score", "", "before it is calibrated to the confidence"),
    "sharpness": ("Sharpness", "", "variance of the Laplacian; more is sharper"),
    "clipped": ("Clipped", "%", "pixels that are pure black or white"),
    "working_scale": ("Working scale", "%", "of the source's length; 100 % keeps every pixel"),
}


def quality(metrics: Any) -> list[Row]:
    """The quality metrics, those we know in words, others under their own name."""
    rows = []
    for key, value in (metrics if isinstance(metrics, dict) else {}).items():
        name, unit, meaning = _QUALITY.get(key, (key.replace("_", " ").capitalize(), "", ""))
        rows.append(Row(name, _metric(value, unit), "", meaning))
    return rows


def _metric(value: Any, unit: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)[:80] if value is not None else NOTHING
    if amount(value) is None:
        return NOTHING
    if unit == "%":
        return percent(value)
    digits = 0 if float(value).is_integer() else (3 if abs(value) < 10 else 1)
    return number(value, unit, digits=digits)
