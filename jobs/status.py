"""How the queues stand."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min
from django.db.models.functions import Extract, Now

from jobs import registry
from jobs.health import alive


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """One queue: jobs by status, and how long the oldest that could start has waited."""

    queue: str
    table: str
    counts: dict[str, int]
    oldest_ready_seconds: float | None
    workers: int


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """A worker that answers."""

    name: str
    queues: list[str]
    concurrency: int
    started_at: datetime
    last_seen_at: datetime


def queues() -> list[QueueStatus]:
    """Every registered queue, by name."""
    served = [worker.queues for worker in workers()]
    return [
        QueueStatus(
            queue=kind.queue,
            table=kind.model._meta.db_table,
            counts=_counts(kind),
            oldest_ready_seconds=_oldest_ready(kind),
            workers=sum(kind.queue in names for names in served),
        )
        for kind in registry.kinds()
    ]


def workers() -> list[WorkerStatus]:
    """The workers that answer, longest running first."""
    return [
        WorkerStatus(row.name, row.queues, row.concurrency, row.started_at, row.last_seen_at)
        for row in alive().order_by("started_at", "id")
    ]


def as_json() -> dict[str, Any]:
    """All of it, for ``queue_status --json``."""
    return {
        "queues": [asdict(status) for status in queues()],
        "workers": [asdict(status) for status in workers()],
    }


def _counts(kind: registry.JobKind) -> dict[str, int]:
    rows = kind.jobs.order_by().values_list("status").annotate(Count("id")).order_by("status")
    return dict(rows)


def _oldest_ready(kind: registry.JobKind) -> float | None:
    """By the database's clock."""
    waited = Extract(Now() - Min("created_at"), "epoch")
    found = kind.jobs.ready().aggregate(seconds=waited)
    return None if found["seconds"] is None else round(float(found["seconds"]), 3)
