"""Taking files in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import structlog
from django.core.files import File
from django.db import IntegrityError, transaction

from accounts.models import User
from audit.recording import record
from config import file_names
from database import system_settings
from database.fields import uuid7
from ingestion import paths
from ingestion.actions import bytes as stored_bytes
from ingestion.actions import checks
from ingestion.actions.bytes import Received
from ingestion.errors import DialectRefused, UploadRefused
from ingestion.models import FileCheck, FileUpload
from ingestion.models.file_upload import LONGEST_NAME
from ingestion.reading import Dialect, Source, TableRefused

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Upload:
    """What became of a file: its row, whether that is new, and the check it waits for."""

    file: FileUpload
    created: bool
    job: FileCheck | None


def upload(
    stream: IO[bytes] | File[bytes],
    name: str,
    *,
    by: User,
    dialect: Mapping[str, str] | None = None,
) -> Upload:
    """Store one file of numbers, and check it: at once when it is small, else by a worker.

    The bytes are read once, hashed while reading, and stored once; bytes that the person handed in
    before answer with the row that is there, and are put back where the storage has lost them.
    ``dialect`` may say any of ``encoding``, ``delimiter`` and ``decimal``; what it leaves out is
    found by looking. Where that is in doubt, the file waits for ``dialects.confirm``.
    UploadRefused, StorageFailed and DialectRefused leave nothing behind. What is wrong inside the
    file does not keep it out: its row is ``failed`` and says what.
    """
    shown = displayed(name)
    allowed: list[str] = system_settings.get("allowed_file_types")
    if "csv" not in allowed:
        raise UploadRefused(
            shown,
            "CSV files are not taken here. An admin can allow them in allowed_file_types.",
            code="type_not_allowed",
        )
    with stored_bytes.received(stream, shown) as received:
        if existing := _again(received, shown=shown, by=by):
            return Upload(existing, created=False, job=None)
        file = _described(received, shown, by=by, dialect=dialect)
        return _keep(file, received)


def displayed(name: str) -> str:
    """A file's name as it is stored and shown."""
    return file_names.displayed(name, longest=LONGEST_NAME)


def _described(
    received: Received, shown: str, *, by: User, dialect: Mapping[str, str] | None
) -> FileUpload:
    """The row to be, with what a look into the file finds."""
    found = received.detection
    said = {name: value for name, value in (dialect or {}).items() if value}
    try:
        chosen = Dialect.from_json(found.dialect.as_json() | said)
    except TableRefused as refused:
        raise DialectRefused(refused.reason) from None
    doubts = [] if {"encoding", "delimiter"} <= said.keys() else list(found.doubts)
    file = FileUpload(
        pk=uuid7(),
        user=by,
        original_filename=shown,
        file_size=received.size,
        sha256=received.sha256,
        encoding=chosen.encoding,
        delimiter=chosen.delimiter,
        decimal_sign=chosen.decimal,
        dialect_doubts=doubts,
        dialect_confirmed=bool(said) and not doubts,
    )
    if not file.waits_for_confirmation and received.size <= checks.AT_ONCE:
        copy = received.path
        checks.note(file, checks.outcome_of(Source(shown, lambda: copy.open("rb"), chosen)))
    return file


def _keep(file: FileUpload, received: Received) -> Upload:
    try:
        return _insert(file, received.path)
    except OSError as error:
        stored_bytes.sweep(received.sha256)
        raise stored_bytes.storage_failed(file.original_filename, error) from error
    except IntegrityError as error:
        stored_bytes.sweep(received.sha256)
        # The same person handed in the same bytes in this very moment: theirs is the row.
        if existing := _again(received, shown=file.original_filename, by=file.user):
            return Upload(existing, created=False, job=None)
        raise UploadRefused(
            file.original_filename, "the database refused it.", code="refused"
        ) from error
    except BaseException:
        stored_bytes.sweep(received.sha256)
        raise


@transaction.atomic
def _insert(file: FileUpload, copy: Path) -> Upload:
    assert file.sha256 is not None
    stored_bytes.store(copy, file.sha256)
    file.file_path = paths.stored(file.sha256)
    file.save(force_insert=True)
    job = None
    if file.checked_at is None and not file.waits_for_confirmation:
        job = checks.enqueue(file, by=file.user)
    record(
        "file.uploaded",
        by=file.user,
        subject=file,
        after={
            "original_filename": file.original_filename,
            "file_size": file.file_size,
            "sha256": file.sha256,
            "status": file.status,
            **file.dialect.as_json(),
        },
        details={
            "rows": file.row_count,
            "columns": file.column_count,
            "error": file.error_message,
            "job": job.pk if job else None,
        },
    )
    log.info("file stored", file_id=str(file.pk), user_id=str(file.user_id), size=file.file_size)
    return Upload(file, created=True, job=job)


@transaction.atomic
def _again(received: Received, *, shown: str, by: User) -> FileUpload | None:
    """The person's own file with these bytes, if there is one; they lie in the storage then."""
    file = FileUpload.objects.filter(user=by, sha256=received.sha256).first()
    if file is not None:
        put_back = stored_bytes.store(received.path, received.sha256)
        record(
            "file.uploaded_again",
            by=by,
            subject=file,
            details={"original_filename": shown, "put_back": put_back},
        )
    return file
