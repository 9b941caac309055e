"""Deleting what is kept about jobs longer than anybody asks: attempts and minutes of statistics."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from jobs import registry
from jobs.housekeeping.old_jobs import Retention, first_key
from jobs.models.attempt import Attempt
from jobs.models.statistic import Statistic
from jobs.moments import database_now

# Charts go back two weeks; the sums of all time stay.
MINUTES_KEPT: Final = timedelta(days=14)

_PAUSE: Final = 0.02
_NO_KEY: Final = UUID(int=0)


def delete_old_statistics() -> int:
    """Delete the minutes that no chart shows any more; return how many."""
    deleted, _ = Statistic.objects.filter(minute__lt=database_now() - MINUTES_KEPT).delete()
    return deleted


def delete_old_attempts(*, batch_size: int = 1000) -> int:
    """Delete attempts whose job is gone, or that are older than jobs are kept; return how many.

    An attempt goes with its job; here go those whose job went another way, with its image, say.
    Batches are transactions of their own.
    """
    deleted = 0
    for kind in registry.kinds():
        table = kind.model._meta.db_table
        last: UUID | None = _NO_KEY
        while last is not None:
            last, gone = _step(table, last, batch_size)
            deleted += gone
        kept = Retention.of(kind)
        if kept.finished is not None and kept.failed is not None:
            end = first_key(database_now() - max(kept.finished, kept.failed))
            deleted += _delete_before(table, end, batch_size)
    return deleted


@transaction.atomic
def _step(table: str, after: UUID, limit: int) -> tuple[UUID | None, int]:
    """Look at the table's next attempts; the last key, or None at the end, and how many went."""
    attempts = Attempt.objects.filter(table_name=table, id__gt=after).order_by("id")
    rows = list(attempts.values_list("id", "job_id")[:limit])
    if not rows:
        return None, 0
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM {connection.ops.quote_name(table)} WHERE id = ANY (%s)",
            [list({job for _, job in rows})],
        )
        there = {row[0] for row in cursor.fetchall()}
    orphans = [key for key, job in rows if job not in there]
    deleted, _ = Attempt.objects.filter(id__in=orphans).delete()
    return (rows[-1][0] if len(rows) == limit else None), deleted


def _delete_before(table: str, end: UUID, batch_size: int) -> int:
    deleted = 0
    old = Attempt.objects.filter(table_name=table, id__lt=end).order_by("id")
    while batch := list(old.values_list("id", flat=True)[:batch_size]):
        deleted += Attempt.objects.filter(id__in=batch).delete()[0]
        time.sleep(_PAUSE)
    return deleted
