"""The distance of samples in their order, with the threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitoring.admin.map_data import Batch
from monitoring.admin.pictures.axes import Plot, shown, steps
from monitoring.admin.pictures.sheet import BLUE, SEVERITY_LOOKS, VERMILION, Sheet

WIDTH: Final = 960
HEIGHT: Final = 420
# The line is drawn through the least and greatest of each so many pixels.
_BINS: Final = 900
# Where the farthest lies so many thresholds away, equal steps would show it alone.
_WIDE: Final = 30


def distances_title(scores: NDArray[Any], severities: NDArray[Any]) -> str:
    """The message: how many lie above the threshold."""
    if not len(scores):
        return "No samples yet"
    flagged = int(((severities > 0) & (severities < len(SEVERITY_LOOKS))).sum())
    return f"{flagged:,} of {len(scores):,} samples lie above the threshold"


def distances_over_time(
    sheet: Sheet,
    order: NDArray[Any],
    scores: NDArray[Any],
    severities: NDArray[Any],
    batches: Sequence[Batch],
    *,
    score: str = "distance",
) -> None:
    """Draw (n,) scores by number, as a band from least to greatest, and what is anomalous.

    ``score`` says what they measure.
    """
    known = np.isfinite(scores)
    if not known.any():
        sheet.words((64, 80), "No sample has a distance.", faint=True)
        return
    thresholds = [one.threshold for one in batches if one.threshold is not None]
    plot = _plot(order, scores[known], thresholds)
    plot.levels(sheet, f"{score}, by powers of ten" if plot.by_powers else score)
    plot.base(sheet, "sample, in the order in which they came")
    for value in steps(plot.low[0], plot.high[0], 8):
        x, y = plot.at(value, plot.low[1])
        sheet.words((x, y + 16), shown(value), anchor="middle", faint=True)
    sheet.line(_band(plot, order[known], scores[known]), colour=BLUE, width=1)
    for severity in range(1, len(SEVERITY_LOOKS)):
        colour, radius = SEVERITY_LOOKS[severity]
        chosen = known & (severities == severity)
        points = zip(order[chosen].tolist(), scores[chosen].tolist(), strict=True)
        sheet.dots([plot.at(x, y) for x, y in points], colour=colour, radius=radius)
    for one in batches:
        if one.threshold is not None and one.count:
            ends = (order[one.first], order[one.first + one.count - 1] + 1)
            line = [plot.at(float(x), one.threshold) for x in ends]
            sheet.line(line, colour=VERMILION, width=1.5, dashed=True)
    if thresholds:
        sheet.words((WIDTH - 24, 48), "dashed: threshold", anchor="end", faint=True)


def _plot(order: NDArray[Any], known: NDArray[Any], thresholds: Sequence[float]) -> Plot:
    highest = max([float(known.max()), *thresholds])
    by_powers = 0 < _WIDE * max(thresholds, default=0) < highest
    low, high = 0.0, 1.06 * highest
    if by_powers:
        low, high = float(known[known > 0].min()) / 1.5, 1.5 * highest
    ends = (float(order[0]), low), (float(order[-1]) + 1e-9, high)
    return Plot(64, 56, WIDTH - 88, HEIGHT - 110, *ends, by_powers=by_powers)


def _band(plot: Plot, order: NDArray[Any], scores: NDArray[Any]) -> list[tuple[float, float]]:
    if len(order) <= _BINS:
        return [plot.at(x, y) for x, y in zip(order.tolist(), scores.tolist(), strict=True)]
    points = []
    for part in np.array_split(np.arange(len(order)), _BINS):
        ends = sorted({int(part[scores[part].argmin()]), int(part[scores[part].argmax()])})
        points += [plot.at(float(order[at]), float(scores[at])) for at in ends]
    return points
