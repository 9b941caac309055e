"""Bytes on their way into the storage and out of it."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import structlog
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q

from config.admin import formats
from database import locks, system_settings
from database.actor import acting_as_system
from ingestion import paths
from ingestion.errors import StorageFailed, UploadRefused
from ingestion.models import FileUpload
from ingestion.reading import Detection, Detector, TableRefused

log = structlog.get_logger(__name__)

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Received:
    """A file as it came: a copy that lasts as long as the block, and what is known of it."""

    path: Path
    size: int
    sha256: str
    detection: Detection


def too_large(shown: str, limit: int, more: str = "") -> UploadRefused:
    """The refusal of a file beyond the limit, in bytes; ``more`` goes behind it."""
    return UploadRefused(
        shown,
        f"the file is larger than {formats.size(limit)}. Split it, or let an admin raise"
        f" max_file_size.{more}",
        code="too_large",
    )


@contextmanager
def received(content: IO[bytes] | File[bytes], shown: str) -> Iterator[Received]:
    """The bytes in a temporary file, read once; refused when empty, too large or no text."""
    limit: int = system_settings.get("max_file_size")
    digest = hashlib.sha256()
    detector = Detector(shown)
    size = 0
    try:
        with tempfile.NamedTemporaryFile(prefix="lacuna-upload-") as copy:
            while chunk := content.read(_CHUNK):
                size += len(chunk)
                if size > limit:
                    raise too_large(shown, limit)
                digest.update(chunk)
                detector.feed(chunk)
                copy.write(chunk)
            copy.flush()
            if size == 0:
                raise UploadRefused(
                    shown, "the file is empty. Check where it comes from.", code="empty_file"
                )
            try:
                detection = detector.finish()
            except TableRefused as refused:
                raise UploadRefused(shown, refused.reason, code=refused.code) from None
            yield Received(Path(copy.name), size, digest.hexdigest(), detection)
    except OSError as error:
        raise storage_failed(shown, error) from error


def storage_failed(shown: str, error: OSError) -> StorageFailed:
    """The refusal of a file that the disk did not take; the log has the reason too."""
    log.error("storing failed", file_name=shown, error=str(error))
    return StorageFailed(
        shown,
        f"it could not be stored ({error.strerror or error}). Nothing of it was kept; tell an"
        " operator, then upload it again.",
        code="storage_failed",
    )


def store(copy: Path, sha256: str) -> bool:
    """Store the bytes where ``paths.stored`` says, unless they are there; whether they were not.

    In a transaction: until it ends nobody else stores or sweeps the same bytes.
    """
    locks.hold(_key(sha256))
    path = paths.stored(sha256)
    if default_storage.exists(path) and default_storage.size(path) == copy.stat().st_size:
        return False
    with copy.open("rb") as file:
        default_storage.save(path, File(file))
    return True


def sweep(sha256: str) -> None:
    """Delete the bytes if no row needs them; what is no hash, as plain SQL may say, has none."""
    path = paths.stored(sha256)
    if not paths.is_stored(path):
        return
    try:
        with transaction.atomic():
            locks.hold(_key(sha256))
            if not _in_use(sha256):
                default_storage.delete(path)
    except OSError as error:
        log.warning("left behind in storage", path=path, error=str(error))


def _in_use(sha256: str) -> bool:
    """Whether any file, or part of a joined one, has the bytes: anybody's."""
    with acting_as_system():
        files = FileUpload.objects.filter(
            Q(sha256=sha256) | Q(merged_files__contains=[{"sha256": sha256}])
        )
        return files.exists()


def hold(sha256: str) -> bool:
    """Keep others from storing or sweeping the bytes until the transaction ends.

    False if somebody is at it in this moment.
    """
    return locks.try_to_hold(_key(sha256))


def _key(sha256: str) -> str:
    return f"file {sha256}"
