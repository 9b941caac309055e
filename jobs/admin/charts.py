"""Pictures of a queue's course as inline SVG: bars of what ended, lines of how long it took.

No style attribute, no style element and no script; colours come from ``jobs.css`` by class name, so
that they read in light and dark. Each picture has a title that states its message.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import SafeString

from config.admin.formats import duration, number
from jobs.figures import Course, Figures

_WIDTH, _HEIGHT = 640, 230
_LEFT, _RIGHT, _TOP, _FOOT = 70, 40, 16, 42
_PLOT_WIDTH = _WIDTH - _LEFT - _RIGHT
_PLOT_HEIGHT = _HEIGHT - _TOP - _FOOT
_BOTTOM = _TOP + _PLOT_HEIGHT
_TIME_LABELS: Final = 6

# The lines of a picture of durations; class names are jobs-p50 and so on.
LINES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
# Marks of the logarithmic axis, in seconds: what people count time in.
_MARKS: Final = (0.001, 0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 36_000.0, 86_400.0)
# Labels at the ends of lines stand at least this far apart.
_APART: Final = 13
# What failed is never thinner than this, however much succeeded; below twice that it gets a mark.
_LEAST_FAILED: Final = 3.0

Duration = Callable[[Figures, float], float | None]


def throughput_svg(course: Course) -> SafeString:
    """Bars of the jobs that ended in each step; those that failed stand hatched on top."""
    peak = max((one.ended for one in course.steps), default=0)
    stride = _whole_stride(peak)
    top = max(stride, math.ceil(peak / stride) * stride)
    marks = range(0, top + 1, stride)
    return _picture(
        "jobs-throughput",
        throughput_message(course),
        (_HATCH if any(one.failed for one in course.steps) else "",),
        (_level(_BOTTOM - _PLOT_HEIGHT * mark / top, _count_words(mark)) for mark in marks),
        _bars(course, _PLOT_HEIGHT / top),
        _moments(course),
        (_axis(f"Jobs in {step_words(course)}"),),
    )


def durations_svg(course: Course, at: Duration, verb: str) -> SafeString:
    """Lines of the quantiles in each step, on a logarithmic scale; ``verb`` as "waited"."""
    lines = {name: [at(one, share) for one in course.steps] for name, share in LINES.items()}
    known = [value for line in lines.values() for value in line if value is not None]
    marks = _marks(known)
    low, high = math.log(marks[0]), math.log(marks[-1])

    def height(seconds: float) -> float:
        share = (math.log(max(seconds, marks[0])) - low) / (high - low)
        return _BOTTOM - _PLOT_HEIGHT * min(1.0, share)

    return _picture(
        f"jobs-durations jobs-{verb}",
        durations_message(course.total, at, verb),
        (_level(height(mark), _mark_words(mark)) for mark in _spread(marks, height)),
        (_line(name, line, height) for name, line in lines.items()),
        _end_labels(lines, height),
        _moments(course),
        (_axis(f"How long they {verb}"),),
    )


def spark_svg(course: Course) -> SafeString:
    """The same bars without axes, small enough to stand in a row."""
    width, height = 180, 32
    peak = max((one.ended for one in course.steps), default=0)
    step = width / max(1, len(course.steps))
    bars = []
    for n, one in enumerate(course.steps):
        if not one.ended:
            continue
        tall = max(1.0, (height - 2) * one.ended / peak)
        failed = min(tall, max(2.0, tall * one.failed / one.ended)) if one.failed else 0.0
        x, wide = n * step, max(1.0, step - 0.8)
        bars.append(_rect("jobs-done", x, height - tall + failed, wide, tall - failed))
        bars.append(_rect("jobs-failed", x, height - tall, wide, failed))
    title = escape(throughput_message(course))
    return SafeString(
        f'<svg class="jobs-spark" viewBox="0 0 {width} {height}" preserveAspectRatio="none" '
        f'role="img" aria-label="{title}">'
        f"<title>{title}</title>"
        f'<line class="jobs-base" x1="0" x2="{width}" y1="{height - 0.5}" y2="{height - 0.5}"/>'
        f"{''.join(bars)}</svg>"
    )


# --- What a picture says ------------------------------------------------------------------------


def throughput_message(course: Course) -> str:
    """The message of the bars in a sentence."""
    total = course.total
    span = f"in the last {course.span.name}"
    if not total.ended:
        return f"No job ended {span}"
    done = f"{number(total.done)} job{'' if total.done == 1 else 's'} done {span}"
    return f"{done}, {number(total.failed)} failed" if total.failed else f"{done}, none failed"


def durations_message(total: Figures, at: Duration, verb: str) -> str:
    """The message of the lines in a sentence."""
    half, most = at(total, 0.5), at(total, 0.99)
    if half is None or most is None:
        return f"Nothing to tell yet of how long jobs {verb}"
    if half == most:
        return f"Nearly all jobs {verb} about {seconds(half)}"
    return f"Half of the jobs {verb} at most {seconds(half)}, 1 in 100 longer than {seconds(most)}"


def step_words(course: Course) -> str:
    """``each minute``, ``each 15 minutes``."""
    minutes = round(course.span.step.total_seconds() / 60)
    return "each minute" if minutes == 1 else f"each {minutes} minutes"


def seconds(value: float | None) -> str:
    """A duration in seconds, in words."""
    return duration(None if value is None else value * 1000)


def clock(moment: datetime) -> str:
    """``14:05`` in the current zone."""
    return f"{timezone.localtime(moment):%H:%M}"


# --- Parts --------------------------------------------------------------------------------------

_HATCH: Final = (
    '<defs><pattern id="jobs-hatch" width="5" height="5" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect class="jobs-failed" width="5" height="5"/>'
    '<path class="jobs-hatch-line" d="M0 0v5"/></pattern></defs>'
)


def _picture(name: str, title: str, *parts: Iterator[str] | Sequence[str]) -> SafeString:
    inner = "".join("".join(part) for part in parts)
    text = escape(title)
    return SafeString(
        f'<svg class="jobs-chart {name}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{text}"><title>{text}</title>{inner}</svg>'
    )


def _rect(name: str, x: float, y: float, width: float, height: float) -> str:
    if height <= 0:
        return ""
    return (
        f'<rect class="{name}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
    )


def _bars(course: Course, scale: float) -> Iterator[str]:
    step = _PLOT_WIDTH / max(1, len(course.steps))
    wide = max(1.0, step - 1.2)
    for n, one in enumerate(course.steps):
        if not one.ended:
            continue
        x = _LEFT + n * step
        failed = max(_LEAST_FAILED, one.failed * scale) if one.failed else 0.0
        tall = max(1.0, failed, one.ended * scale)
        said = f"{clock(course.starts[n])}: {number(one.done)} done, {number(one.failed)} failed"
        yield f"<g><title>{escape(said)}</title>"
        yield _rect("jobs-done", x, _BOTTOM - tall + failed, wide, tall - failed)
        yield _rect("jobs-failed-hatched", x, _BOTTOM - tall, wide, failed)
        if one.failed and failed < 2 * _LEAST_FAILED:
            middle, tip = x + wide / 2, _BOTTOM - tall - 2
            yield (f'<path class="jobs-failed-mark" d="M{middle:.1f} {tip:.1f}l-3.5 -6h7Z"/>')
        yield "</g>"


def _line(name: str, values: Sequence[float | None], height: Callable[[float], float]) -> str:
    """A line with gaps where nothing ended; a step alone between gaps is a dot."""
    step = _PLOT_WIDTH / max(1, len(values))
    path, dots, run = [], [], list[tuple[float, float]]()
    for n, value in enumerate([*values, None]):
        if value is not None:
            run.append((_LEFT + (n + 0.5) * step, height(value)))
            continue
        if len(run) == 1:
            dots.append(f'<circle cx="{run[0][0]:.1f}" cy="{run[0][1]:.1f}" r="2.2"/>')
        elif run:
            path.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in run))
        run = []
    return f'<g class="jobs-line jobs-{name}"><path d="{"".join(path)}"/>{"".join(dots)}</g>'


def _end_labels(
    lines: dict[str, list[float | None]], height: Callable[[float], float]
) -> Iterator[str]:
    """The name of each line beside its last point, the higher ones first, never overlapping."""
    ends = {
        name: height(next(value for value in reversed(line) if value is not None))
        for name, line in lines.items()
        if any(value is not None for value in line)
    }
    lowest = _BOTTOM - _APART * len(ends)
    above = -math.inf
    for name, y in sorted(ends.items(), key=lambda end: (end[1], -LINES[end[0]])):
        above = max(above + _APART, min(y + 4, lowest + _APART))
        lowest += _APART
        yield (
            f'<text class="jobs-label jobs-{name}" x="{_WIDTH - _RIGHT + 6}" y="{above:.1f}">'
            f"{name}</text>"
        )


def _level(y: float, words: str) -> str:
    return (
        f'<line class="jobs-grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="jobs-tick" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
        f"{escape(words)}</text>"
    )


def _moments(course: Course) -> Iterator[str]:
    """Times below the plot, each at the beginning of its step."""
    step = _PLOT_WIDTH / max(1, len(course.starts))
    stride = max(1, len(course.starts) // _TIME_LABELS)
    for n in range(0, len(course.starts), stride):
        x = _LEFT + n * step
        yield (
            f'<text class="jobs-tick" x="{x:.1f}" y="{_BOTTOM + 16}" text-anchor="middle">'
            f"{clock(course.starts[n])}</text>"
        )
    yield (
        f'<text class="jobs-tick" x="{_LEFT + _PLOT_WIDTH}" y="{_BOTTOM + 16}" '
        'text-anchor="middle">now</text>'
    )
    zone = f"{timezone.localtime(course.starts[-1]):%Z}" if course.starts else ""
    yield (
        f'<text class="jobs-axis" x="{_LEFT + _PLOT_WIDTH / 2:.1f}" y="{_HEIGHT - 8}" '
        f'text-anchor="middle">Time ({escape(zone)})</text>'
    )


def _axis(words: str) -> str:
    y = _TOP + _PLOT_HEIGHT / 2
    return (
        f'<text class="jobs-axis" transform="translate(12 {y:.1f}) rotate(-90)" '
        f'text-anchor="middle">{escape(words)}</text>'
    )


def _whole_stride(peak: int) -> int:
    """1, 2 or 5 times a power of ten, so that about four marks reach the peak."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if factor * power * 4 >= peak:
                return factor * power
        power *= 10


