"""Moving old analyses and their anomalies to files, and bringing them back.

A file is Parquet (``monitoring.archives``), so that it can be read without this product. Its
SHA-256 stands in ``analysis_archives``. Maps and samples stay in the database.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BufferedRandom
from typing import IO, TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

import structlog
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import DataError, IntegrityError, connection, transaction
from django.utils import timezone

from audit.recording import record
from database import system_settings
from database.actor import acting_as_system
from database.fields import uuid7
from monitoring.actions import completing
from monitoring.errors import ArchiveDamaged, NotNow
from monitoring.models import AnalysisArchive

if TYPE_CHECKING:
    from monitoring.archives.reading import ArchiveFile

log = structlog.get_logger(__name__)

# Where the files lie in the storage, in a folder for each owner.
FOLDER: Final = "monitoring/archive"

# Ended long ago, and no map of it takes samples any more: the newest of its dataset is in use.
_DUE: Final = """
    SELECT a.id, a.user_id FROM analyses a
    WHERE a.status IN ('completed', 'failed', 'cancelled')
        AND coalesce(a.completed_at, a.created_at) < %s
        AND NOT (a.analysis_type = 'fit' AND a.status = 'completed' AND NOT EXISTS (
            SELECT FROM analyses n
            WHERE n.dataset_id = a.dataset_id AND n.analysis_type = 'fit'
                AND n.status = 'completed' AND (n.created_at, n.id) > (a.created_at, a.id)
        ))
    ORDER BY a.user_id, a.created_at, a.id
"""
_COUNTS: Final = """
    SELECT a.id, a.dataset_id, a.created_at, count(n.id)
    FROM analyses a LEFT JOIN anomalies n ON n.analysis_id = a.id
    WHERE a.id = ANY (%s) AND a.status IN ('completed', 'failed', 'cancelled')
    GROUP BY a.id, a.dataset_id, a.created_at
    ORDER BY a.created_at, a.id
