"""Moving old analyses and their anomalies to files, and bringing them back.

A file is JSON lines, compressed with gzip: a head, then a line for each row as PostgreSQL itself
writes it, so that it can be read without this product. Its SHA-256 stands in
``analysis_archives``. Maps and samples stay in the database.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils import timezone

from audit.recording import record
from database import system_settings
from database.actor import acting_as_system
from database.fields import uuid7
from monitoring.actions import completing
from monitoring.errors import ArchiveDamaged, NotNow
from monitoring.models import AnalysisArchive

log = structlog.get_logger(__name__)

FORMAT: Final = "lacuna-analyses-1"

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
_ROWS: Final = """
    SELECT to_jsonb(a)::text FROM analyses a WHERE a.id = ANY (%s) ORDER BY a.created_at, a.id
"""
_ANOMALIES: Final = """
    SELECT to_jsonb(a)::text FROM anomalies a
    WHERE a.analysis_id = ANY (%s) ORDER BY a."timestamp", a.id
"""
_RESTORE: Final = {
    "analyses": "INSERT INTO analyses SELECT * FROM jsonb_populate_record(NULL::analyses, %s)",
    "anomalies": "INSERT INTO anomalies SELECT * FROM jsonb_populate_record(NULL::anomalies, %s)",
}


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


def archive(portion: Due) -> AnalysisArchive:
    """Write one file, read it back, and take its rows out of the tables, in one transaction.

    When that fails the rows are where they were, and the file is taken away again.
    """
    path = ""
    try:
        with acting_as_system(), transaction.atomic():
            lines, head = _lines(portion)
            data = gzip.compress("\n".join(lines).encode(), compresslevel=6, mtime=0)
            path = default_storage.save(
                f"monitoring/archive/{portion.user_id}/{uuid7()}.jsonl.gz", ContentFile(data)
            )
            sha256 = hashlib.sha256(data).hexdigest()
            _check(_bytes(path), sha256, path)
            return _record(portion, path, data, sha256, head)
    except BaseException:
        if path:
            default_storage.delete(path)
        raise


def _lines(portion: Due) -> tuple[list[str], dict[str, Any]]:
    ids = list(portion.analysis_ids)
    with connection.cursor() as cursor:
        # Locked, so that nobody acknowledges in between what is about to go.
        cursor.execute("SELECT FROM analyses WHERE id = ANY (%s) FOR UPDATE", [ids])
        cursor.execute("SELECT FROM anomalies WHERE analysis_id = ANY (%s) FOR UPDATE", [ids])
        cursor.execute(_ROWS, [ids])
        analyses = [row for (row,) in cursor.fetchall()]
        cursor.execute(_ANOMALIES, [ids])
        anomalies = [row for (row,) in cursor.fetchall()]
    head = {
        "format": FORMAT,
        "user_id": str(portion.user_id),
        "analyses": len(analyses),
        "anomalies": len(anomalies),
        "first_at": json.loads(analyses[0])["created_at"] if analyses else None,
        "last_at": json.loads(analyses[-1])["created_at"] if analyses else None,
    }
    if not analyses:
        raise NotNow("These analyses are gone: somebody archived them in this moment.")
    lines = [json.dumps(head)]
    lines += [f'{{"table": "analyses", "row": {row}}}' for row in analyses]
    lines += [f'{{"table": "anomalies", "row": {row}}}' for row in anomalies]
    of_dataset: dict[str, list[str]] = {}
    for row in map(json.loads, analyses):
        of_dataset.setdefault(row["dataset_id"], []).append(row["id"])
    return lines, {**head, "of_dataset": of_dataset}


def _record(
    portion: Due, path: str, data: bytes, sha256: str, head: dict[str, Any]
) -> AnalysisArchive:
    made = AnalysisArchive.objects.create(
        user_id=portion.user_id,
        file_path=path,
        sha256=sha256,
        file_size=len(data),
        analysis_count=head["analyses"],
        anomaly_count=head["anomalies"],
        first_at=head["first_at"],
        last_at=head["last_at"],
    )
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM analyses WHERE id = ANY (%s)", [list(portion.analysis_ids)])
    record(
        "analysis_archive.made",
        subject=made,
        details={
            "file": path,
            "sha256": sha256,
            "analyses": head["analyses"],
            "anomalies": head["anomalies"],
        },
    )
    _tell("dataset.analyses_archived", made, head["of_dataset"])
    log.info("analyses archived", file=path, analyses=head["analyses"])
    return made


def examine(archive_id: UUID) -> AnalysisArchive:
    """The archive, once its file was read to its end and found as it was written."""
    with acting_as_system():
        found = AnalysisArchive.objects.filter(pk=archive_id).first()
    if found is None:
        raise NotNow(f"There is no archive {archive_id}.")
    for _ in _read(found):
        pass
    return found


def restore(archive_id: UUID) -> AnalysisArchive:
    """Bring the analyses of a file back, with their anomalies, as they were.

    ArchiveDamaged when the file is gone or changed; NotNow when they are back already.
    """
    with acting_as_system():
        rows = list(_read(examine(archive_id)))
        moments = [row["timestamp"] for table, row in rows if table == "anomalies"]
        for month in {datetime.fromisoformat(moment).strftime("%Y-%m-01") for moment in moments}:
            completing.make_months(date.fromisoformat(month))
        with transaction.atomic():
            # Whoever restores at the same time waits here, and then finds it done.
            locked = AnalysisArchive.objects.select_for_update().get(pk=archive_id)
            if locked.restored_at is not None:
                raise NotNow(f"{locked} was restored at {locked.restored_at:%Y-%m-%d %H:%M}.")
            with connection.cursor() as cursor:
                for table, row in rows:
                    cursor.execute(_RESTORE[table], [json.dumps(row)])
            locked.restored_at = timezone.now()
            locked.save(update_fields=["restored_at"])
            record("analysis_archive.restored", subject=locked, details={"sha256": locked.sha256})
            of_dataset: dict[str, list[str]] = {}
            for table, row in rows:
                if table == "analyses":
                    of_dataset.setdefault(row["dataset_id"], []).append(row["id"])
            _tell("dataset.analyses_restored", locked, of_dataset)
    return locked


def _tell(action: str, archived: AnalysisArchive, of_dataset: dict[str, list[str]]) -> None:
    """An entry for each dataset, which covers the analyses that go or come back."""
    for dataset_id, ids in of_dataset.items():
        record(
            action,
            subject=("dataset", dataset_id),
            details={"archive": str(archived.pk), "analyses": ids},
        )


def _read(archived: AnalysisArchive) -> Iterator[tuple[str, dict[str, Any]]]:
    data = _bytes(archived.file_path)
    _check(data, archived.sha256, archived.file_path)
    with gzip.open(io.BytesIO(data), "rt", encoding="utf-8") as lines:
        head = json.loads(next(lines))
        if head.get("format") != FORMAT:
            raise ArchiveDamaged(f"{archived.file_path} has another format: {head.get('format')}.")
        for line in lines:
            said = json.loads(line)
            yield said["table"], said["row"]


def _bytes(path: str) -> bytes:
    try:
        with default_storage.open(path) as stream:
            data: bytes = stream.read()
            return data
    except FileNotFoundError:
        raise ArchiveDamaged(
            f"{path} is gone from the file storage. Restore it from a backup of the storage."
        ) from None


def _check(data: bytes, sha256: str, path: str) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise ArchiveDamaged(
            f"{path} has the SHA-256 {found}, not {sha256}: it was changed. Restore it from a"
            " backup of the storage."
        )