def _marks(values: Sequence[float]) -> Sequence[float]:
    """The marks between which all values lie; at least two."""
    if not values:
        return _MARKS[2:5]
    first = max((n for n, mark in enumerate(_MARKS) if mark <= min(values)), default=0)
    beyond = (n for n, mark in enumerate(_MARKS) if mark >= max(values))
    last = min(beyond, default=len(_MARKS) - 1)
    if first == last:
        first, last = max(0, first - 1), min(len(_MARKS) - 1, last + 1)
    return _MARKS[first : last + 1]


def _spread(marks: Sequence[float], height: Callable[[float], float]) -> Iterator[float]:
    """The marks that stand far enough from the one below to be read."""
    below = math.inf
    for mark in marks:
        if below - height(mark) >= _APART:
            below = height(mark)
            yield mark


def _count_words(count: int) -> str:
    """``20``, ``5,000``, ``200 k``, ``5 M``."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**4, "k")):
        if count >= size:
            return f"{count / (1000 if unit == 'k' else size):,g} {unit}"
    return number(count)


def _mark_words(mark: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if mark >= size:
            return number(round(mark / size), unit)
    return number(round(mark * 1000), "ms")


# --- Together -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture under the sentence that it shows."""

    message: str
    svg: SafeString | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One step of a course, for the table that says what the pictures show."""

    start: datetime
    done: str
    failed: str
    retried: str
    cancelled: str
    quantiles: list[str]


def pictures(course: Course) -> list[Picture]:
    """What ended, how long it waited, how long it ran; the message alone where nothing ended."""
    total = course.total
    if not total.ended and not sum(total.runs):
        return [Picture(throughput_message(course))]
    found = [Picture(throughput_message(course), throughput_svg(course))]
    for at, verb in ((Figures.wait, "waited"), (Figures.run, "ran")):
        if at(total, 0.5) is not None:
            svg = durations_svg(course, at, verb)
            found.append(Picture(durations_message(total, at, verb), svg))
    return found


def rows(course: Course) -> list[Row]:
    """The steps in which something happened, the latest first."""
    return [
        Row(
            start=start,
            done=number(one.done),
            failed=number(one.failed),
            retried=number(one.retried),
            cancelled=number(one.cancelled),
            quantiles=[
                seconds(at(one, share))
                for at in (Figures.wait, Figures.run)
                for share in LINES.values()
            ],
        )
        for start, one in reversed(list(zip(course.starts, course.steps, strict=True)))
        if one.ended or one.retried or one.cancelled
    ]
