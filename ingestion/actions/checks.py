"""Having files checked, and what a check finds."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.recording import record
from ingestion import reading, stored
from ingestion.errors import NotNow, SourceLost
from ingestion.models import CheckStatus, FileCheck, FileStatus, FileUpload
from ingestion.reading import Facts, Source, TableRefused
from jobs.errors import DuplicateJob

log = structlog.get_logger(__name__)

# A file of this size is read in well below a second: nobody has to wait for a worker.
AT_ONCE: Final = 8 << 20
_LONGEST_ERROR: Final = 2000
Outcome = Facts | TableRefused


def outcome_of(source: Source) -> Outcome:
    """What is in the file, or the first thing that is wrong with it."""
    try:
        return reading.check(source)
    except TableRefused as refused:
        return refused


def note(file: FileUpload, outcome: Outcome) -> None:
    """Write the outcome into the row's fields; saving it is the caller's."""
    file.checked_at = timezone.now()
    if isinstance(outcome, TableRefused):
        file.status = FileStatus.FAILED
        file.error_message = str(outcome)[:_LONGEST_ERROR].replace("\x00", "")
        return
    file.status = FileStatus.READY
    file.error_message = None
    file.row_count = outcome.rows
    file.column_count = len(outcome.header)
    file.header = list(outcome.header)
    file.column_kinds = [kind.value for kind in outcome.kinds]
    file.remarks = [_storable(remark.as_json()) for remark in outcome.remarks]


def details(outcome: Outcome) -> dict[str, Any]:
    """What the audit log says of an outcome."""
    if isinstance(outcome, TableRefused):
        return {"code": outcome.code, "error": str(outcome)[:_LONGEST_ERROR].replace("\x00", "")}
    return {"rows": outcome.rows, "columns": len(outcome.header)}


def put_in_force(file_id: UUID, outcome: Outcome, *, by: UUID | None = None) -> None:
    """Store what a worker's check found; in the caller's transaction, which holds the job."""
    file = FileUpload.objects.select_for_update(no_key=True).get(pk=file_id)
    note(file, outcome)
    file.save()
    record(
        "file.checked",
        by=by,
        subject=file,
        outcome="failure" if isinstance(outcome, TableRefused) else "success",
        details=details(outcome),
    )


def start(file: FileUpload, *, by: User) -> FileCheck | None:
    """Check a small file now, or put a large one in line; in the caller's transaction.

    The row must be ``pending``. Returns the job, if there is one.
    """
    if file.file_size > AT_ONCE:
        return enqueue(file, by=by)
    note(file, outcome_of(stored.sources(file)[0]))
    file.save()
    return None


def enqueue(file: FileUpload, *, by: User) -> FileCheck:
    """Put a check in line; in the caller's transaction. The check that waits already will do."""
    job = FileCheck(file=file, user=by, unique_key=str(file.pk))
    try:
        FileCheck.objects.enqueue([job])
    except DuplicateJob:
        live = FileCheck.objects.filter(file=file, status__in=FileCheck.states.live).first()
        if live is None:  # it ended in this very moment
            raise NotNow(f"{file} was checked at this moment; look again.") from None
        return live
    log.info("check of a file requested", file_id=str(file.pk), job_id=str(job.pk))
    return job


@transaction.atomic
def again(file_id: UUID, *, by: User) -> FileUpload:
    """Check a file once more, as it is read now."""
    file = locked(file_id)
    if file.is_merged:
        raise NotNow(f"{file} was joined from other files, each of which was checked.")
    if file.waits_for_confirmation:
        raise NotNow(f"{file} is checked as soon as somebody says how it is to be read.")
    reset(file)
    try:
        job = start(file, by=by)
    except SourceLost as error:
        raise NotNow(str(error)) from None
    record("file.check_requested", by=by, subject=file, details={"job": job.pk if job else None})
    return file


def reset(file: FileUpload) -> None:
    """Forget what is known of the file, in the row and in the database; NotNow while it is read."""
    if file.status == FileStatus.CHECKING:
        raise NotNow(f"{file} is being checked at this moment. Wait, or cancel the check.")
    FileCheck.objects.filter(file=file, status=CheckStatus.FAILED).cancel()
    file.status = FileStatus.PENDING
    file.error_message = None
    file.row_count = file.column_count = file.header = file.column_kinds = file.checked_at = None
    file.remarks = []
    file.save()


def locked(file_id: UUID) -> FileUpload:
    """The row, locked; NotNow if there is none."""
    try:
        return FileUpload.objects.select_for_update(no_key=True).get(pk=file_id)
    except FileUpload.DoesNotExist:
        raise NotNow(f"There is no file {file_id}.") from None


def _storable(remark: dict[str, Any]) -> dict[str, Any]:
    """Without what PostgreSQL cannot store in JSON."""
    clean = remark["text"].replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    return remark | {"text": clean}
