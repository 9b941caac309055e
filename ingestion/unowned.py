"""Which stored files of numbers are needed; ``jobs.housekeeping.unowned`` removes the others."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePosixPath

from django.db.models import Q

from ingestion import paths
from ingestion.actions import bytes as stored_bytes
from ingestion.models import FileUpload
from jobs.housekeeping import unowned


def declare() -> None:
    """Tell the housekeeping where files of numbers lie."""
    unowned.register(
        unowned.Area(folder=paths.FOLDER, shape=paths.STORED, needed=needed, free=free)
    )


def needed(stored: Collection[str]) -> set[str]:
    """Those that a file, or a part of a joined one, has: by its hash, or by naming the path."""
    by_hash = {_sha256(path): path for path in stored}
    found: set[str] = set()
    rows = FileUpload.objects.filter(Q(sha256__in=by_hash) | Q(file_path__in=stored))
    for sha256, path in rows.values_list("sha256", "file_path"):
        found |= {by_hash.get(sha256 or "", ""), path or ""}
    found &= set(stored)
    return found | {path for path in stored if path not in found and _in_parts(path)}


def free(path: str) -> bool:
    """Whether nobody stores these bytes now, nor can before the transaction ends."""
    return stored_bytes.hold(_sha256(path))


def _in_parts(path: str) -> bool:
    parts = FileUpload.objects.filter(
        Q(merged_files__contains=[{"sha256": _sha256(path)}])
        | Q(merged_files__contains=[{"file_path": path}])
    )
    return parts.exists()


def _sha256(path: str) -> str:
    return PurePosixPath(path).stem
