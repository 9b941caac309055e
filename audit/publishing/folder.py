"""A folder of checkpoints: another disk, a network share, storage that is written once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from audit.proofs import notes
from audit.proofs.checkpoints import Checkpoint
from audit.proofs.errors import NoteError
from audit.publishing.errors import PublishingFailed, ahead, forked
from audit.publishing.history import History

_LATEST: Final = "latest"
_UNFINISHED: Final = ".new-"
_LARGEST: Final = 1_000_000  # bytes of a note


class Folder:
    """``<path>/<origin, slashes as _>/<size, 20 digits>`` for each checkpoint, and ``latest``.

    No file is ever changed or removed but ``latest``, which is replaced at once.
    """

    def __init__(self, path: str, origin: str) -> None:
        self.name = f"file://{path}"
        self._origin = origin
        self._folder = Path(path) / origin.replace("/", "_")

    def publish(self, note: str, size: int, history: History) -> str:
        """See ``Target``; a checkpoint that is there already stays as it is."""
        with self._sentences():
            self._folder.mkdir(parents=True, exist_ok=True)
            newest = self._newest(size)
            if newest > size:
                raise ahead(self.name, newest, size)
            file = self._folder / f"{size:020d}"
            if not self._place(file, note):
                there = self._read(file)
                if notes.split(there)[0] != notes.split(note)[0]:
                    raise forked(self.name, size)
                note = there
            self._replace(self._folder / _LATEST, note)
        return note

    def seen(self, above: int = -1) -> int | None:
        """See ``Target``."""
        with self._sentences():
            newest = max(self._sizes(), default=-1)
        return newest if newest > above else None

    def checkpoints(self) -> Iterator[str]:
        """See ``Keeper``."""
        with self._sentences():
            sizes = sorted(self._sizes())
        for size in sizes:
            with self._sentences():
                note = self._read(self._folder / f"{size:020d}")
            yield note

    def _sizes(self) -> Iterator[int]:
        try:
            with os.scandir(self._folder) as files:
                for file in files:
                    if len(file.name) == 20 and file.name.isascii() and file.name.isdecimal():
                        yield int(file.name)
        except FileNotFoundError:
            return

    def _newest(self, size: int) -> int:
        """The size that ``latest`` tells: a look at every name would be long after years."""
        try:
            found = Checkpoint.parse(notes.split(self._read(self._folder / _LATEST))[0])
        except FileNotFoundError:
            return max(self._sizes(), default=0)
        if found.origin != self._origin:
            raise PublishingFailed(
                f"{self.name} holds the log {found.origin} where {self._origin} belongs. Give each"
                " log a folder of its own."
            )
        return found.size

    def _read(self, file: Path) -> str:
        with file.open("rb") as opened:
            return opened.read(_LARGEST + 1).decode()

    def _place(self, file: Path, note: str) -> bool:
        """Put the whole file in its place, unless there is one: whoever reads sees all or none."""
        made = self._written(note)
        try:
            os.link(made, file)
        except FileExistsError:
            return False
        finally:
            made.unlink()
        self._keep_names()
        return True

    def _replace(self, file: Path, note: str) -> None:
        self._written(note).replace(file)
        self._keep_names()

    def _written(self, note: str) -> Path:
        """The note in a new file, which has reached the disk."""
        for left in self._folder.glob(f"{_UNFINISHED}*"):  # by somebody who was killed
            with suppress(FileNotFoundError):
                left.unlink()
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=_UNFINISHED)
        with os.fdopen(handle, "wb") as new:
            new.write(note.encode())
            new.flush()
            os.fchmod(handle, 0o644)
            os.fsync(handle)
        return Path(name)

    def _keep_names(self) -> None:
        directory = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            about = f" ({error.filename})" if error.filename else ""
            raise PublishingFailed(
                f"Checkpoints cannot be kept in {self.name}: {error.strerror}{about}."
            ) from None
        except (NoteError, UnicodeDecodeError) as error:
            raise PublishingFailed(
                f"A file of {self.name} for {self._origin} is no checkpoint: {error}"
            ) from None
