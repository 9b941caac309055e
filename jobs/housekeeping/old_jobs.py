"""Deleting jobs that ended long ago.

No index on the moment of their end is needed. Keys are UUIDs ordered by time (RFC 9562, version 7),
so a job that ended before a moment has a key below that moment's: the primary key is walked from
the oldest job to there, a batch at a time, and nothing younger is looked at. (A row that plain SQL
gave a key of another version may stay.)
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final
from uuid import UUID

from django.db import connection, models, transaction

from audit.recording import record
from database import system_settings
from jobs.moments import database_now
from jobs.registry import JobKind
from jobs.statements.names import names

_NO_KEY: Final = UUID(int=0)
# Between batches, seconds for others to come in between.
_PAUSE: Final = 0.02


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a queue keeps jobs that have ended; None: for ever."""

    finished: timedelta | None  # completed and cancelled ones
    failed: timedelta | None

    @classmethod
    def of(cls, kind: JobKind) -> Retention:
        """As the kind says, or the system settings finished_job_days and failed_job_days."""
        if kind.keep is not None:
            return cls(kind.keep, kind.keep)
        return cls(_days("finished_job_days"), _days("failed_job_days"))


@dataclass(frozen=True, slots=True)
class Batch:
    """One step of the walk: jobs looked at, and those of them that were, or would be, deleted."""

    seen: int
    finished: int
    failed: int
    attempts: int  # deleted along with their jobs


def delete_old(
    kind: JobKind,
    *,
    retention: Retention | None = None,
    batch_size: int = 1000,
    dry_run: bool = False,
) -> Iterator[Batch]:
    """Delete jobs of the kind that are older than its retention, oldest first, with their attempts.

    Each batch looks at ``batch_size`` jobs in one statement, a transaction of its own unless the
    caller has one; the walk may be left, and begun again, at any point. A job that somebody has
    locked, to retry it, say, is left alone.
    """
    kept = retention or Retention.of(kind)
    now = database_now()
    finished = None if kept.finished is None else now - kept.finished
    failed = None if kept.failed is None else now - kept.failed
    ends = [end for end in (finished, failed) if end is not None]
    if not ends:
        return
    last, end = _NO_KEY, first_key(max(ends))
    while True:
        last, batch = _step(kind, last, end, (finished, failed), batch_size, dry_run=dry_run)
        if batch.seen:
            yield batch
        if batch.seen < batch_size:
            return
        if batch.finished or batch.failed:
            time.sleep(0 if dry_run else _PAUSE)


def first_key(moment: datetime) -> UUID:
    """The smallest key that can be made at the moment: below it lie all that are older."""
    milliseconds = max(0, int(moment.timestamp() * 1000))
    return UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62)


@cache
def look(model: type[models.Model]) -> str:
    """Count the old jobs among the next ones by key.

    Parameters: ends of the finished and of the failed, key after, limit, key before. Returns the
    last key looked at, and the numbers of jobs seen, finished, failed, and of attempts (0).
    """
    return """
        WITH {seen}
        SELECT {last}, (SELECT count(*) FROM seen),
            (SELECT count(*) FROM seen WHERE finished), (SELECT count(*) FROM seen WHERE failed), 0
    """.format(**_parts(model))


@cache
def delete(model: type[models.Model]) -> str:
    """Delete the old jobs among the next ones by key, with their attempts.

    Parameters as for ``look``, then the ends once more: what was old when the statement began must
    still be so when its row is locked. Returns the same, of what was deleted.
    """
    return """
        WITH {seen}, doomed AS MATERIALIZED (
            SELECT q.id, q.status = {failed} AS failed
            FROM {table} q
            WHERE q.id = ANY (ARRAY(SELECT id FROM seen WHERE finished OR failed))
                AND ({is_finished} OR {is_failed})
            FOR UPDATE SKIP LOCKED
        ), gone AS (
            DELETE FROM {table} q USING doomed d WHERE q.id = d.id RETURNING d.failed
        ), attempts AS (
            DELETE FROM job_attempts a USING doomed d
            WHERE a.job_id = d.id AND a.table_name = {table_name}
            RETURNING a.id
        )
        SELECT {last}, (SELECT count(*) FROM seen),
            (SELECT count(*) FROM gone WHERE NOT failed), (SELECT count(*) FROM gone WHERE failed),
            (SELECT count(*) FROM attempts)
    """.format(**_parts(model))


def walk(model: type[models.Model]) -> str:
    """The next jobs by key, and whether each is old. Parameters as for ``look``.

    The end is applied to what was read: with both bounds in one place, the planner would rather
    sort than follow the key in a large table that it has no statistics of.
    """
    return """
        SELECT q.id, {is_finished} AS finished, {is_failed} AS failed
        FROM (
            SELECT id, status, completed_at, created_at FROM {table}
            WHERE id > %s ORDER BY id LIMIT %s
        ) AS q
        WHERE q.id < %s
    """.format(**_old(model))


def _parts(model: type[models.Model]) -> dict[str, str]:
    return {
        **_old(model),
        "seen": f"seen AS MATERIALIZED ({walk(model)})",
        "last": "(SELECT id FROM seen ORDER BY id DESC LIMIT 1)",
    }


def _old(model: type[models.Model]) -> dict[str, str]:
    """The names of the table, and the conditions for old jobs; each takes the end as parameter."""
    known = names(model)
    ended = "coalesce(q.completed_at, q.created_at) < %s::timestamptz"
    return {
        **known,
        "is_finished": f"q.status IN ({known['done']}, {known['cancelled']}) AND {ended}",
        "is_failed": f"q.status = {known['failed']} AND {ended}",
    }


def _step(
    kind: JobKind,
    after: UUID,
    before: UUID,
    ends: tuple[datetime | None, datetime | None],
    limit: int,
    *,
    dry_run: bool,
) -> tuple[UUID, Batch]:
    """Look at the next jobs and delete the old ones; the last key, and what was done."""
    parameters = [*ends, after, limit, before]
    with transaction.atomic(), connection.cursor() as cursor:
        if dry_run:
            cursor.execute(look(kind.model), parameters)
        else:
            cursor.execute(delete(kind.model), [*parameters, *ends])
        last, *counts = cursor.fetchone()
        batch = Batch(*counts)
        if not dry_run and (batch.finished or batch.failed):
            _record(kind, batch, after=after, last=last)
    return last or after, batch


def _record(kind: JobKind, batch: Batch, *, after: UUID, last: UUID) -> None:
    record(
        "jobs.pruned",
        subject=("queue", kind.model._meta.db_table),
        details={
            "queue": kind.queue,
            "finished": batch.finished,
            "failed": batch.failed,
            "attempts": batch.attempts,
            "after": after,
            "last": last,
        },
    )


def _days(setting: str) -> timedelta | None:
    days: int = system_settings.get(setting)
    return timedelta(days=days) if days else None
