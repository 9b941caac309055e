"""Cancelling and retrying the jobs of annotations."""

from __future__ import annotations

from typing import TypeVar

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.models import User
from annotations.errors import NotNow
from annotations.models import AiAnnotationJob, BatchJob
from audit.recording import record
from jobs.errors import DuplicateJob
from jobs.querysets import JobQuerySet

J = TypeVar("J", AiAnnotationJob, BatchJob)

_OF_AI = ("annotations.annotate_image", "jobs.change_queue")
_OF_BATCHES = ("annotations.annotate_image", "annotations.review_annotation", "jobs.change_queue")


@transaction.atomic
def cancel(job: J, *, by: User) -> J:
    """Take a waiting job out of the line, or ask a running one to stop. NotNow."""
    _check(job, by)
    rows = _rows(job)
    locked = rows.select_for_update().get(pk=job.pk)
    if locked.status in {locked.states.done, locked.states.cancelled}:
        raise NotNow(f"The job is already {locked.status}.")
    rows.filter(pk=job.pk).cancel()
    record("job.cancelled", by=by, subject=("job", str(job.pk)), before={"status": locked.status})
    locked.refresh_from_db()
    return locked


@transaction.atomic
def retry(job: J, *, by: User) -> J:
    """Put a failed job in line once more; its attempts count anew. NotNow."""
    _check(job, by)
    rows = _rows(job)
    locked = rows.select_for_update().get(pk=job.pk)
    if locked.status != locked.states.failed:
        raise NotNow(f"Only a failed job can be retried; this one is {locked.status}.")
    try:
        rows.filter(pk=job.pk).retry()
    except DuplicateJob:
        raise NotNow("The same question already waits or is being asked.") from None
    record("job.retried", by=by, subject=("job", str(job.pk)))
    locked.refresh_from_db()
    return locked


def _rows(job: J) -> JobQuerySet[J]:
    rows: JobQuerySet[J] = JobQuerySet(type(job))
    return rows


def _check(job: AiAnnotationJob | BatchJob, by: User) -> None:
    needed = _OF_AI if isinstance(job, AiAnnotationJob) else _OF_BATCHES
    if not any(by.has_perm(one) for one in needed):
        raise PermissionDenied("You may not steer these jobs.")
