"""What is due is queued: exactly one run for each tick, however many workers look.

The rows that are due are locked, their runs inserted and their next tick written in one
transaction, by the database's clock. A worker that is killed in between leaves no trace, one that
looks at the same moment finds the rows locked or moved on, and no worker's own clock is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

import structlog
from django.db import DataError, IntegrityError, connection, transaction

from audit.recording import record
from jobs.models.recurring import Missed, Recurrence, RecurringJob
from jobs.moments import database_now
from jobs.schedule.cron import Cron, cron
from jobs.schedule.errors import NotNow, WrongCron
from jobs.schedule.keeping import no_such_entry

log = structlog.get_logger(__name__)

# Of an entry that makes up for each tick, so many at a time.
_MOST_AT_ONCE: Final = 100

# One index probe, and no transaction, for the many times that nothing is due.
_IS_ANY_DUE: Final = (
    "SELECT EXISTS (SELECT FROM job_schedule WHERE declared AND paused_at IS NULL"
    " AND next_at <= coalesce(%s, statement_timestamp()))"
)


def tick(now: datetime | None = None) -> int:
    """Queue what is due; return how many runs were queued.

    For every worker to call about once a second: where nothing is due it is one small query.
    ``now`` takes the place of the database's time.
    """
    with connection.cursor() as cursor:
        cursor.execute(_IS_ANY_DUE, [now])
        if not cursor.fetchone()[0]:
            return 0
    return _queue_due(now)


@transaction.atomic
def run_now(name: str, *, by: str = "") -> RecurringJob:
    """Queue a run at once, beside the schedule; the next tick stays where it is.

    UnknownEntry, or NotNow if the code no longer declares the entry, or if its last run still
    waits or runs and runs must not overlap. A paused entry may be run.
    """
    row = Recurrence.objects.select_for_update().filter(name=name).first()
    if row is None:
        raise no_such_entry(name)
    if not row.declared:
        raise NotNow(f"The entry {name} has left the schedule: the code no longer declares it.")
    if not row.overlap and _live(row):
        raise NotNow(f"The entry {name} already waits or runs. Wait for it to end, or cancel it.")
    [job] = _queued(row, [database_now()])
    row.save(update_fields=["last_at", "last_job_id"])
    record(
        "schedule_entry.started",
        subject=("schedule_entry", name),
        details={"job": job.pk},
        personal={"by": by},
    )
    log.info("recurring run asked for", entry=name, job_id=str(job.pk), by=by)
    return job


@transaction.atomic
def _queue_due(now: datetime | None) -> int:
    queued = 0
    by = now or database_now()
    due = Recurrence.objects.select_for_update(skip_locked=True).filter(
        declared=True, paused_at=None, next_at__lte=by
    )
    for row in due.order_by("next_at", "name"):
        try:
            with transaction.atomic():
                queued += _advance(row, by)
        except WrongCron as error:  # plain SQL wrote it; the next worker to start puts it right
            log.exception("a schedule entry stands still", entry=row.name, error=str(error))
            row.next_at = None
            row.save(update_fields=["next_at"])
        except (IntegrityError, DataError) as error:  # of this entry alone; it stays due
            log.exception("a recurring run could not be queued", entry=row.name, error=str(error))
    return queued


def _advance(row: Recurrence, now: datetime) -> int:
    """Queue the row's due ticks and move it on; how many were queued."""
    found = cron(row.cron, row.timezone)
    assert row.next_at is not None, "it is due"
    ticks, row.next_at = _due_ticks(row, found, row.next_at, now)
    if ticks and row.missed != Missed.EACH and not row.overlap and _live(row):
        log.info("tick dropped: the run before it has not ended", entry=row.name)
        ticks = []
    jobs = _queued(row, ticks)
    row.save(update_fields=["next_at", "last_at", "last_job_id"])
    return len(jobs)


def _due_ticks(
    row: Recurrence, found: Cron, first: datetime, now: datetime
) -> tuple[list[datetime], datetime]:
    """The ticks from ``first`` to ``now`` that are to run, and the one to wait for."""
    if row.missed == Missed.EACH:
        ticks: list[datetime] = []
        for following in chain([first], found.ticks(first)):
            if following > now or len(ticks) == _MOST_AT_ONCE:
                break
            ticks.append(following)
        return ticks, following
    # Where somebody has made it due between two ticks, that moment is the tick.
    latest = max(first, found.latest(now))
    following = found.after(now)
    if row.missed == Missed.SKIP and now - latest > timedelta(seconds=row.tolerance_seconds):
        log.warning("tick dropped: no worker saw it in time", entry=row.name, tick=latest)
        return [], following
    return [latest], following


def _queued(row: Recurrence, ticks: Sequence[datetime]) -> list[RecurringJob]:
    """Queue a run for each tick that has none, and note the last one in the row."""
    taken = set(
        RecurringJob.objects.filter(name=row.name, tick__in=ticks).values_list("tick", flat=True)
    )
    jobs = RecurringJob.objects.enqueue(
        RecurringJob(
            name=row.name,
            tick=tick,
            unique_key=f"{row.name}:{tick.isoformat()}",
            max_retries=row.max_retries,
            time_limit_seconds=row.time_limit_seconds,
        )
        for tick in ticks
        if tick not in taken
    )
    if jobs:
        row.last_at, row.last_job_id = jobs[-1].tick, jobs[-1].pk
    return jobs


def _live(row: Recurrence) -> bool:
    return RecurringJob.objects.live().filter(name=row.name).exists()
