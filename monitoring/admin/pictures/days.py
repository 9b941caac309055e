"""Anomalies or alerts by day, stacked by severity."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from monitoring.admin.pictures.axes import Plot
from monitoring.admin.pictures.sheet import SEVERITY_LOOKS, SEVERITY_WORDS, Sheet

WIDTH: Final = 960
HEIGHT: Final = 400
MOST_DAYS: Final = 120

SINGULAR: Final = {"anomalies": "anomaly", "alerts": "alert"}

# By day, how many of each severity by its word.
Days = Mapping[date, Mapping[str, int]]


def days_title(days: Days, noun: str) -> str:
    """The message: how many of ``noun`` (in the plural), and the worst day."""
    if not days:
        return f"No {noun} in this time"
    total = sum(sum(day.values()) for day in days.values())
    if total == 1:
        day = next(iter(days))
        return f"1 {SINGULAR[noun]}, on {day.day} {day:%b %Y}"
    worst = max(days, key=lambda day: (sum(days[day].values()), day))
    return f"{total:,} {noun}, most of them on {worst.day} {worst:%b %Y}"


def bars_by_day(sheet: Sheet, days: Days, noun: str) -> None:
    """Draw a bar for each day; of a longer time the last 120 days."""
    if not days:
        sheet.words((64, 80), "Each day will have a bar.", faint=True)
        return
    last = max(days)
    first = max(min(days), last - timedelta(days=MOST_DAYS - 1))
    span = (last - first).days + 1
    most = max(sum(day.values()) for day in days.values())
    plot = Plot(64, 56, WIDTH - 88, HEIGHT - 120, (0.0, 0.0), (float(span), max(1.0, most * 1.05)))
    plot.levels(sheet, f"{noun} a day")
    plot.base(sheet, "day")
    for place in range(span):
        day = first + timedelta(days=place)
        _bar(sheet, plot, place, day, days.get(day, {}))
        if place % max(1, math.ceil(span / 8)) == 0:
            x, y = plot.at(place + 0.5, 0)
            sheet.words((x, y + 16), f"{day.day} {day:%b}", anchor="middle", faint=True)
    for place, word in enumerate(SEVERITY_WORDS[1:]):
        x, y = 64 + place * 120, HEIGHT - 12
        sheet.rectangle((x, y - 9), (10, 10), colour=SEVERITY_LOOKS[place + 1][0])
        sheet.words((x + 15, y), word)


def _bar(sheet: Sheet, plot: Plot, place: int, day: date, counts: Mapping[str, int]) -> None:
    below = 0
    for severity, word in enumerate(SEVERITY_WORDS):
        if count := counts.get(word, 0):
            left, top = plot.at(place, below + count)
            right, bottom = plot.at(place + 1, below)
            gap = min(1.0, (right - left) / 8)
            sheet.rectangle(
                (left + gap, top),
                (right - left - 2 * gap, bottom - top),
                colour=SEVERITY_LOOKS[severity][0],
                title=f"{day:%d %B %Y}: {count:,} {word}",
            )
            below += count
