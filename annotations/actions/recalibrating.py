"""Learning anew what providers' confidence means: by a batch, or each night."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.models import User
from annotations.actions import calibrating
from annotations.errors import NotNow
from annotations.knowledge import queries
from annotations.models import BatchJob, BatchType, ConfidenceCalibration
from audit.recording import record
from jobs.errors import DuplicateJob

# By how much the decisions must have grown before a curve is worth learning again: ranking a queue
# of a million anew writes a million rows.
GROWTH: Final = 1.1


@transaction.atomic
def request(*, by: User) -> BatchJob:
    """Queue learning anew, now, of all that has enough decisions; PermissionDenied, NotNow."""
    if not by.has_perm("annotations.change_imagecollection"):
        raise PermissionDenied("Your role may not have confidences calibrated.")
    count = len(known())
    if not count:
        raise NotNow(
            f"No provider has {calibrating.LEAST_DECISIONS} decided annotations yet."
            " Review more of their proposals first."
        )
    job = BatchJob(
        job_type=BatchType.RECALIBRATE, user=by, item_count=count, unique_key="recalibrate"
    )
    try:
        with transaction.atomic():
            BatchJob.objects.enqueue([job])
    except DuplicateJob:
        raise NotNow("Calibrating is queued already; its batch shows how far it is.") from None
    record(
        "batch.requested",
        by=by,
        subject=job,
        details={"type": str(job.job_type), "items": count},
    )
    return job


def known() -> list[queries.Model]:
    """The providers and models that enough was decided on."""
    return [of for of, count in queries.decided_models() if count >= calibrating.LEAST_DECISIONS]


def due() -> list[queries.Model]:
    """Those of which a tenth more is known than when they were calibrated last, and new ones."""
    learned = {
        queries.Model(one.provider, one.model): one.sample_count
        for one in ConfidenceCalibration.objects.order_by("created_at", "id")
    }
    return [
        of
        for of, count in queries.decided_models()
        if count >= max(calibrating.LEAST_DECISIONS, GROWTH * learned.get(of, 0))
    ]


def learn(of: queries.Model, *, by: User | None = None) -> Iterator[int]:
    """Put a new curve of one model in force and rank by it; yields rows ranked, batch by batch.

    NotEnoughKnown, before anything is changed.
    """
    calibrating.store(calibrating.fit(of), by=by)
    yield from calibrating.rerank(of)
