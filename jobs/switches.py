"""What staff decide about queues: pausing, limiting, retrying and cancelling in bulk.

The admin's pages and the commands call these functions. A queue goes by its name;
``jobs.errors.UnknownQueue`` refuses another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from audit.recording import record
from jobs import registry
from jobs.errors import DuplicateJob
from jobs.models.job import Job
from jobs.models.queue import Queue
from jobs.printable import printable
from jobs.querysets import JobQuerySet
from jobs.registry import JobKind
from jobs.statements.names import has_person

log = structlog.get_logger(__name__)

LONGEST_RATE_SECONDS: Final = 86_400
MOST_JOBS: Final = 2**31 - 1
# An entry of the audit log names so many jobs one by one.
_MOST_NAMED: Final = 5000


class NotForThisQueue(ValueError):
    """The queue or its jobs cannot be switched as asked; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Switched:
    """What one batch did: jobs changed, and jobs that were refused as duplicates of live ones."""

    jobs: int
    duplicates: int = 0


# --- The queue ------------------------------------------------------------------------------------


@transaction.atomic
def pause(queue: str, *, by: str, reason: str = "") -> bool:
    """Let no worker begin a job of the queue; what runs goes on. False if it was paused already."""
    row = _row(queue)
    changed = Queue.objects.filter(pk=row.pk, paused_at=None).update(
        paused_at=Now(), paused_by=by, pause_reason=printable(reason)
    )
    if changed:
        record(
            "queue.paused",
            subject=("queue", row.table_name),
            before={"paused": False},
            after={"paused": True},
            details={"queue": queue, "reason": printable(reason)},
            personal={"by": by},
        )
        log.info("queue paused", queue=queue, by=by, reason=reason)
    return bool(changed)


@transaction.atomic
def resume(queue: str, *, by: str) -> bool:
    """Let workers begin jobs of the queue again. False if it was not paused."""
    rows = Queue.objects.filter(table_name=_table(queue), paused_at__isnull=False)
    changed = rows.update(paused_at=None, paused_by="", pause_reason="")
    if changed:
        record(
            "queue.resumed",
            subject=("queue", _table(queue)),
            before={"paused": True},
            after={"paused": False},
            details={"queue": queue},
            personal={"by": by},
        )
        log.info("queue resumed", queue=queue, by=by)
    return bool(changed)


def is_paused(queue: str) -> bool:
    """Whether staff have paused the queue."""
    return Queue.objects.filter(table_name=_table(queue), paused_at__isnull=False).exists()


@transaction.atomic
def limit(queue: str, *, jobs: int | None, seconds: int = 60, by: str = "") -> None:
    """Let ``jobs`` of the queue begin within ``seconds``; None lifts the limit.

    It is a bucket of so many jobs that fills up evenly within the time, and begins full.
    NotForThisQueue if a number is out of bounds.
    """
    check_limit(jobs=jobs, seconds=seconds)
    row = Queue.objects.select_for_update().get(pk=_row(queue).pk)
    before = {"rate_limit": row.rate_limit, "rate_seconds": row.rate_seconds}
    row.rate_limit, row.tokens, row.tokens_at = jobs, None, None
    row.rate_seconds = seconds
    row.save(update_fields=["rate_limit", "rate_seconds", "tokens", "tokens_at"])
    record(
        "queue.limited",
        subject=("queue", row.table_name),
        before=before,
        after={"rate_limit": jobs, "rate_seconds": seconds},
        details={"queue": queue},
        personal={"by": by},
    )
    log.info("queue limited", queue=queue, jobs=jobs, seconds=seconds, by=by)


def check_limit(*, jobs: int | None, seconds: int) -> None:
    """NotForThisQueue, if no queue can have such a limit."""
    if jobs is not None and not 1 <= jobs <= MOST_JOBS:
        raise NotForThisQueue(f"A queue's limit must be from 1 to {MOST_JOBS} jobs, not {jobs}.")
    if not 1 <= seconds <= LONGEST_RATE_SECONDS:
        raise NotForThisQueue(
            f"A queue's limit counts jobs within 1 to {LONGEST_RATE_SECONDS} seconds, not"
            f" {seconds}."
        )


# --- Its jobs -------------------------------------------------------------------------------------


def to_retry(
    queue: str, *, ids: Sequence[UUID] | None = None, since: datetime | None = None
) -> JobQuerySet[Job]:
    """The failed jobs that are meant: those named, all, or all that failed since a moment.

    NotForThisQueue names a job that is not there, or has not failed.
    """
    kind = registry.kind(queue)
    failed = kind.jobs.filter(status=kind.model.states.failed)
    if ids is not None:
        _check(kind, ids, (kind.model.states.failed,), "only a failed job can be retried")
        failed = failed.filter(id__in=ids)
    return failed if since is None else failed.filter(completed_at__gte=since)


def retry_failed(
    queue: str, *, ids: Sequence[UUID] | None = None, since: datetime | None = None
) -> int:
    """Put the failed jobs of ``to_retry`` in line once more, their retries counted anew.

    Returns how many; a job whose like waits or runs meanwhile stays failed.
    """
    return sum(batch.jobs for batch in retry_batches(queue, ids=ids, since=since))


