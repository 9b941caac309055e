"""Taking files in."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import structlog
from django.conf import settings
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from audit.recording import record
from config.admin import formats
from database import locks, system_settings
from database.actor import acting_as_system
from database.fields import uuid7
from imaging import analysis, file_names, paths
from imaging.actions import jobs
from imaging.errors import StorageFailed, UploadRefused
from imaging.models import Image, ProcessingJob

log = structlog.get_logger(__name__)

_CHUNK = 1 << 20
# Decoding a large file takes hundreds of megabytes: two at a time in one process are enough.
_decoding = threading.BoundedSemaphore(2)


@dataclass(frozen=True, slots=True)
class Upload:
    """What became of a file: its image, whether that is new, and the analysis it waits for."""

    image: Image
    created: bool
    job: ProcessingJob | None


@dataclass(frozen=True, slots=True)
class _Received:
    path: Path
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class _Pictures:
    facts: analysis.ImageFacts
    perceptual_hash: int | None
    thumbnail: bytes
    preview: bytes


@dataclass(frozen=True, slots=True)
class _Wanted:
    """For whom a file is taken in, and how it is to be analysed."""

    by: User
    parameters: dict[str, Any] | None
    priority: int


def receive(
    content: IO[bytes] | File[bytes],
    *,
    name: str,
    by: User,
    parameters: dict[str, Any] | None = None,
    priority: int = 5,
) -> Upload:
    """Store one image file, make its thumbnail and queue its analysis.

    The bytes are read once, hashed while reading, and stored once: bytes that are already there
    answer with the existing image, which is not analysed again for that. A file that cannot be
    taken raises UploadRefused or StorageFailed with a sentence that names it; then nothing of it is
    kept.
    """
    shown = file_names.displayed(name)
    with _received(content, shown) as received:
        if existing := _count_again(received.sha256, shown=shown, by=by):
            log.info("image handed in again", image_id=str(existing.pk), user_id=str(by.pk))
            return Upload(existing, created=False, job=None)
        pictures = _examine(received, shown)
        wanted = _Wanted(by, parameters, priority)
        return _keep(received, pictures, wanted, shown=shown, given=name)


def too_large(shown: str, limit: int, more: str = "") -> UploadRefused:
    """The refusal of a file beyond the limit, in bytes; ``more`` goes behind it."""
    return UploadRefused(
        shown,
        f"the file is larger than {formats.size(limit)}. Make it smaller, or let an admin raise"
        f" max_file_size.{more}",
        code="too_large",
    )


@contextmanager
def _received(content: IO[bytes] | File[bytes], shown: str) -> Iterator[_Received]:
    """The bytes in a temporary file, with size and hash; refused when empty or too large."""
    limit: int = system_settings.get("max_file_size")
    digest = hashlib.sha256()
    size = 0
    try:
        with tempfile.NamedTemporaryFile(prefix="lacuna-upload-") as copy:
            while chunk := content.read(_CHUNK):
                size += len(chunk)
                if size > limit:
                    raise too_large(shown, limit)
                digest.update(chunk)
                copy.write(chunk)
            copy.flush()
            if size == 0:
                raise UploadRefused(
                    shown, "the file is empty. Check where it comes from.", code="empty_file"
                )
            yield _Received(Path(copy.name), size, digest.hexdigest())
    except OSError as error:
        raise _storage_failed(shown, error) from error


def _examine(received: _Received, shown: str) -> _Pictures:
    """Look into the file: its kind, its size, its small pictures; refuse what cannot be decoded."""
    limits = analysis.Limits(max_pixels=settings.MAX_IMAGE_PIXELS)
    try:
        facts = analysis.inspect(received.path, limits)
        allowed: list[str] = system_settings.get("allowed_file_types")
        if not {facts.format.lower(), "jpg" if facts.format == "JPEG" else ""} & set(allowed):
            raise UploadRefused(
                shown,
                f"{facts.format} files are not taken here. Taken are: {_listed(allowed)}.",
                code="type_not_allowed",
            )
        with _decoding:
            picture = analysis.decode(
                received.path, limits=limits, working_edge=analysis.Parameters().working_edge
            )
            return _Pictures(
                facts=facts,
                perceptual_hash=analysis.perceptual_hash(picture),
                thumbnail=analysis.render_thumbnail(picture),
                preview=analysis.render_preview(picture),
            )
    except analysis.ImageRefused as error:
        raise UploadRefused(shown, error.reason, code=error.code) from error


def _keep(
    received: _Received, pictures: _Pictures, wanted: _Wanted, *, shown: str, given: str
) -> Upload:
    facts = pictures.facts
    image = Image(
        pk=uuid7(),
        user=wanted.by,
        file_name=shown,
        file_path=paths.original(received.sha256, facts.mime_type),
        file_size=received.size,
        mime_type=facts.mime_type,
        file_hash=received.sha256,
        image_dimensions={"width": facts.width, "height": facts.height},
        metadata=_metadata(facts, shown, given),
        perceptual_hash=pictures.perceptual_hash,
    )
    image.thumbnail_path = paths.thumbnail(image.pk)
    image.preview_path = paths.preview(image.pk)
    try:
        return _insert(image, received.path, pictures, wanted)
    except OSError as error:
        _discard(image)
        raise _storage_failed(shown, error) from error
    except IntegrityError as error:
        _discard(image)
        # Somebody else handed in the same bytes in this very moment: theirs is the image.
        if existing := _count_again(received.sha256, shown=shown, by=wanted.by):
            return Upload(existing, created=False, job=None)
        raise UploadRefused(shown, "the database refused it.", code="refused") from error
    except BaseException:
        _discard(image)
        raise


@transaction.atomic
def _insert(image: Image, copy: Path, pictures: _Pictures, wanted: _Wanted) -> Upload:
    by = wanted.by
    _store(image, copy, pictures)
    image.save(force_insert=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT mark_duplicate_image(%s)", [image.pk])
        (near_duplicate,) = cursor.fetchone()
    record(
        "image.uploaded",
        by=by,
        subject=image,
        after={
            "file_name": image.file_name,
            "file_size": image.file_size,
            "file_hash": image.file_hash,
            "mime_type": image.mime_type,
            "image_dimensions": image.image_dimensions,
        },
        details={"near_duplicate": near_duplicate},
    )
    job = jobs.request(image, by=by, parameters=wanted.parameters, priority=wanted.priority)
    log.info("image stored", image_id=str(image.pk), user_id=str(by.pk), size=image.file_size)
    return Upload(image, created=True, job=job)


def _store(image: Image, copy: Path, pictures: _Pictures) -> None:
    """Store the bytes and the small pictures. In a transaction.

    Until it ends nobody else stores or discards the same bytes.
    """
    locks.hold(_key(image.file_hash))
    with copy.open("rb") as file:
        default_storage.save(image.file_path, File(file))
    default_storage.save(image.thumbnail_path, ContentFile(pictures.thumbnail))
    default_storage.save(image.preview_path, ContentFile(pictures.preview))


@transaction.atomic
def _count_again(file_hash: str, *, shown: str, by: User) -> Image | None:
    """The image with these bytes, counted once more; None if there is none."""
    found = Image.objects.filter(file_hash=file_hash).update(
        upload_count=F("upload_count") + 1, updated_at=timezone.now()
    )
    if not found:
        return None
    image = Image.objects.get(file_hash=file_hash)
    record(
        "image.uploaded_again",
        by=by,
        subject=image,
        details={"file_name": shown, "times": image.upload_count},
    )
    return image


def _discard(image: Image) -> None:
    """Remove what was stored for an image that did not come to be."""
    unwanted = [image.thumbnail_path, image.preview_path]
    try:
        with transaction.atomic(), acting_as_system():
            locks.hold(_key(image.file_hash))
            # The original may by now belong to somebody who handed in the same bytes.
            if not Image.objects.filter(file_hash=image.file_hash).exists():
                unwanted.append(image.file_path)
            for path in unwanted:
                default_storage.delete(path)
    except OSError as error:
        log.warning("left behind in storage", path=image.file_path, error=str(error))


def hold(file_hash: str) -> bool:
    """Keep others from storing or discarding the bytes until the transaction ends.

    False if somebody is at it in this moment.
    """
    return locks.try_to_hold(_key(file_hash))


def _key(file_hash: str) -> str:
    return f"image {file_hash}"


def _metadata(facts: analysis.ImageFacts, shown: str, given: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "format": facts.format,
        "mode": facts.mode,
        "bits": facts.bits,
        "frames": facts.frames,
        "has_alpha": facts.has_alpha,
        "exif_orientation": facts.orientation,
    }
    if shown != given:
        # A name on a disk may hold bytes that are no text at all.
        legible = given.encode("utf-8", "replace").decode("utf-8")
        metadata["name_as_given"] = legible[:1024].replace("\x00", "")
    return metadata


def _storage_failed(shown: str, error: OSError) -> StorageFailed:
    log.error("storing failed", file_name=shown, error=str(error))
    return StorageFailed(
        shown,
        f"it could not be stored ({error.strerror or error}). Nothing of it was kept; tell an"
        " operator, then hand it in again.",
        code="storage_failed",
    )


def _listed(allowed: list[str]) -> str:
    """The allowed kinds of picture; the setting also names kinds that are none."""
    return ", ".join(kind for kind in allowed if kind != "csv")
