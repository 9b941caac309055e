"""What becomes of an image that is in: archived, settled as no duplicate, annotated."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.recording import record
from imaging.errors import NotNow
from imaging.models import AnalysisResult, AnalysisStatus, Image, ProcessingJob, QueueStatus

log = structlog.get_logger(__name__)

LONGEST_NOTE = 10_000
_WAITING = (QueueStatus.QUEUED, QueueStatus.RETRYING)


@transaction.atomic
def archive(image_id: UUID, *, by: User) -> Image:
    """Put an image away for good: its results stay, its waiting jobs are cancelled.

    NotNow while it is being analysed, and when it is archived already.
    """
    # Jobs before the image, in the order in which a worker's claim takes them: no deadlock.
    jobs = ProcessingJob.objects.live().filter(image_id=image_id).select_for_update()
    running = [job for job in jobs if job.status == QueueStatus.PROCESSING]
    image = _locked(image_id)
    if image.analysis_status == AnalysisStatus.ARCHIVED:
        raise NotNow(f"{image.file_name} is archived already.")
    if running or image.analysis_status == AnalysisStatus.PROCESSING:
        raise NotNow(
            f"{image.file_name} is being analysed. Wait for the end, or cancel the job first."
        )
    cancelled = ProcessingJob.objects.filter(image_id=image_id, status__in=_WAITING).cancel()
    before, image.analysis_status = image.analysis_status, AnalysisStatus.ARCHIVED
    image.save(update_fields=["analysis_status"])
    record(
        "image.archived",
        by=by,
        subject=image,
        before={"analysis_status": before},
        after={"analysis_status": image.analysis_status},
        details={"jobs_cancelled": cancelled},
    )
    log.info("image archived", image_id=str(image_id), user_id=str(by.pk))
    return image


@transaction.atomic
def not_a_duplicate(image_id: UUID, *, by: User) -> Image:
    """Say that an image only looks like another; it is not marked again."""
    image = _locked(image_id)
    if not image.is_duplicate:
        raise NotNow(f"{image.file_name} is not marked as a near duplicate.")
    before = {"duplicate_of": image.duplicate_of_id, "distance": image.duplicate_distance}
    image.is_duplicate = False
    image.duplicate_of = None
    image.duplicate_distance = None
    image.duplicate_dismissed_at = timezone.now()
    image.save(
        update_fields=[
            "is_duplicate",
            "duplicate_of",
            "duplicate_distance",
            "duplicate_dismissed_at",
        ]
    )
    record(
        "image.duplicate_dismissed",
        by=by,
        subject=image,
        before=before,
        after={"duplicate_of": None, "distance": None},
    )
    log.info("near duplicate dismissed", image_id=str(image_id), user_id=str(by.pk))
    return image


@transaction.atomic
def write_note(image_id: UUID, text: str, *, seen: datetime, by: User) -> AnalysisResult:
    """Write the note on the result in force; an empty text removes it.

    ``seen`` is the result's ``updated_at`` as the writer saw it: NotNow if it changed since, so
    that nobody overwrites what they have not read.
    """
    if len(text) > LONGEST_NOTE:
        raise NotNow(f"The note has {len(text):,} characters; at most {LONGEST_NOTE:,} are kept.")
    result = AnalysisResult.objects.select_for_update().filter(image_id=image_id).first()
    if result is None:
        raise NotNow("There is no result to write a note on yet.")
    if result.updated_at != seen:
        raise NotNow(
            "The result or its note changed while you wrote. Compare with what stands now, then"
            " save again."
        )
    before, result.notes = result.notes, text.replace("\x00", "").strip() or None
    result.save(update_fields=["notes"])
    record(
        "result.noted",
        by=by,
        subject=result,
        before={"notes": before},
        after={"notes": result.notes},
        details={"image": image_id},
    )
    result.refresh_from_db(fields=["updated_at"])
    log.info("note written", image_id=str(image_id), user_id=str(by.pk))
    return result


def _locked(image_id: UUID) -> Image:
    try:
        return Image.objects.select_for_update().get(pk=image_id)
    except Image.DoesNotExist:
        raise NotNow(f"There is no image {image_id}.") from None
