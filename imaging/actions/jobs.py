"""Asking for analyses, and steering those that wait."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from accounts.models import User
from audit.recording import record
from imaging import analysis
from imaging.errors import NotNow
from imaging.models import AnalysisStatus, Image, ProcessingJob, QueueStatus
from jobs.errors import DuplicateJob

log = structlog.get_logger(__name__)

_LIVE = (QueueStatus.QUEUED, QueueStatus.PROCESSING, QueueStatus.RETRYING)
PRIORITIES = range(1, 11)


@dataclass(frozen=True, slots=True)
class Asked:
    """The job that answers a request, and whether it was made for it."""

    job: ProcessingJob
    created: bool


def request(
    image: Image,
    *,
    by: User,
    parameters: dict[str, Any] | None = None,
    priority: int = 5,
) -> ProcessingJob:
    """The job of ``ask``, whether it is new or not."""
    return ask(image, by=by, parameters=parameters, priority=priority).job


@transaction.atomic
def ask(
    image: Image,
    *,
    by: User,
    parameters: dict[str, Any] | None = None,
    priority: int = 5,
) -> Asked:
    """Queue an analysis of the image, in the caller's transaction where there is one.

    Asking again for what already waits or runs answers with that job. Wrong parameters and an
    archived image are refused with NotNow.
    """
    try:
        chosen = analysis.Parameters.from_json(parameters or {})
    except ValueError as error:
        raise NotNow(f"{image.file_name}: {error}") from None
    # Locked against archiving it in this moment, which would leave a job nobody may run.
    if _status_of(image) == AnalysisStatus.ARCHIVED:
        raise NotNow(f"{image.file_name} is archived; an archived image is not analysed again.")
    unique_key = f"{image.pk}:{chosen.fingerprint()}"
    job = ProcessingJob(
        image=image,
        user=by,
        parameters=parameters or {},
        priority=priority,
        unique_key=unique_key,
    )
    try:
        if waiting := _waiting(unique_key):
            return Asked(waiting, created=False)
        ProcessingJob.objects.enqueue([job])
    except DuplicateJob:  # somebody else asked for the same in this very moment
        if waiting := _waiting(unique_key):
            return Asked(waiting, created=False)
        raise NotNow(f"{image.file_name} is being analysed at this moment; ask again.") from None
    record(
        "analysis.requested",
        by=by,
        subject=image,
        details={
            "job": job.pk,
            "method": chosen.method,
            "fingerprint": chosen.fingerprint(),
            "priority": priority,
        },
    )
    log.info("analysis requested", image_id=str(image.pk), job_id=str(job.pk))
    return Asked(job, created=True)


@transaction.atomic
def retry(job_id: UUID, *, by: User) -> ProcessingJob:
    """Put a failed job in line once more; its attempts count anew."""
    job = _locked(job_id)
    if job.status != QueueStatus.FAILED:
        raise NotNow(f"Only a failed job can be retried; this one is {job.status}.")
    try:
        if not ProcessingJob.objects.filter(pk=job_id).retry():
            raise NotNow("The job changed meanwhile; look again.")
    except DuplicateJob:
        raise NotNow("The same analysis already waits or runs.") from None
    record("job.retried", by=by, subject=job, details={"image": job.image_id})
    log.info("job retried", job_id=str(job_id), user_id=str(by.pk))
    job.refresh_from_db()
    return job


@transaction.atomic
def cancel(job_id: UUID, *, by: User) -> ProcessingJob:
    """Take a waiting job out of the line, or ask a running one to stop."""
    job = _locked(job_id)
    if job.status in {QueueStatus.COMPLETED, QueueStatus.CANCELLED}:
        raise NotNow(f"The job is already {job.status}.")
    ProcessingJob.objects.filter(pk=job_id).cancel()
    record(
        "job.cancelled",
        by=by,
        subject=job,
        before={"status": job.status},
        details={"image": job.image_id},
    )
    log.info("job cancelled", job_id=str(job_id), user_id=str(by.pk))
    job.refresh_from_db()
    return job


@transaction.atomic
def prioritise(job_id: UUID, *, priority: int, by: User) -> ProcessingJob:
    """Move a waiting job forward (10 is first) or back (1 is last)."""
    if priority not in PRIORITIES:
        raise NotNow(f"Priority must be from 1 to 10, not {priority}.")
    job = _locked(job_id)
    if job.status not in {QueueStatus.QUEUED, QueueStatus.RETRYING}:
        raise NotNow(f"Only a waiting job has a place in line; this one is {job.status}.")
    before, job.priority = job.priority, priority
    job.save(update_fields=["priority"])
    record(
        "job.prioritised",
        by=by,
        subject=job,
        before={"priority": before},
        after={"priority": priority},
        details={"image": job.image_id},
    )
    log.info("job prioritised", job_id=str(job_id), priority=priority, user_id=str(by.pk))
    return job


def request_many(images: Iterable[Image], *, by: User) -> int:
    """Queue an analysis of each image that may have one; return how many were queued."""
    queued = 0
    for image in images:
        try:
            with transaction.atomic():
                request(image, by=by)
            queued += 1
        except NotNow:
            continue
    return queued


def _status_of(image: Image) -> str:
    locked = Image.objects.select_for_update(no_key=True).filter(pk=image.pk)
    status = locked.values_list("analysis_status", flat=True).first()
    if status is None:
        raise NotNow(f"{image.file_name} does not exist any more.")
    return status


def _waiting(unique_key: str) -> ProcessingJob | None:
    return ProcessingJob.objects.filter(unique_key=unique_key, status__in=_LIVE).first()


def _locked(job_id: UUID) -> ProcessingJob:
    try:
        return ProcessingJob.objects.select_for_update().get(pk=job_id)
    except ProcessingJob.DoesNotExist:
        raise NotNow(f"There is no job {job_id}.") from None
