"""Joining files, and removing them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, RestrictedError
from django.utils import timezone

from accounts.models import User
from audit.recording import record
from config import file_names
from database.fields import uuid7
from ingestion.actions import bytes as stored_bytes
from ingestion.actions import checks
from ingestion.errors import NotNow
from ingestion.models import FileStatus, FileUpload
from ingestion.models.file_upload import LONGEST_NAME
from ingestion.reading import ColumnKind, TableRefused
from ingestion.reading import header as headers
from ingestion.reading.checking import MOST_REMARKS

log = structlog.get_logger(__name__)

MOST_PARTS = 1000


@transaction.atomic
def merge(file_ids: Sequence[UUID], *, by: User, name: str = "") -> FileUpload:
    """Join files with the same columns into one, in this order; the files themselves stay.

    No bytes are copied: the new file reads theirs. NotNow names what does not fit.
    """
    parts = _parts(file_ids)
    first = parts[0]
    for other in parts[1:]:
        try:
            headers.same(
                first.header or [],
                other.header or [],
                first_file=first.original_filename,
                file=other.original_filename,
            )
        except TableRefused as refused:
            raise NotNow(str(refused)) from None
    merged = [entry for part in parts for entry in _entries(part)]
    if len(merged) > MOST_PARTS:
        raise NotNow(
            f"The files have {len(merged):,} parts together; at most {MOST_PARTS:,} are joined."
        )
    more = f" and {len(parts) - 1} more"
    shown = file_names.displayed(name, longest=LONGEST_NAME) if name.strip() else ""
    file = FileUpload(
        pk=uuid7(),
        user=by,
        original_filename=shown
        or file_names.displayed(first.original_filename, longest=LONGEST_NAME - len(more)) + more,
        file_size=sum(part.file_size for part in parts),
        status=FileStatus.READY,
        merged_files=merged,
        dialect_confirmed=True,
        row_count=sum(part.row_count or 0 for part in parts),
        column_count=first.column_count,
        header=first.header,
        column_kinds=_joined_kinds(parts),
        remarks=_joined_remarks(parts),
        checked_at=timezone.now(),
    )
    file.save(force_insert=True)
    record(
        "file.merged",
        by=by,
        subject=file,
        after={"original_filename": file.original_filename, "rows": file.row_count},
        details={"parts": [{"id": part["id"], "sha256": part["sha256"]} for part in merged]},
    )
    log.info("files merged", file_id=str(file.pk), user_id=str(by.pk), parts=len(merged))
    return file


def _parts(file_ids: Sequence[UUID]) -> list[FileUpload]:
    """The files in the order asked for, locked against being removed meanwhile."""
    if len(file_ids) < 2:
        raise NotNow("Choose at least two files to be joined.")
    if len(set(file_ids)) < len(file_ids):
        raise NotNow("A file is named twice. Its rows would be there twice: name each once.")
    locked = FileUpload.objects.select_for_update(no_key=True).order_by("id")
    found = {file.pk: file for file in locked.filter(pk__in=file_ids)}
    for file_id in file_ids:
        if file_id not in found:
            raise NotNow(f"There is no file {file_id}.")
        file = found[file_id]
        if file.status != FileStatus.READY:
            raise NotNow(
                f"{file} is {file.status}; only files that are ready can be joined. Look at what"
                " its page says."
            )
    return [found[file_id] for file_id in file_ids]


def _entries(part: FileUpload) -> list[dict[str, Any]]:
    """What it takes to read a file; of a merged one, its parts."""
    if part.merged_files is not None:
        return list(part.merged_files)
    return [
        {
            "id": str(part.pk),
            "original_filename": part.original_filename,
            "file_path": part.file_path,
            "file_size": part.file_size,
            "sha256": part.sha256,
            "encoding": part.encoding,
            "delimiter": part.delimiter,
            "decimal_sign": part.decimal_sign,
            "row_count": part.row_count,
        }
    ]


def _joined_kinds(parts: Sequence[FileUpload]) -> list[str]:
    return [_joined_kind(set(kinds)) for kinds in zip(*_kinds(parts), strict=True)]


def _kinds(parts: Sequence[FileUpload]) -> list[list[str]]:
    return [part.column_kinds or [] for part in parts]


def _joined_kind(kinds: set[str]) -> str:
    if len(kinds) == 1:
        return kinds.pop()
    return ColumnKind.TEXT if ColumnKind.TEXT in kinds else ColumnKind.MOSTLY_NUMBER


def _joined_remarks(parts: Sequence[FileUpload]) -> list[dict[str, Any]]:
    every = [{"file": part.original_filename} | remark for part in parts for remark in part.remarks]
    return every[:MOST_REMARKS]


@transaction.atomic
def remove(file_id: UUID, *, by: User) -> None:
    """Remove a file for good; its bytes go when nobody's file needs them.

    NotNow while it is used elsewhere, or being checked.
    """
    file = checks.locked(file_id)
    if file.status == FileStatus.CHECKING:
        raise NotNow(f"{file} is being checked at this moment. Wait, or cancel the check.")
    hashes = {part["sha256"] for part in _entries(file)} - {None}
    record(
        "file.removed",
        by=by,
        subject=file,
        before={
            "original_filename": file.original_filename,
            "sha256": file.sha256,
            "file_size": file.file_size,
            "rows": file.row_count,
        },
    )
    try:
        with transaction.atomic():
            file.delete()
    except (ProtectedError, RestrictedError, IntegrityError):
        raise NotNow(
            f"{file} is used elsewhere, so it stays. Remove what was made from it first."
        ) from None
    for sha256 in sorted(hashes):
        transaction.on_commit(functools.partial(stored_bytes.sweep, sha256))
    log.info("file removed", file_id=str(file_id), user_id=str(by.pk))
