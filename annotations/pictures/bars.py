"""Bars: how long decisions took, and how many there were each day."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from annotations.pictures.frame import (
    BLUE,
    GREY,
    PALETTE,
    line,
    message,
    rectangle,
    sheet,
    short,
    stride,
    upright,
    words,
)

_WIDTH, _HEIGHT, _LEFT, _TOP = 640, 300, 64, 40
_PLOT_WIDTH, _PLOT_HEIGHT = _WIDTH - _LEFT - 16, _HEIGHT - _TOP - 56
_BOTTOM = _TOP + _PLOT_HEIGHT
# Of a longer time the last so many days are drawn.
MOST_DAYS: Final = 120
# A person, their name, their colour.
_Person = tuple[UUID, str, str]
_TIMES: Final = "review-times"
_DAYS: Final = "review-days"


def time_histogram(ends: Sequence[float], counts: Sequence[int]) -> str:
    """How many decisions took how long: ``ends`` in seconds, one count more for what took longer.

    The bins widen as people count time; each bar's height is a count.
    """
    if len(counts) != len(ends) + 1:
        raise ValueError(f"{len(ends)} ends make {len(ends) + 1} bins, not {len(counts)}.")
    total = sum(counts)
    if not total:
        return message(_TIMES, "No times yet", "The desk measures them from showing to deciding.")
    ranges = _ranges(ends)
    middle = next(i for i in range(len(counts)) if 2 * sum(counts[: i + 1]) >= total)
    width = _PLOT_WIDTH / len(counts)
    step, top = _scale(max(counts))
    parts = list(_levels(step, top, "Decisions"))
    for i, (count, span) in enumerate(zip(counts, ranges, strict=True)):
        tall = _PLOT_HEIGHT * count / top
        title = f"{span}: {count} decisions, {count / total:.0%}"
        x = _LEFT + i * width
        parts.append(rectangle(x + 1, _BOTTOM - tall, width - 2, tall, colour=BLUE, title=title))
        if i < len(ends):
            parts.append(
                words(x + width, _BOTTOM + 18, f"{ends[i]:g}", anchor="middle", faint=True)
            )
    parts.append(words(_LEFT + _PLOT_WIDTH / 2, _HEIGHT - 8, "Seconds", anchor="middle"))
    return sheet(_TIMES, _said(ends, middle), _WIDTH, _HEIGHT, *parts)


def _said(ends: Sequence[float], middle: int) -> str:
    if middle == len(ends):
        return f"Half of the decisions took more than {ends[-1]:g} s"
    return f"Half of the decisions took {ends[middle]:g} s or less"


def _ranges(ends: Sequence[float]) -> list[str]:
    inner = [f"{low:g} to {high:g} s" for low, high in itertools.pairwise(ends)]
    return [f"up to {ends[0]:g} s", *inner, f"more than {ends[-1]:g} s"]


def day_bars(days: Mapping[date, Mapping[UUID, int]], names: Mapping[UUID, str]) -> str:
    """Decisions by day, stacked by person; days without any are gaps.

    The eight busiest have a colour each, the others are grey together.
    """
    if not days:
        return message(_DAYS, "No decisions in this time", "Each day will have a bar.")
    last = max(days)
    first = max(min(days), last - timedelta(days=MOST_DAYS - 1))
    span = (last - first).days + 1
    shown = [days.get(first + timedelta(days=i), {}) for i in range(span)]
    people = _busiest(shown, names)
    most = max(sum(day.values()) for day in shown)
    step, top = _scale(most)
    width = _PLOT_WIDTH / span
    parts = list(_levels(step, top, "Decisions a day"))
    for i, day in enumerate(shown):
        moment = first + timedelta(days=i)
        parts.extend(_stack(_LEFT + i * width, width, top, (moment, day), people))
        if i % max(1, math.ceil(span / 8)) == 0:
            x = _LEFT + (i + 0.5) * width
            parts.append(words(x, _BOTTOM + 18, f"{moment:%d %b}", anchor="middle", faint=True))
    parts.extend(_keys(people))
    total = sum(sum(day.values()) for day in shown)
    days_long = "1 day" if span == 1 else f"{span} days"
    title = f"{total:,} decisions in {days_long}, {most:,} on the busiest"
    return sheet(_DAYS, title, _WIDTH, _HEIGHT + 20, *parts)


def _busiest(days: Sequence[Mapping[UUID, int]], names: Mapping[UUID, str]) -> list[_Person]:
    totals: Counter[UUID] = Counter()
    for day in days:
        totals.update(day)
    people = sorted(totals, key=lambda person: (-totals[person], person))
    colours = itertools.chain(PALETTE, itertools.repeat(GREY))
    return [
        (person, names.get(person, "somebody"), colour)
        for person, colour in zip(people, colours, strict=False)
    ]


def _stack(
    x: float,
    width: float,
    top: int,
    told: tuple[date, Mapping[UUID, int]],
    people: Sequence[_Person],
) -> Iterator[str]:
    moment, day = told
    y = float(_BOTTOM)
    gap = min(1.0, width / 8)
    for person, name, colour in people:
        if count := day.get(person):
            tall = _PLOT_HEIGHT * count / top
            y -= tall
            title = f"{moment:%d %B %Y}: {name}, {count}"
            yield rectangle(x + gap, y, width - 2 * gap, tall, colour=colour, title=title)


def _keys(people: Sequence[_Person]) -> Iterator[str]:
    told = [(short(name), colour) for _, name, colour in people[: len(PALETTE)]]
    if len(people) > len(told):
        told.append((f"{len(people) - len(told)} others", GREY))
    width = _WIDTH / max(1, min(5, len(told)))
    for i, (name, colour) in enumerate(told):
        x, y = (i % 5) * width, _HEIGHT - 14 + (i // 5) * 16
        yield rectangle(x, y - 9, 10, 10, colour=colour, title=name)
        yield words(x + 15, y, name)


def _scale(most: int) -> tuple[int, int]:
    """A round step, and the round figure at the top of the axis."""
    step = stride(most)
    return step, max(step, math.ceil(most / step) * step)


def _levels(step: int, top: int, name: str) -> Iterator[str]:
    for value in range(0, top + 1, step):
        y = _BOTTOM - _PLOT_HEIGHT * value / top
        yield line(_LEFT, y, _WIDTH - 16, y)
        yield words(_LEFT - 8, y + 4, f"{value:,}", anchor="end", faint=True)
    yield upright(16, _TOP + _PLOT_HEIGHT / 2, name)
