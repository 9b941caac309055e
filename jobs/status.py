"""How the queues stand: what waits, what runs, what ended lately, and who works.

Nothing here reads the finished rows of a large table: live and failed jobs are counted by their
partial indexes, what has ended is taken from the statistics.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Count, Q, QuerySet

from jobs import figures, registry
from jobs.figures import Course, Figures
from jobs.health import alive, oldest_ready_since
from jobs.models.queue import Queue
from jobs.moments import database_now

# A table of at most this many bytes is counted as it is, finished jobs included.
_SMALL: Final = 32 << 20
# In the planner's units, of which a second has some hundred thousand.
_DEAR: Final = 50_000
_QUANTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Counts:
    """The jobs of one queue.

    ``by_status`` has the table's own names; in a large table the finished ones are left out.
    ``failed`` is None where counting them would take long.
    """

    by_status: dict[str, int]
    ready: int
    delayed: int  # wait for their moment, or to be retried
    running: int
    failed: int | None

    @property
    def waiting(self) -> int:
        """In line, now or later."""
        return self.ready + self.delayed


@dataclass(frozen=True)
class QueueStatus:
    """One queue: its jobs, its switches, the last hour, and who serves it.

    ``oldest_ready_seconds``: how long the oldest that could start has waited, by the database's
    clock; None while none could. The jobs are counted when ``counts`` is first asked for.
    """

    kind: registry.JobKind
    oldest_ready_seconds: float | None
    workers: int
    switches: Queue | None
    hour: Course

    @property
    def queue(self) -> str:
        """Its name."""
        return self.kind.queue

    @property
    def table(self) -> str:
        """The table of its jobs."""
        return self.kind.model._meta.db_table

    @cached_property
    def counts(self) -> Counts:
        """Its jobs."""
        return counts(self.kind)

    @property
    def paused(self) -> bool:
        """Whether staff have stopped it."""
        return self.switches is not None and self.switches.paused_at is not None

    def as_json(self) -> dict[str, Any]:
        """For ``queue_status --json``."""
        switches, total = self.switches or Queue(), self.hour.total
        return {
            "queue": self.queue,
            "table": self.table,
            "counts": self.counts.by_status,
            "oldest_ready_seconds": self.oldest_ready_seconds,
            "workers": self.workers,
            "paused_at": switches.paused_at,
            "paused_by": switches.paused_by,
            "pause_reason": switches.pause_reason,
            "rate_limit": switches.rate_limit,
            "rate_seconds": switches.rate_seconds if switches.rate_limit else None,
            "last_hour": {
                name: getattr(total, name) for name in ("done", "failed", "retried", "cancelled")
            },
            "per_minute": round(self.hour.per_minute, 3),
            "wait_seconds": quantiles(total.wait),
            "run_seconds": quantiles(total.run),
        }


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """A worker that answers; ``busy`` is the number of jobs it had in hand at its last beat."""

    name: str
    queues: list[str]
    concurrency: int
    busy: int
    listens: bool
    started_at: datetime
    last_seen_at: datetime


def queues() -> list[QueueStatus]:
    """Every registered queue, by name."""
    kinds, now = registry.kinds(), database_now()
    served = [worker.queues for worker in workers()]
    tables = [kind.model._meta.db_table for kind in kinds]
    switches = {row.table_name: row for row in Queue.objects.filter(table_name__in=tables)}
    hours = figures.courses(tables)
    return [
        QueueStatus(
            kind=kind,
            oldest_ready_seconds=_waited(kind, now),
            workers=sum(kind.queue in one for one in served),
            switches=switches.get(table),
            hour=hours[table],
        )
        for kind, table in zip(kinds, tables, strict=True)
    ]


def queue(name: str) -> QueueStatus:
    """One queue, or UnknownQueue."""
    kind = registry.kind(name)
    table = kind.model._meta.db_table
    served = sum(name in worker.queues for worker in workers())
    return QueueStatus(
        kind=kind,
        oldest_ready_seconds=_waited(kind, database_now()),
        workers=served,
        switches=Queue.objects.filter(table_name=table).first(),
        hour=figures.course(table),
    )


def workers() -> list[WorkerStatus]:
    """The workers that answer, longest running first."""
    fields = WorkerStatus.__dataclass_fields__
    return [
        WorkerStatus(**{name: getattr(row, name) for name in fields})
        for row in alive().order_by("started_at", "id")
    ]


def as_json() -> dict[str, Any]:
    """All of it, for ``queue_status --json``."""
    return {
        "queues": [status.as_json() for status in queues()],
        "workers": [asdict(status) for status in workers()],
    }


def quantiles(at: Callable[[float], float | None]) -> dict[str, float | None]:
    """``p50``, ``p95`` and ``p99`` of ``Figures.wait`` or ``Figures.run``, in seconds."""
    found = {name: at(fraction) for name, fraction in _QUANTILES.items()}
    return {name: None if value is None else round(value, 4) for name, value in found.items()}


def ended_ever(kinds: list[registry.JobKind]) -> dict[str, Figures]:
    """What has ended since the first job, by queue."""
    known = figures.ever(kind.model._meta.db_table for kind in kinds)
    return {kind.queue: known[kind.model._meta.db_table] for kind in kinds}


def _waited(kind: registry.JobKind, now: datetime) -> float | None:
    since = oldest_ready_since(kind)
    return None if since is None else round(max(0.0, (now - since).total_seconds()), 3)


# --- Counting -----------------------------------------------------------------------------------


def counts(kind: registry.JobKind) -> Counts:
    """The jobs of a queue, at a price that does not grow with what has ended."""
    return _counts_by_index(kind) if is_large(kind) else _counts_of_all(kind)


def is_large(kind: registry.JobKind) -> bool:
    """Whether the queue's table is too large to be read whole for a page."""
    connection = connections[DEFAULT_DB_ALIAS]
    table = connection.ops.quote_name(kind.model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size(%s) > %s", [table, _SMALL])
        large: bool = cursor.fetchone()[0]
    return large


def _counts_of_all(kind: registry.JobKind) -> Counts:
    states = kind.model.states
    rows = kind.jobs.order_by().annotate(held=~Q(available_at=None))
    found: dict[tuple[str, bool], int] = {
        (status, held): count
        for status, held, count in rows.values_list("status", "held").annotate(Count("id"))
    }
    by_status: dict[str, int] = {}
    for (status, _), count in sorted(found.items()):
        by_status[status] = by_status.get(status, 0) + count
    ready, running = found.get((states.ready, False), 0), by_status.get(states.running, 0)
    live = sum(by_status.get(name, 0) for name in states.live)
    failed = by_status.get(states.failed, 0)
    return Counts(by_status, ready, live - ready - running, running, failed)


def _counts_by_index(kind: registry.JobKind) -> Counts:
    """Each condition as a partial index of the queue states it, and no column besides."""
    states, jobs = kind.model.states, kind.jobs
    ready = jobs.filter(status=states.ready, available_at=None).count()
    held = jobs.filter(status=states.ready, available_at__isnull=False).count()
    retrying = jobs.filter(status=states.retrying).count() if states.retrying else 0
    running = jobs.filter(status=states.running).count()
    failed = _count_if_cheap(jobs.filter(status=states.failed))
    by_status = {
        states.ready: ready + held,
        states.waiting: retrying if states.retrying else ready + held,
        states.running: running,
        states.failed: failed or 0,
    }
    known = {name: count for name, count in sorted(by_status.items()) if count}
    return Counts(known, ready, held + retrying, running, failed)


def _count_if_cheap(jobs: QuerySet[Any]) -> int | None:
    """How many there are; None where the planner expects too much work for a page."""
    (plan,) = json.loads(jobs.order_by().values("pk").explain(format="json"))
    return None if plan["Plan"]["Total Cost"] > _DEAR else jobs.count()