def retry_batches(
    queue: str,
    *,
    ids: Sequence[UUID] | None = None,
    since: datetime | None = None,
    batch_size: int = 1000,
) -> Iterator[Switched]:
    """As ``retry_failed``, step by step: each batch is a transaction that has ended when it is
    yielded.
    """
    kind = registry.kind(queue)
    for batch in _batches(to_retry(queue, ids=ids, since=since), batch_size):
        yield _retry(kind, batch)


def to_cancel(
    queue: str, *, ids: Sequence[UUID] | None = None, user_id: UUID | None = None
) -> JobQuerySet[Job]:
    """The jobs that are meant: those named, all of one person's that wait or run, or all that do.

    A failed job is among them only by name: it is then not retried any more. NotForThisQueue names
    a job that is not there or has ended, and a queue whose jobs belong to nobody.
    """
    kind = registry.kind(queue)
    states = kind.model.states
    if user_id is not None and not has_person(kind.model):
        raise NotForThisQueue(f"The jobs of the queue {kind.queue} belong to nobody.")
    if ids is None:
        wanted = kind.jobs.live()
    else:
        _check(kind, ids, (*states.live, states.failed), "it has ended already")
        wanted = kind.jobs.filter(id__in=ids, status__in=(*states.live, states.failed))
    return wanted if user_id is None else wanted.filter(Q(user_id=user_id))


def cancel_jobs(
    queue: str, *, ids: Sequence[UUID] | None = None, user_id: UUID | None = None
) -> int:
    """Cancel the jobs of ``to_cancel``, and ask those that run to stop; return how many."""
    return sum(batch.jobs for batch in cancel_batches(queue, ids=ids, user_id=user_id))


def cancel_batches(
    queue: str,
    *,
    ids: Sequence[UUID] | None = None,
    user_id: UUID | None = None,
    batch_size: int = 1000,
) -> Iterator[Switched]:
    """As ``cancel_jobs``, step by step: each batch is a transaction that has ended when it is
    yielded.
    """
    wanted = to_cancel(queue, ids=ids, user_id=user_id)
    for batch in _batches(wanted, batch_size):
        yield _cancel(queue, wanted, batch)


@transaction.atomic
def retry_job(queue: str, job_id: UUID) -> bool:
    """Put one failed job in line once more; False if it has not failed, or is not there.

    DuplicateJob, if its like waits or runs meanwhile.
    """
    changed = registry.kind(queue).jobs.filter(id=job_id).retry()
    if changed:
        record("job.retried", subject=("job", str(job_id)), details={"queue": queue})
    return bool(changed)


@transaction.atomic
def cancel_job(queue: str, job_id: UUID) -> bool:
    """Cancel one job, or ask it to stop; False if it has ended already, or is not there."""
    changed = registry.kind(queue).jobs.filter(id=job_id).cancel()
    if changed:
        record("job.cancelled", subject=("job", str(job_id)), details={"queue": queue})
    return bool(changed)


def _check(kind: JobKind, ids: Sequence[UUID], states: Sequence[str], why: str) -> None:
    """NotForThisQueue, if one of the jobs is not there or in none of the states."""
    found = dict(kind.jobs.filter(id__in=ids).values_list("id", "status"))
    for key in ids:
        if key not in found:
            raise NotForThisQueue(f"The queue {kind.queue} has no job {key}.")
        if found[key] not in states:
            raise NotForThisQueue(f"The job {key} is {found[key]}: {why}.")


@transaction.atomic
def _retry(kind: JobKind, batch: Sequence[UUID]) -> Switched:
    """All at once; one by one where a job of the same key waits or runs meanwhile."""
    retried = duplicates = 0
    try:
        retried = kind.jobs.filter(id__in=batch).retry()
    except DuplicateJob:
        for key in batch:
            try:
                retried += kind.jobs.filter(id=key).retry()
            except DuplicateJob:
                duplicates += 1
    switched = Switched(retried, duplicates)
    _record("jobs.retried", kind.queue, switched, batch)
    return switched


@transaction.atomic
def _cancel(queue: str, wanted: JobQuerySet[Job], batch: Sequence[UUID]) -> Switched:
    # Named anew: what has failed or ended since it was read is not what was meant.
    switched = Switched(wanted.filter(id__in=batch).cancel())
    _record("jobs.cancelled", queue, switched, batch)
    return switched


def _record(action: str, queue: str, switched: Switched, batch: Sequence[UUID]) -> None:
    """One entry for the batch: how many jobs were switched, and of which they are."""
    if not switched.jobs:
        return
    named = {"ids": list(batch)} if len(batch) <= _MOST_NAMED else {"ids": [batch[0], batch[-1]]}
    record(
        action,
        subject=("queue", _table(queue)),
        details={
            "queue": queue,
            "jobs": switched.jobs,
            "duplicates": switched.duplicates,
            "asked": len(batch),
            **named,
        },
    )


def _batches(jobs: JobQuerySet[Job], size: int) -> Iterator[list[UUID]]:
    """The keys of the jobs there are now, in order; each batch is read when it is wanted."""
    newest = jobs.order_by("-id").values_list("id", flat=True).first()
    if newest is None:
        return
    rest = jobs.filter(id__lte=newest).order_by("id").values_list("id", flat=True)
    batch = list(rest[:size])
    while batch:
        yield batch
        batch = list(rest.filter(id__gt=batch[-1])[:size])


def _table(queue: str) -> str:
    return registry.kind(queue).model._meta.db_table


def _row(queue: str) -> Queue:
    row, _ = Queue.objects.get_or_create(table_name=_table(queue))
    return row
