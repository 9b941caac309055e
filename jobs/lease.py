"""What a handler may ask and write while it holds its job.

A worker that was thought dead may come back while another runs the job again. So a handler writes
its results inside ``holding(job)``: the database then knows that no other attempt does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections, transaction

from jobs.errors import Cancelled, LostLease
from jobs.models.job import Job
from jobs.outcomes import storable
from jobs.querysets import JobQuerySet
from jobs.statements import upkeep

# Progress is for people: more often than this is for nobody.
_SECONDS_BETWEEN_REPORTS = 0.5


@contextmanager
def holding(job: Job, *, finish: bool = False) -> Iterator[None]:
    """A transaction in which the job is this attempt's, or LostLease.

    ``finish``: the job is marked as done in the same transaction, so that its results stand
    exactly once, even if the worker is killed right after. Nothing may be left to do then.
    """
    alias = _alias(job)
    with transaction.atomic(alias):
        with connections[alias].cursor() as cursor:
            cursor.execute(upkeep.hold(type(job)), [job.pk, job.attempt])
            if cursor.fetchone() is None:
                raise _lost(job)
        yield
        if finish and not JobQuerySet(type(job), using=alias).finish(job):
            raise _lost(job)
    if finish:
        job.status = job.states.done


def report_progress(job: Job, *, done: int, total: int | None = None, message: str = "") -> None:
    """Show how far the job is; LostLease if it is no longer this attempt's.

    Calls that follow each other within half a second are dropped, unless the message or the total
    changes or the work is complete. With a total, the completion is estimated.
    """
    said = (total, message)
    now = time.monotonic()
    last, last_said = getattr(job, "_reported", (float("-inf"), None))
    if said == last_said and done != total and now - last < _SECONDS_BETWEEN_REPORTS:
        return
    job._reported = (now, said)  # type: ignore[attr-defined] # kept with the job, not in the table
    with connections[_alias(job)].cursor() as cursor:
        cursor.execute(
            upkeep.report_progress(type(job)),
            [done, total, storable(message), total, done, done, job.pk, job.attempt],
        )
        if cursor.rowcount == 0:
            raise _lost(job)
    job.progress_done, job.progress_total, job.progress_message = done, total, message


def raise_if_cancelled(job: Job) -> None:
    """Raise Cancelled if somebody asked the job to stop, LostLease if it is another attempt's."""
    found = (
        JobQuerySet(type(job), using=_alias(job))
        .filter(pk=job.pk, attempt=job.attempt, status=job.states.running)
        .values_list("cancel_requested", flat=True)
        .first()
    )
    if found is None:
        raise _lost(job)
    if found:
        raise Cancelled("The job was cancelled while it ran.")


def _alias(job: Job) -> str:
    return job._state.db or "default"


def _lost(job: Job) -> LostLease:
    return LostLease(
        f"Attempt {job.attempt} of job {job.pk} has lost its lease: the job was rescued, cancelled"
        " or settled meanwhile. Its results are not written."
    )