"""


@dataclass(frozen=True, slots=True)
class Due:
    """Analyses of one owner that are old enough."""

    user_id: UUID
    analysis_ids: tuple[UUID, ...]


def limit() -> datetime:
    """The moment before which analyses are old: the setting ``analysis_days``."""
    days: int = system_settings.get("analysis_days")
    return timezone.now() - timedelta(days=days)


def due(before: datetime, *, at_once: int = 1000) -> list[Due]:
    """What would be archived, in portions of one file each.

    The newest map of a dataset stays, however old it is: samples are placed on it.
    """
    found: dict[UUID, list[UUID]] = {}
    with acting_as_system(), connection.cursor() as cursor:
        cursor.execute(_DUE, [before])
        for analysis_id, user_id in cursor.fetchall():
            found.setdefault(user_id, []).append(analysis_id)
    return [
        Due(user_id, tuple(ids[start : start + at_once]))
        for user_id, ids in found.items()
        for start in range(0, len(ids), at_once)
    ]


class _Locked(NamedTuple):
    """An analysis that nobody else can change, and how many anomalies it has."""

    key: UUID
    dataset_id: UUID
    created_at: datetime
    anomalies: int


def archive(portion: Due) -> AnalysisArchive:
    """Write one file, read it back, and take its rows out of the tables, in one transaction.

    When that fails the rows are where they were, and the file is taken away again. NotNow when
    they are gone, or hold what a file cannot.
    """
    path = ""
    try:
        with acting_as_system(), transaction.atomic(), _temporary() as copy:
            held = _hold(portion)
            count = sum(row.anomalies for row in held)
            _write(copy, held, owner=portion.user_id, anomalies=count)
            size = copy.tell()
            copy.seek(0)
            sha256 = hashlib.file_digest(copy, "sha256").hexdigest()
            copy.seek(0)
            path = default_storage.save(f"{FOLDER}/{portion.user_id}/{uuid7()}.parquet", File(copy))
            made = AnalysisArchive.objects.create(
                user_id=portion.user_id,
                file_path=path,
                sha256=sha256,
                file_size=size,
                analysis_count=len(held),
                anomaly_count=count,
                first_at=held[0].created_at,
                last_at=held[-1].created_at,
            )
            _read_through(made)
            _take_away(held, made)
            return made
    except BaseException:
        if path:
            default_storage.delete(path)
        raise


def _hold(portion: Due) -> list[_Locked]:
    """Lock the analyses and their anomalies; the oldest first. What was retried meanwhile stays."""
    ids = list(portion.analysis_ids)
    with connection.cursor() as cursor:
        # Locked, so that nobody acknowledges in between what is about to go.
        cursor.execute("SELECT FROM analyses WHERE id = ANY (%s) FOR UPDATE", [ids])
        cursor.execute("SELECT FROM anomalies WHERE analysis_id = ANY (%s) FOR UPDATE", [ids])
        cursor.execute(_COUNTS, [ids])
        rows = [_Locked(*row) for row in cursor.fetchall()]
    if not rows:
        raise NotNow("These analyses are gone: somebody archived or retried them in this moment.")
    return rows


def _write(copy: IO[bytes], held: list[_Locked], *, owner: UUID, anomalies: int) -> None:
    # With pyarrow, which would cost every process 70 ms and 35 MB that never writes a file.
    from monitoring.archives import schema, writing  # noqa: PLC0415 - the reason above

    writing.write(
        copy,
        [writing.Counted(row.key, row.anomalies) for row in held],
        of=schema.Head(owner, len(held), anomalies),
    )


def _take_away(held: list[_Locked], made: AnalysisArchive) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM analyses WHERE id = ANY (%s)", [[row.key for row in held]])
    record(
        "analysis_archive.made",
        subject=made,
        details={
            "file": made.file_path,
            "sha256": made.sha256,
            "analyses": made.analysis_count,
            "anomalies": made.anomaly_count,
        },
    )
    of_dataset: dict[str, list[str]] = {}
    for row in held:
        of_dataset.setdefault(str(row.dataset_id), []).append(str(row.key))
    _tell("dataset.analyses_archived", made, of_dataset)
    log.info("analyses archived", file=made.file_path, analyses=made.analysis_count)


def examine(archive_id: UUID) -> AnalysisArchive:
    """The archive, once its file was read to its end and found as it was written."""
    with acting_as_system():
        found = _find(archive_id)
    _read_through(found)
    return found


def restore(archive_id: UUID) -> AnalysisArchive:
    """Bring the analyses of a file back, with their anomalies, as they were.

    ArchiveDamaged when the file is gone or changed; NotNow when they are back already, or do not
    fit the tables any more. Then nothing has changed.
    """
    with acting_as_system(), _opened(_find(archive_id)) as file:
        for month in file.months():
            completing.make_months(month)
        try:
            with transaction.atomic():
                # Whoever restores at the same time waits here, and then finds it done.
                locked = AnalysisArchive.objects.select_for_update().get(pk=archive_id)
                if locked.restored_at is not None:
                    raise NotNow(f"{locked} was restored at {locked.restored_at:%Y-%m-%d %H:%M}.")
                file.restore()
                locked.restored_at = timezone.now()
                locked.save(update_fields=["restored_at"])
                record(
                    "analysis_archive.restored", subject=locked, details={"sha256": locked.sha256}
                )
                _tell("dataset.analyses_restored", locked, file.of_dataset())
        except (IntegrityError, DataError) as error:
            raise NotNow(
                f"{file.name} does not fit the tables any more: {str(error).strip()}. Bring back"
                " first what its analyses belong to."
            ) from error
    return locked


def _tell(action: str, archived: AnalysisArchive, of_dataset: dict[str, list[str]]) -> None:
    """An entry for each dataset, which covers the analyses that go or come back."""
    for dataset_id, ids in of_dataset.items():
        record(
            action,
            subject=("dataset", dataset_id),
            details={"archive": str(archived.pk), "analyses": ids},
        )


def _find(archive_id: UUID) -> AnalysisArchive:
    found = AnalysisArchive.objects.filter(pk=archive_id).first()
    if found is None:
        raise NotNow(f"There is no archive {archive_id}.")
    return found


def _read_through(archived: AnalysisArchive) -> None:
    with _opened(archived) as file:
        for _ in file.parts():
            pass


@contextmanager
def _opened(archived: AnalysisArchive) -> Iterator[ArchiveFile]:
    """The file of an archive; ArchiveDamaged unless it is the one that was written."""
    from monitoring.archives import reading  # noqa: PLC0415 - the reason in _write

    with _temporary() as copy:
        _fetch(archived, copy)
        file = reading.ArchiveFile(copy, archived.file_path)
        told = (archived.user_id, archived.analysis_count, archived.anomaly_count)
        if (file.head.owner, file.head.analyses, file.head.anomalies) != told:
            raise ArchiveDamaged(
                f"{archived.file_path} has {file.head.analyses} analyses with"
                f" {file.head.anomalies} anomalies of {file.head.owner}, and archive"
                f" {archived.pk} speaks of {told[1]} with {told[2]} of {told[0]}. Restore the"
                " file, or this row, from a backup."
            )
        yield file


def _fetch(archived: AnalysisArchive, copy: IO[bytes]) -> None:
    """Copy the file, of which no more than a mebibyte is in memory, and check its SHA-256."""
    digest = hashlib.sha256()
    try:
        with default_storage.open(archived.file_path) as stored:
            for chunk in stored.chunks(1 << 20):
                digest.update(chunk)
                copy.write(chunk)
    except FileNotFoundError:
        raise ArchiveDamaged(
            f"{archived.file_path} is gone from the file storage. Restore it from a backup of the"
            " storage."
        ) from None
    if digest.hexdigest() != archived.sha256:
        raise ArchiveDamaged(
            f"{archived.file_path} has the SHA-256 {digest.hexdigest()}, not {archived.sha256}: it"
            " was changed. Restore it from a backup of the storage."
        )
    copy.seek(0)


def _temporary() -> BufferedRandom:
    return tempfile.TemporaryFile(prefix="lacuna-archive-")
