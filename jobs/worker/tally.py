"""Counts what ended, and adds it to ``job_statistics`` every few seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import connection, transaction

from jobs import durations
from jobs.durations import class_of
from jobs.models.job import States
from jobs.registry import JobKind
from jobs.worker.runners import Ended

_ADD = """
    INSERT INTO job_statistics AS s (
        table_name, minute, done, failed, retried, cancelled, wait_seconds, run_seconds, waits, runs
    )
    SELECT %(table)s, m.minute, %(done)s, %(failed)s, %(retried)s, %(cancelled)s,
        %(wait_seconds)s, %(run_seconds)s, %(waits)s, %(runs)s
    FROM (VALUES (date_trunc('minute', now())), (NULL)) AS m (minute)
    ON CONFLICT (table_name, minute) DO UPDATE SET
        done = s.done + excluded.done,
        failed = s.failed + excluded.failed,
        retried = s.retried + excluded.retried,
        cancelled = s.cancelled + excluded.cancelled,
        wait_seconds = s.wait_seconds + excluded.wait_seconds,
        run_seconds = s.run_seconds + excluded.run_seconds,
        waits = ARRAY(
            SELECT coalesce(a, 0) + coalesce(b, 0)
            FROM unnest(s.waits, excluded.waits) WITH ORDINALITY AS t (a, b, n) ORDER BY n
        ),
        runs = ARRAY(
            SELECT coalesce(a, 0) + coalesce(b, 0)
            FROM unnest(s.runs, excluded.runs) WITH ORDINALITY AS t (a, b, n) ORDER BY n
        )
"""

_USUAL = """
    SELECT runs FROM job_statistics
    WHERE table_name = %s AND minute >= now() - interval '1 hour'
"""


@dataclass(slots=True)
class _Count:
    """What ended in one table since the last flush."""

    done: int = 0
    failed: int = 0
    retried: int = 0
    cancelled: int = 0
    wait_seconds: float = 0.0
    run_seconds: float = 0.0
    waits: list[int] = field(default_factory=durations.empty)
    runs: list[int] = field(default_factory=durations.empty)

    def add(self, states: States, status: str, jobs: int) -> None:
        """So many jobs stand as ``status`` now."""
        if status == states.done:
            self.done += jobs
        elif status == states.failed:
            self.failed += jobs
        elif status == states.cancelled:
            self.cancelled += jobs
        else:
            self.retried += jobs


class Tally:
    """The counts of every queue of a worker."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}

    def count(self, ends: Sequence[Ended], status: str) -> None:
        """Jobs of one table ended, and stand as ``status`` now.

        A wait is that of the first attempt: later ones wait because they were told to. A run is
        that of an attempt which was not cut short.
        """
        if not ends:
            return
        first = ends[0].job
        count = self._counts.setdefault(first._meta.db_table, _Count())
        count.add(first.states, status, len(ends))
        for _, job, _, seconds, asked in ends:
            if job.attempt == 1 and job.started_at is not None:
                wait = (job.started_at - job.created_at).total_seconds()
                if wait > 0:
                    count.wait_seconds += wait
                count.waits[class_of(wait)] += 1
            if not asked:
                count.run_seconds += seconds
                count.runs[class_of(seconds)] += 1

    def flush(self) -> None:
        """Add the counts to the table; kept where that fails."""
        if not self._counts:
            return
        with transaction.atomic(), connection.cursor() as cursor:
            for table in sorted(self._counts):
                count = self._counts[table]
                values = {name: getattr(count, name) for name in count.__slots__}
                cursor.execute(_ADD, {"table": table, **values})
        self._counts.clear()


def usual_seconds(kind: JobKind) -> float | None:
    """How long half of the kind's jobs of the last hour took at most; None without any."""
    with connection.cursor() as cursor:
        cursor.execute(_USUAL, [kind.model._meta.db_table])
        counts = [row[0] for row in cursor.fetchall()]
    return durations.quantile(durations.added(counts), 0.5)
