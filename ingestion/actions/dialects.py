"""Saying how a file is to be read."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from accounts.models import User
from audit.recording import record
from ingestion import stored
from ingestion.actions import checks
from ingestion.errors import DialectRefused, NotNow, SourceLost
from ingestion.models import FileUpload
from ingestion.reading import Dialect, Preview, Source, TableRefused
from ingestion.reading import preview as read_preview

MOST_ROWS = 200
MOST_COLUMNS = 200


@transaction.atomic
def confirm(file_id: UUID, *, encoding: str, delimiter: str, decimal: str, by: User) -> FileUpload:
    """Say how the file is to be read, and check it so: at once when it is small.

    DialectRefused for what is no dialect; NotNow for a merged file, and while one is checked.
    """
    chosen = _dialect(encoding, delimiter, decimal)
    file = checks.locked(file_id)
    if file.is_merged:
        raise NotNow(f"{file} was joined from other files: each is read in its own way.")
    before = file.dialect.as_json()
    checks.reset(file)
    file.encoding, file.delimiter, file.decimal_sign = encoding, delimiter, decimal
    file.dialect_doubts, file.dialect_confirmed = [], True
    file.save()
    try:
        job = checks.start(file, by=by)
    except SourceLost as error:
        raise NotNow(str(error)) from None
    record(
        "file.dialect_confirmed",
        by=by,
        subject=file,
        before=before,
        after=chosen.as_json(),
        details={"status": file.status, "job": job.pk if job else None},
    )
    return file


def preview(
    file: FileUpload, *, rows: int = 20, columns: int = 50, dialect: Dialect | None = None
) -> Preview:
    """The first rows of the file, as it is read now or would be with another dialect."""
    first = stored.sources(file)[0]
    chosen = Source(first.name, first.open, dialect or first.dialect)
    return read_preview(chosen, rows=min(rows, MOST_ROWS), columns=min(columns, MOST_COLUMNS))


def _dialect(encoding: str, delimiter: str, decimal: str) -> Dialect:
    try:
        return Dialect(encoding, delimiter, decimal)
    except TableRefused as refused:
        raise DialectRefused(refused.reason) from None
