"""The map: healthy region, healthy rows, samples by severity."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitoring.admin.pictures.axes import Plot
from monitoring.admin.pictures.sheet import (
    GREEN,
    GREY,
    SEVERITY_LOOKS,
    SEVERITY_WORDS,
    Sheet,
)
from monitoring.admin.region import Loop, core

WIDTH: Final = 960
HEIGHT: Final = 720
_LEFT, _TOP, _FOOT = 24, 44, 56

Places = NDArray[np.floating[Any]]


def map_title(severities: NDArray[np.integer[Any]]) -> str:
    """The message: how many samples lie outside."""
    total = len(severities)
    if not total:
        return "The healthy region; no samples yet"
    flagged = int(((severities > 0) & (severities < len(SEVERITY_WORDS))).sum())
    return f"{flagged:,} of {total:,} samples left the healthy region"


def map_picture(
    sheet: Sheet,
    healthy: Places,
    samples: Places,
    severities: NDArray[np.integer[Any]],
    loops: list[Loop],
) -> None:
    """Draw (n, 2) healthy rows, (m, 2) samples with a severity each, and the region's lines.

    What is so far away that the healthy rows would be one dot are drawn at the edge.
    """
    plot = _plot(healthy, samples)
    (healthy, rows), (samples, more) = _held(plot, healthy), _held(plot, samples)
    for loop in loops:
        border = [plot.at(x, y) for x, y in loop]
        sheet.polygon(border, colour=GREEN, opacity=0.12)
    sheet.dots(_at(plot, healthy), colour=GREY, radius=1.2)
    for severity, (colour, radius) in enumerate(SEVERITY_LOOKS):
        chosen = samples[severities == severity]
        sheet.dots(_at(plot, chosen), colour=colour, radius=radius)
    for loop in loops:  # its border once more, which points may hide
        border = [plot.at(x, y) for x, y in loop]
        sheet.line([*border, border[0]], colour=GREEN, width=1.5)
    _legend(sheet, severities)
    if rows + more:
        told = f"{rows + more:,} farther away are drawn at the edge"
        sheet.words((WIDTH - _LEFT, 20), told, anchor="end", faint=True)


def _plot(healthy: Places, samples: Places) -> Plot:
    """All places, or the healthy ones and what is around them, where all would hide those."""
    places = np.concatenate((healthy, samples)) if len(samples) else healthy
    low, high = places.min(axis=0).astype(float), places.max(axis=0).astype(float)
    if len(healthy):
        least, most = core(healthy)
        around = 0.5 * float((most - least).max())
        near = places[((places >= least - around) & (places <= most + around)).all(axis=1)]
        home = near.min(axis=0).astype(float), near.max(axis=0).astype(float)
        if 0 < 1.5 * (home[1] - home[0]).max() < (high - low).max():
            low, high = home
    room = (WIDTH - 2 * _LEFT, HEIGHT - _TOP - _FOOT)
    # One scale for both axes: distances on a map mean something.
    scale = 1.06 * max(*((high - low) / room), 1e-9)
    middle = (low + high) / 2
    reach = np.array(room) * scale / 2
    first, last = middle - reach, middle + reach
    return Plot(
        _LEFT, _TOP, *room, (float(first[0]), float(first[1])), (float(last[0]), float(last[1]))
    )


def _held(plot: Plot, places: Places) -> tuple[Places, int]:
    """The places, those outside the picture moved to its edge, and how many were."""
    held = np.clip(places, plot.low, plot.high) if len(places) else places
    return held, int((held != places).any(axis=1).sum()) if len(places) else 0


def _at(plot: Plot, places: Places) -> list[tuple[float, float]]:
    return [plot.at(x, y) for x, y in places.tolist()]


def _legend(sheet: Sheet, severities: NDArray[np.integer[Any]]) -> None:
    y = HEIGHT - 18
    sheet.dots([(_LEFT + 4, y - 4)], colour=GREY, radius=3)
    sheet.words((_LEFT + 14, y), "healthy rows of the map")
    for place, ((colour, _), word) in enumerate(zip(SEVERITY_LOOKS, SEVERITY_WORDS, strict=True)):
        x = _LEFT + 190 + place * 140
        count = int((severities == place).sum())
        sheet.dots([(x, y - 4)], colour=colour, radius=4)
        sheet.words((x + 10, y), f"{word}: {count:,}")
