"""What the statistics say of the queues: how much ended, how long it waited and how long it ran."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections

from jobs import durations
from jobs.models.statistic import Statistic


@dataclass(frozen=True, slots=True)
class Figures:
    """What ended within some time.

    ``failed`` counts jobs that failed for good, ``retried`` attempts that were tried again.
    ``wait_seconds`` and ``run_seconds`` are sums; ``waits`` and ``runs`` count by the classes of
    ``jobs.durations``: the waits for first attempts, the runs of all that were not cut short.
    """

    done: int = 0
    failed: int = 0
    retried: int = 0
    cancelled: int = 0
    wait_seconds: float = 0.0
    run_seconds: float = 0.0
    waits: Sequence[int] = ()
    runs: Sequence[int] = ()

    @property
    def ended(self) -> int:
        """Jobs that came to their end by themselves, well or not."""
        return self.done + self.failed

    @property
    def mean_wait(self) -> float | None:
        """How many seconds jobs waited on average; None without any."""
        return _mean(self.wait_seconds, self.waits)

    @property
    def mean_run(self) -> float | None:
        """How many seconds attempts ran on average; None without any."""
        return _mean(self.run_seconds, self.runs)

    def wait(self, fraction: float) -> float | None:
        """The seconds below which this fraction (0 to 1) of the jobs waited; None without any."""
        return durations.quantile(self.waits, fraction)

    def run(self, fraction: float) -> float | None:
        """The seconds below which this fraction (0 to 1) of the jobs ran; None without any."""
        return durations.quantile(self.runs, fraction)


NOTHING: Final = Figures()


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time up to now, cut into equal steps."""

    name: str
    length: timedelta
    step: timedelta

    @property
    def steps(self) -> int:
        """How many there are; the last one is not over yet."""
        return self.length // self.step


HOUR: Final = Span("hour", timedelta(hours=1), timedelta(minutes=1))
DAY: Final = Span("day", timedelta(days=1), timedelta(minutes=15))
SPANS: Final = {span.name: span for span in (HOUR, DAY)}


@dataclass(frozen=True, slots=True)
class Course:
    """The steps of a span, the oldest first, each with the moment at which it begins.

    ``passed`` is the share of the last step that has passed, 0 to 1.
    """

    span: Span
    starts: Sequence[datetime]
    steps: Sequence[Figures]
    passed: float = 1.0

    @property
    def total(self) -> Figures:
        """All of it together."""
        return together(self.steps)

    @property
    def per_minute(self) -> float:
        """Jobs that ended in a minute, over a time as long as one step up to now.

        All of the step that is not over, and as much of the one before it as is missing: as if
        what ended in that one had done so evenly.
        """
        before, now = (NOTHING, NOTHING, *self.steps)[-2:]
        ended = now.ended + before.ended * (1 - self.passed)
        return ended / (self.span.step / timedelta(minutes=1))


def together(parts: Iterable[Figures]) -> Figures:
    """The sum of figures."""
    some = [one for one in parts if one is not NOTHING]
    if len(some) <= 1:
        return some[0] if some else NOTHING
    return Figures(
        done=sum(one.done for one in some),
        failed=sum(one.failed for one in some),
        retried=sum(one.retried for one in some),
        cancelled=sum(one.cancelled for one in some),
        wait_seconds=sum(one.wait_seconds for one in some),
        run_seconds=sum(one.run_seconds for one in some),
        waits=durations.added([one.waits for one in some]),
        runs=durations.added([one.runs for one in some]),
    )


def course(table: str, span: Span = HOUR) -> Course:
    """What happened in the queue of this table, step by step up to now by the database's clock."""
    return courses([table], span)[table]


def courses(tables: Iterable[str], span: Span = HOUR) -> Mapping[str, Course]:
    """The same for several tables, read together."""
    names = list(tables)
    starts, passed = _starts(span)
    found: dict[tuple[str, int], list[Figures]] = {}
    rows = Statistic.objects.filter(
        table_name__in=names, minute__gte=starts[0], minute__lt=starts[-1] + span.step
    )
    for row in rows:
        assert row.minute is not None  # a comparison with a moment finds none that is null
        key = (row.table_name, (row.minute - starts[0]) // span.step)
        found.setdefault(key, []).append(_figures(row))
    return {
        name: Course(
            span,
            starts,
            [together(found.get((name, n), ())) for n in range(len(starts))],
            passed,
        )
        for name in names
    }


def ever(tables: Iterable[str]) -> dict[str, Figures]:
    """What has ended in each of the tables since its first job; nothing where none has."""
    names = list(tables)
    rows = Statistic.objects.filter(table_name__in=names, minute=None)
    return dict.fromkeys(names, NOTHING) | {row.table_name: _figures(row) for row in rows}


def _mean(seconds: float, counts: Sequence[int]) -> float | None:
    total = sum(counts)
    return seconds / total if total else None


def _figures(row: Statistic) -> Figures:
    values: dict[str, Any] = {name: getattr(row, name) for name in Figures.__dataclass_fields__}
    # A row of plain SQL may have other classes than ours, which cannot be added to them.
    for name in ("waits", "runs"):
        if len(values[name]) != durations.CLASSES:
            values[name] = durations.empty()
    return Figures(**values)


def _starts(span: Span) -> tuple[list[datetime], float]:
    """When each step begins, and the share of the last one that has passed.

    Steps begin at whole multiples of their length since 1970.
    """
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(
            "SELECT date_bin(make_interval(secs => %s), t, to_timestamp(0)), t"
            " FROM statement_timestamp() AS t",
            [span.step.total_seconds()],
        )
        last, now = cursor.fetchone()
    return [last - span.step * n for n in reversed(range(span.steps))], (now - last) / span.step
