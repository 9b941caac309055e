"""A sealer that kills itself, as a machine out of memory kills: ``python -m ... STEP BATCH``."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import django

django.setup()

from audit.publishing import history, targets  # noqa: E402 - Django is set up first
from audit.publishing.folder import Folder  # noqa: E402
from audit.publishing.history import History  # noqa: E402
from audit.sealing import running  # noqa: E402
from audit.sealing.sealer import Found, Sealer  # noqa: E402

STEP, BATCH = sys.argv[1], int(sys.argv[2])


def at(step: str, batch: int = BATCH) -> None:
    if step == STEP and batch == BATCH:
        os.kill(os.getpid(), signal.SIGKILL)


class Victim(Sealer):
    """Takes ten entries to a batch."""

    def __init__(self, connection: Any, keyring: Any) -> None:
        super().__init__(connection, keyring, most=10)

    @property
    def _next(self) -> int:
        return self.head.batch_no + 1 if self.head else 1

    def _read(self, lo: int) -> tuple[Found, int]:
        found = super()._read(lo)
        at("after the read", self._next)
        return found

    def _write(self, values: list[Any], tiles: list[Any]) -> None:
        at("before the insert", self._next)
        with self._connection.transaction():
            super()._write(values, tiles)
            at("before the commit", self._next)
        at("after the commit", self._next)


class Torn(Folder):
    """A folder in which a write may end anywhere."""

    def publish(self, note: str, size: int, history: History) -> str:
        at("before the publication")
        return super().publish(note, size, history)

    def _written(self, note: str) -> Path:
        made = super()._written(note)
        at("before the file has its name")
        return made

    def _replace(self, file: Path, note: str) -> None:
        at("before latest is replaced")
        super()._replace(file, note)


class Forgetful(History):
    """Dies before it has written down that something was published."""

    def remember(self, target: str, size: int, note: str) -> None:
        at("before the publication is noted")
        super().remember(target, size, note)


if __name__ == "__main__":
    setattr(running, "Sealer", Victim)  # noqa: B010 - as a test double
    setattr(targets, "Folder", Torn)  # noqa: B010
    setattr(history, "History", Forgetful)  # noqa: B010
    while True:  # what the test beside this one does may hold our entries back
        running.seal_once()
        time.sleep(0.05)
