"""A database server that a test may ill-treat, since nobody else uses it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar, LiteralString
from urllib.parse import quote

import psycopg
from django.conf import settings

from database import embedded
from tests.jobs.workers import eventually, runs

_PATIENCE = 20.0  # seconds that a server may take to recover


class Site:
    """A server of the test's own, with its database, that can be stopped while workers use it."""

    # Commits last, whatever becomes of the server; only a crash of the machine would cost them.
    _SETTINGS: ClassVar[dict[str, str | bool]] = {"synchronous_commit": True}

    def __init__(self, home: Path) -> None:
        self.home = home
        self._postgres = home / "postgres"
        self.sockets = self.start()
        kept = ("DATABASE", "DB_", "TEST_DATABASE")
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(kept)
        }
        environment |= {"LACUNA_HOME": str(home), "DJANGO_SETTINGS_MODULE": "tests.settings"}
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(command, cwd=settings.BASE_DIR, env=environment, check=True, timeout=60)
        # Given an address, workers do not start the server themselves when they miss it.
        url = f"postgresql://lacuna_app@{quote(str(self.sockets), safe='')}/lacuna"
        self.worker = {"DATABASE_URL": url, "TEST_DATABASE_NAME": "lacuna"}

    def start(self) -> Path:
        """Start the server, or wait until it has started; the directory of its socket."""
        return embedded.ensure_running(self._postgres, fast=True, settings=self._SETTINGS)

    def stop(self) -> None:
        """In good order, as for an update: sessions are ended."""
        embedded.stop(self._postgres)

    def kill(self) -> None:
        """As a crash would."""
        postmaster = self.pid
        os.kill(postmaster, signal.SIGKILL)
        eventually(lambda: not runs(postmaster))

    @property
    def pid(self) -> int:
        """PostgreSQL's first process."""
        pid = embedded.status(self._postgres).pid
        assert pid is not None, "the server runs"
        return pid

    @property
    def data(self) -> Path:
        """The server's data directory."""
        return embedded.status(self._postgres).data

    def logged(self) -> str:
        """What the server has written into its log."""
        logs = (self.data.parent / "log").glob("*.log")
        return "".join(log.read_text(encoding="utf-8", errors="replace") for log in logs)

    def rows(self, query: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
        """Ask the server as its administrator, on a connection of its own, once it answers."""
        with self._connected() as connection:
            cursor = connection.execute(query, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def _connected(self) -> psycopg.Connection[tuple[Any, ...]]:
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                return psycopg.connect(
                    host=str(self.sockets), user="postgres", dbname="lacuna", autocommit=True
                )
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def number(self, query: LiteralString, *parameters: object) -> int:
        """The one number that the query finds."""
        return int(self.rows(query, *parameters)[0][0])

    def send(self, number: int, do: str = "sleep", **payload: Any) -> None:
        """Enqueue so many telegrams, which accidents may hit as often as they like."""
        self.rows(
            "INSERT INTO test_telegrams (payload, max_retries)"
            " SELECT %s, 1000 FROM generate_series(1, %s)",
            json.dumps({"do": do, "finish": True, **payload}),
            number,
        )

    def live(self) -> int:
        """How many telegrams wait or run."""
        return self.number(
            "SELECT count(*) FROM test_telegrams"
            " WHERE status IN ('queued', 'retrying', 'processing')"
        )

    def _all_ended(self) -> bool:
        """Whether none waits or runs, as far as the server can be asked in this moment."""
        try:
            return self.live() == 0
        except psycopg.OperationalError:  # the accident has cut off whoever asks, too
            return False

    def delivered_once(self, number: int, *, within: float = 30) -> None:
        """Wait for the end of all telegrams: each completed, with one receipt of that attempt."""
        try:
            eventually(self._all_ended, within=within)
        finally:
            print(  # noqa: T201 - shown by pytest when the test fails
                self.rows(
                    "SELECT status, error_message, count(*) FROM test_telegrams GROUP BY 1, 2"
                )
            )
        done = "SELECT count(*) FROM test_telegrams WHERE status = 'completed'"
        assert self.number(done) == number
        assert self.number("SELECT count(*) FROM test_telegrams") == number
        assert self.number("SELECT count(*) FROM test_receipts") == number
        matched = "SELECT count(*) FROM test_telegrams t JOIN test_receipts r"
        assert self.number(f"{matched} ON r.job_id = t.id AND r.attempt = t.attempt") == number

    def close(self) -> None:
        """Stop the server and remove what it left outside its home."""
        data = self.data
        self.stop()
        if data.parent != self._postgres:
            shutil.rmtree(data.parent, ignore_errors=True)
        shutil.rmtree(self.sockets, ignore_errors=True)
