"""Records every run of a migration in ``migrations_history``, outside its transaction."""

from __future__ import annotations

import hashlib
import inspect
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from django.db.migrations import Migration

from database.fields import uuid7
from database.sqlfiles import sql_files

# Any constant will do: while one process holds it, no other migrates this database.
MIGRATE_LOCK = 0x6D696772617465  # "migrate"


def checksum(migration: Migration) -> str | None:
    """SHA-256 over the migration's Python file and its SQL files, as they are now."""
    module = sys.modules.get(type(migration).__module__)
    source = inspect.getsourcefile(module) if module else None
    if source is None or not Path(source).exists():
        return None
    digest = hashlib.sha256()
    for file in (Path(source), *sql_files(Path(source))):
        if file.exists():
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


@dataclass
class _Run:
    id: object
    name: str
    checksum: str | None
    forward: bool
    started_at: float
    finished: tuple[str, int, str | None] | None = None  # status, milliseconds, error
    written: bool = False


@dataclass
class Recorder:
    """Writes the history of one ``migrate``.

    The table is itself made by a migration, so runs that end before it exists wait in memory.
    """

    connect: Callable[[], psycopg.Connection[Any]]
    batch: int | None = None
    _runs: list[_Run] = field(default_factory=list)

    def started(self, migration: Migration, *, forward: bool) -> None:
        """A migration begins; its row says ``running`` until it ends."""
        self._runs.append(
            _Run(uuid7(), str(migration), checksum(migration), forward, time.monotonic())
        )
        self._write()

    def succeeded(self, migration: Migration, *, forward: bool, fake: bool) -> None:
        """A migration is done; also called alone, where Django applies one without work."""
        run = self._open_run()
        if run is None:
            run = _Run(uuid7(), str(migration), checksum(migration), forward, time.monotonic())
            self._runs.append(run)
        note = "Recorded without running (fake)." if fake else None
        run.finished = ("success" if forward else "rolled_back", _elapsed(run), note)
        self._write()

    def failed(self, error: BaseException) -> None:
        """The running migration ended with an error and was rolled back."""
        run = self._open_run()
        if run is not None:
            run.finished = ("failed", _elapsed(run), f"{type(error).__name__}: {error}".strip())
            self._write()

    def _open_run(self) -> _Run | None:
        last = self._runs[-1] if self._runs else None
        return last if last and last.finished is None else None

    def _write(self) -> None:
        with self.connect() as own:
            exists = own.execute("SELECT to_regclass('public.migrations_history')").fetchone()
            if not exists or exists[0] is None:
                return
            if self.batch is None:
                row = own.execute(
                    "SELECT coalesce(max(batch), 0) + 1 FROM migrations_history"
                ).fetchone()
                self.batch = row[0] if row else 1
            for run in [one for one in self._runs if not one.written]:
                _write_run(own, run, self.batch)
                run.written = run.finished is not None


def _elapsed(run: _Run) -> int:
    return round((time.monotonic() - run.started_at) * 1000)


def _write_run(own: psycopg.Connection[Any], run: _Run, batch: int) -> None:
    status, duration, error = run.finished or ("running", None, None)
    own.execute(
        """
        INSERT INTO migrations_history
            (id, name, status, batch, duration_ms, error_message, checksum,
             started_at, completed_at)
        VALUES (%(id)s, %(name)s, %(status)s, %(batch)s, %(duration)s::integer, %(error)s,
                %(checksum)s, now() - %(ago)s * interval '1 second',
                CASE WHEN %(duration)s::integer IS NOT NULL THEN now() END)
        ON CONFLICT (id) DO UPDATE SET status = excluded.status,
            duration_ms = excluded.duration_ms, error_message = excluded.error_message,
            completed_at = excluded.completed_at
        """,
        {
            "id": run.id,
            "name": run.name,
            "status": status,
            "batch": batch,
            "duration": duration,
            "error": error,
            "checksum": run.checksum,
            "ago": time.monotonic() - run.started_at,
        },
    )
