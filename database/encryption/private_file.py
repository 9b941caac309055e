"""Files with keys in them: readable by their owner alone, replaced whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path
from typing import Final

LARGEST: Final = 1 << 20

Signature = tuple[int, int, int, int]


class NotPrivate(Exception):
    """Others than the owner may read the file."""


def signature(status: os.stat_result) -> Signature:
    """What changes whenever the file is replaced, edited, or opened to others."""
    return status.st_ino, status.st_mtime_ns, status.st_size, status.st_mode


def read(file: Path) -> tuple[str, Signature]:
    """The text and the file's signature; NotPrivate, OSError or UnicodeDecodeError."""
    with file.open("rb") as opened:
        status = os.fstat(opened.fileno())
        if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077:
            raise NotPrivate
        content = opened.read(LARGEST)
    return content.decode(), signature(status)


def write(file: Path, text: str, *, new: bool) -> None:
    """Put the file in place at once, durably; with ``new``, FileExistsError if there is one."""
    _make_folder(file.parent)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.stem}-")  # made with 0600
    made = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        if new:
            os.link(made, file)
        else:
            made.replace(file)
    finally:
        made.unlink(missing_ok=True)  # no key is left behind, whatever happened
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name, too, survives a power failure
    finally:
        os.close(folder)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except FileExistsError:  # a file; the caller takes this error for one about its own
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder) from None
