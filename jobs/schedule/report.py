"""How the schedule stands: what is due next, and how the last runs ended."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from jobs.models.recurring import Recurrence, RecurringJob


@dataclass(frozen=True, slots=True)
class LastRun:
    """The last run of an entry; the fields of its job."""

    id: str
    tick: datetime
    status: str
    started_at: datetime | None
    completed_at: datetime | None
    error_message: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """One entry."""

    name: str
    cron: str
    timezone: str
    missed: str
    description: str
    declared: bool
    paused_at: datetime | None
    paused_by: str
    next_at: datetime | None  # null: never
    last_at: datetime | None  # null: never run
    last_run: LastRun | None  # null: never run, or pruned

    def as_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


def standing() -> list[Standing]:
    """Every entry of ``job_schedule``, by name; two queries."""
    rows = list(Recurrence.objects.order_by("name"))
    runs = RecurringJob.objects.in_bulk([row.last_job_id for row in rows if row.last_job_id])
    return [_standing(row, runs.get(row.last_job_id or UUID(int=0))) for row in rows]


def _standing(row: Recurrence, job: RecurringJob | None) -> Standing:
    stops = row.paused_at is not None or not row.declared
    return Standing(
        name=row.name,
        cron=row.cron,
        timezone=row.timezone,
        missed=row.missed,
        description=row.description,
        declared=row.declared,
        paused_at=row.paused_at,
        paused_by=row.paused_by,
        next_at=None if stops else row.next_at,
        last_at=row.last_at,
        last_run=None if job is None else _last_run(job),
    )


def _last_run(job: RecurringJob) -> LastRun:
    return LastRun(
        id=str(job.pk),
        tick=job.tick,
        status=job.status,
        started_at=job.started_at,
        completed_at=job.completed_at,
        error_message=job.error_message,
    )
