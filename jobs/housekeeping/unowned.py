"""Stored files that no row needs: what a process that was killed left behind.

A file is stored before the transaction that names it ends. Whoever is killed in between leaves
bytes that nobody owns; killed while writing, a temporary part. The packages that store files tell
``register`` where they lie and which of them are needed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import PurePosixPath
from typing import Final

import structlog
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from audit.recording import record
from config.storage import INCOMING
from database.actor import acting_as_system
from jobs.errors import TooManyUnowned

log = structlog.get_logger(__name__)

AGE: Final = timedelta(hours=24)
# No transaction stays open for so long between storing a file and naming it.
LEAST_AGE: Final = timedelta(hours=6)
# So many, or a tenth of all, may be left behind by accidents; more has another cause.
_FEW: Final = 100
_AT_ONCE: Final = 1000


def _nobody_stores(path: str) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Where files of one kind lie.

    ``folder``  in the storage; everything below it is looked at
    ``shape``   what the whole path of such a file looks like; others are never touched
    ``needed``  those of the paths that any row needs, whoever owns it; asked as the system
    ``free``    asked in the transaction that removes the file: whether nobody is storing it in this
                moment, nor can before the transaction ends. An area without it stores no file under
                a name that was used before.
    """

    folder: str
    shape: re.Pattern[str]
    needed: Callable[[Collection[str]], set[str]]
    free: Callable[[str], bool] = _nobody_stores


@dataclass(frozen=True, slots=True)
class Unowned:
    """A stored file without a row, or a part of one (``temporary``)."""

    area: Area
    path: str
    size: int
    temporary: bool


@dataclass(slots=True)
class Swept:
    """What was removed, or would be; ``seen`` counts all files that were looked at."""

    seen: int = 0
    files: int = 0
    bytes: int = 0
    parts: int = 0
    part_bytes: int = 0
    kept: int = 0  # needed by now, being stored, or not to be removed

    def add(self, found: Unowned) -> None:
        """Count one that goes."""
        if found.temporary:
            self.parts += 1
            self.part_bytes += found.size
        else:
            self.files += 1
            self.bytes += found.size

    def as_dict(self) -> dict[str, int]:
        """The figures by name."""
        return asdict(self)

    def as_removed(self) -> dict[str, int]:
        """What went, by name."""
        return {
            "files": self.files,
            "bytes": self.bytes,
            "parts": self.parts,
            "part_bytes": self.part_bytes,
        }


_AREAS: Final[dict[str, Area]] = {}


def register(area: Area) -> None:
    """Make an area known, from ``AppConfig.ready``; again, it replaces the one of its folder."""
    _AREAS[area.folder] = area


def areas() -> list[Area]:
    """Every area, by folder."""
    return [_AREAS[folder] for folder in sorted(_AREAS)]


def search(older_than: timedelta = AGE) -> tuple[Swept, list[Unowned]]:
    """Every unowned file that was last written so long ago; and the figures, if all would go.

    ValueError for an age at which an upload may still be under way.
    """
    if older_than < LEAST_AGE:
        hours = LEAST_AGE // timedelta(hours=1)
        raise ValueError(f"Files younger than {hours} hours may belong to an upload under way.")
    before = timezone.now() - older_than
    swept, found = Swept(), []
    for area in areas():
        every = _below(area.folder)
        while paths := list(islice(every, _AT_ONCE)):
            parts = [path for path in paths if PurePosixPath(path).name.startswith(INCOMING)]
            whole = [path for path in paths if area.shape.fullmatch(path)]
            swept.seen += len(whole)
            with acting_as_system():
                needed = area.needed(whole) if whole else set()
            for path in [*parts, *(path for path in whole if path not in needed)]:
                size = _size_before(path, before)
                if size is not None:
                    found.append(Unowned(area, path, size, temporary=path in parts))
                    swept.add(found[-1])
    return swept, found


def remove(
    swept: Swept,
    found: Collection[Unowned],
    *,
    older_than: timedelta = AGE,
    however_many: bool = False,
) -> Iterator[Swept]:
    """Remove what ``search`` found, with the figures after each thousand; each is asked for anew.

    TooManyUnowned where so many are unowned that the database may be the wrong one.
    """
    if not however_many and swept.files > max(_FEW, swept.seen // 10):
        raise TooManyUnowned(
            f"{swept.files:,} of {swept.seen:,} stored files have no row. That is how files look"
            " beside another database, or beside one restored from an older backup. Nothing was"
            " removed: look at cleanup_storage --dry-run, and if that is right, run"
            " cleanup_storage --however-many."
        )
    before = timezone.now() - older_than
    done = Swept(seen=swept.seen)
    every = iter(found)
    while batch := list(islice(every, _AT_ONCE)):
        _remove_batch(batch, before, done)
        yield done


def _remove_batch(batch: list[Unowned], before: datetime, done: Swept) -> None:
    """Remove, count, and tell the audit log of those that went, whatever stops it."""
    gone = Swept()
    try:
        for one in batch:
            if _remove(one, before):
                gone.add(one)
                done.add(one)
            else:
                done.kept += 1
    finally:
        if gone.files or gone.parts:
            with transaction.atomic():
                record("storage.cleaned", details=gone.as_removed())


@transaction.atomic
def _remove(found: Unowned, before: datetime) -> bool:
    """Delete the file, unless it is needed by now, or was written again."""
    with acting_as_system():
        if not found.temporary and (
            not found.area.free(found.path) or found.area.needed([found.path])
        ):
            return False
    if _size_before(found.path, before) is None:
        return False
    try:
        default_storage.delete(found.path)
    except OSError as error:
        log.warning("left behind in storage", path=found.path, error=str(error))
        return False
    log.info("unowned file removed", path=found.path, size=found.size)
    return True


def _below(folder: str) -> Iterator[str]:
    """The paths of all files below a folder, in no order."""
    try:
        folders, files = default_storage.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in files:
        yield f"{folder}/{name}"
    for name in folders:
        yield from _below(f"{folder}/{name}")


def _size_before(path: str, before: datetime) -> int | None:
    """The file's size in bytes; None where it is gone, or was written after that moment."""
    try:
        if default_storage.get_modified_time(path) >= before:
            return None
        size: int = default_storage.size(path)
    except FileNotFoundError:
        return None
    return size
