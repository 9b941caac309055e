"""Lock files of a private server; the kernel frees each lock however its holder ended."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from database.embedded.errors import EmbeddedServerError

_TICK: Final = 0.005  # seconds between two tries at a lock


@dataclass(frozen=True)
class Locks:
    """The files, all in one directory."""

    directory: Path

    @property
    def start(self) -> Path:
        """Held by who starts or stops the server, until it answers or is gone."""
        return self.directory / "start.lock"

    @property
    def users(self) -> Path:
        """Shared by every process that uses the server; the supervisor waits to have it alone."""
        return self.directory / "users.lock"

    @property
    def ready(self) -> Path:
        """Held by the supervisor while the server answers; says both process ids."""
        return self.directory / "ready.lock"

    @property
    def server(self) -> Path:
        """Held by the supervisor and every process of PostgreSQL, so that none is overlooked."""
        return self.directory / "server.lock"


def of(home: Path) -> Locks:
    """The lock files of ``home``, a resolved path."""
    return Locks(home / "locks")


def is_locked(file: Path) -> bool:
    """Whether somebody holds ``file`` alone; asking never makes another asker believe so."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextlib.contextmanager
def start_lock(home: Path, timeout: float) -> Iterator[int]:
    """Hold the start lock inside, and get its descriptor; ``timeout`` is in seconds."""
    gate = open_file(of(home).start)
    try:
        take(
            gate, fcntl.LOCK_EX, timeout, f"Another process is still starting the server of {home}."
        )
        yield gate
    finally:
        os.close(gate)  # no unlocking: a supervisor that has not answered yet shares the lock


def open_file(file: Path) -> int:
    """A descriptor of ``file``, made if missing, that exec'ed programs do not inherit."""
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def take(descriptor: int, kind: int, timeout: float, late: str) -> None:
    """Take a lock of ``kind`` within ``timeout`` seconds, or refuse with the sentence ``late``."""
    until = time.monotonic() + timeout
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise EmbeddedServerError(f"{late} Waited {timeout:g} s; try again.") from None
            time.sleep(_TICK)
