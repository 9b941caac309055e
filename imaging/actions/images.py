"""What becomes of an image that is in: archived, settled as a duplicate or none, described."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.recording import record
from imaging.errors import MetadataRefused, NotNow
from imaging.models import AnalysisResult, AnalysisStatus, Image, ProcessingJob, QueueStatus

log = structlog.get_logger(__name__)

LONGEST_NOTE = 10_000
# What the upload found out about the file itself: nobody says otherwise.
MEASURED: Final = frozenset(
    {"format", "mode", "bits", "frames", "has_alpha", "exif_orientation", "name_as_given"}
)
LARGEST_METADATA: Final = 64 * 1024
_LONGEST_KEY: Final = 200
# images_metadata_check
_LARGEST_NUMBER: Final = 1e300
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
def mark_duplicate(image_id: UUID, *, of: UUID, by: User) -> Image:
    """Say that an image is a near duplicate of another, or of the one that this is one of.

    NotNow for an image of itself, and for one that others are near duplicates of: settle these
    first. An earlier word to the contrary is taken back.
    """
    # In the order of the keys, so that two who mark crosswise do not wait for each other.
    pair = Image.objects.select_for_update().filter(pk__in={image_id, of}).order_by("pk")
    found = {image.pk: image for image in pair}
    for wanted in (image_id, of):
        if wanted not in found:
            raise NotNow(f"There is no image {wanted}.")
    image, other = found[image_id], found[of]
    oldest = other.duplicate_of_id or other.pk
    if image.pk in {of, oldest}:
        raise NotNow(f"{image.file_name} cannot be a duplicate of itself.")
    if Image.objects.filter(duplicate_of=image).exists():
        raise NotNow(
            f"Others are marked as near duplicates of {image.file_name}. Settle these first."
        )
    before = {"duplicate_of": image.duplicate_of_id, "distance": image.duplicate_distance}
    image.is_duplicate = True
    image.duplicate_of_id = oldest
    image.duplicate_distance = _distance(image, Image.objects.get(pk=oldest))
    image.duplicate_detected_at, image.duplicate_dismissed_at = timezone.now(), None
    image.save(
        update_fields=[
            "is_duplicate",
            "duplicate_of",
            "duplicate_distance",
            "duplicate_detected_at",
            "duplicate_dismissed_at",
        ]
    )
    record(
        "image.duplicate_marked",
        by=by,
        subject=image,
        before=before,
        after={"duplicate_of": oldest, "distance": image.duplicate_distance},
    )
    log.info("near duplicate marked", image_id=str(image_id), user_id=str(by.pk))
    return image


@transaction.atomic
def change_metadata(image_id: UUID, changes: Mapping[str, Any], *, by: User) -> Image:
    """Note facts about an image beside its file; None removes one (RFC 7396, at the top level).

    MetadataRefused, naming the fact, for what the upload measured, a key that is empty or too
    long, a number beyond 1e300, and more than 64 KiB in all.
    """
    for key, value in changes.items():
        _check_fact(key, value)
    image = _locked(image_id)
    before = image.metadata if isinstance(image.metadata, dict) else {}
    after = {key: value for key, value in (before | dict(changes)).items() if value is not None}
    if len(json.dumps(after).encode()) > LARGEST_METADATA:
        raise MetadataRefused(
            "", f"The metadata would take more than {LARGEST_METADATA // 1024} KiB. Note less."
        )
    changed = sorted(key for key in changes if _differ(before.get(key), after.get(key)))
    if not changed:
        return image
    image.metadata = after
    image.save(update_fields=["metadata"])
    record(
        "image.metadata_changed",
        by=by,
        subject=image,
        before={key: _as_noted(before.get(key)) for key in changed},
        after={key: _as_noted(after.get(key)) for key in changed},
    )
    log.info("metadata changed", image_id=str(image_id), user_id=str(by.pk), keys=len(changed))
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


def _distance(one: Image, other: Image) -> int | None:
    """In how many of 64 bits their perceptual hashes differ."""
    if one.perceptual_hash is None or other.perceptual_hash is None:
        return None
    return ((one.perceptual_hash ^ other.perceptual_hash) & (2**64 - 1)).bit_count()


def _check_fact(key: str, value: Any) -> None:
    if key in MEASURED:
        raise MetadataRefused(key, "This was measured from the file and stays as it is.")
    if not 0 < len(key) <= _LONGEST_KEY:
        raise MetadataRefused(key[:_LONGEST_KEY], f"A key has 1 to {_LONGEST_KEY} characters.")
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
        elif isinstance(part, float) and not -_LARGEST_NUMBER <= part <= _LARGEST_NUMBER:
            raise MetadataRefused(key, "A number lies beyond 1e300, which cannot be stored.")


def _differ(one: Any, other: Any) -> bool:
    """As JSON, where true is not 1."""
    return json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True)


def _as_noted(value: Any) -> Any:
    """For the audit log, which takes no fractions: anything but text as its JSON."""
    if value is None or isinstance(value, str | bool):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
