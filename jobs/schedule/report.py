"""How the schedule stands: what is due next, and how the last runs ended. Reads only."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from jobs.models.recurring import Recurrence, RecurringJob
from jobs.moments import database_now
from jobs.schedule.declarations import Recurring, entries
from jobs.schedule.keeping import columns

# What the next worker to start will do with an entry.
Pending = Literal["", "add", "change", "retire"]


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
    """One entry.

    ``pending``: what the next worker to start will do with it, because the code and the database
    differ; empty where they agree, and where they were not compared.
    """

    name: str
    cron: str
    timezone: str
    missed: str
    description: str
    declared: bool
    paused_at: datetime | None
    paused_by: str
    pause_reason: str
    next_at: datetime | None  # null: never
    last_at: datetime | None  # null: never run
    last_run: LastRun | None  # null: never run, or pruned
    pending: Pending = ""

    def as_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


def standing() -> list[Standing]:
    """Every entry of ``job_schedule``, by name; two queries."""
    return [one for _, one in _rows()]


def outlook() -> list[Standing]:
    """What the code declares, joined with what the database knows, by name.

    An entry that no worker has written yet, or that comes back, stands as the code declares it,
    with the moment at which it would be due next if a worker started now. Any other stands as the
    database has it: so it runs until a worker starts.
    """
    now, declared = database_now(), {made.name: made for made in entries()}
    found = [_compared(one, row, declared.pop(one.name, None), now) for row, one in _rows()]
    new = (_standing(Recurrence(name=made.name), None) for made in declared.values())
    found += [_added(one, declared[one.name], now) for one in new]
    return sorted(found, key=lambda one: one.name)


def _rows() -> list[tuple[Recurrence, Standing]]:
    rows = list(Recurrence.objects.order_by("name"))
    runs = RecurringJob.objects.in_bulk([row.last_job_id for row in rows if row.last_job_id])
    return [(row, _standing(row, runs.get(row.last_job_id or UUID(int=0)))) for row in rows]


def _compared(one: Standing, row: Recurrence, made: Recurring | None, now: datetime) -> Standing:
    if made is None:
        return replace(one, pending="retire") if row.declared else one
    if not row.declared:
        return _added(one, made, now)
    differs = any(getattr(row, name) != value for name, value in columns(made).items())
    return replace(one, pending="change") if differs else one


def _added(one: Standing, made: Recurring, now: datetime) -> Standing:
    """The entry as it will be once a worker has written it."""
    return replace(
        one,
        cron=made.cron,
        timezone=made.ticks.timezone,
        missed=made.missed.value,
        description=made.description,
        declared=True,
        next_at=None if one.paused_at else made.ticks.after(now),
        pending="add",
    )


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
        pause_reason=row.pause_reason,
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
