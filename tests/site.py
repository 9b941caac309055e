"""An installation of its own, for tests that kill what runs in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from django.conf import settings

from database import embedded

PATIENCE: Final = 90.0  # seconds; a rescue takes up to 25


class Site:
    """An installation in a directory of its own: server, files, worker processes."""

    def __init__(self, home: Path) -> None:
        self.home = home
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DATABASE", "DB_", "TEST_DATABASE"))
        }
        self.environment = {
            **kept,
            "LACUNA_HOME": str(home),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "NUMBA_CACHE_DIR": str(settings.LACUNA_HOME / "numba"),
            "LOG_LEVEL": "WARNING",
        }
        self.workers: list[subprocess.Popen[bytes]] = []

    def manage(self, *arguments: str) -> str:
        """Run a command to its end and return what it printed."""
        run = subprocess.run(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

    def start_worker(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_worker"]
        with (self.home / f"worker-{len(self.workers)}.log").open("wb") as log:
            worker = subprocess.Popen(
                [*command, "--concurrency", "2"], env=self.environment, stderr=log
            )
        self.workers.append(worker)
        return worker

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the server as its owner, patiently: it may be starting again."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                host = embedded.ensure_running(self.home / "postgres")
                with psycopg.connect(
                    host=str(host), user="lacuna_owner", dbname="lacuna", autocommit=True
                ) as connection:
                    return connection.execute(sql).fetchall()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def count(self, sql: str) -> int:
        return int(self.query(sql)[0][0])

    def wait_for(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not ready():
            if time.monotonic() > deadline:
                logs = "\n".join(log.read_text() for log in self.home.glob("worker-*.log"))
                pytest.fail(f"not within {PATIENCE:.0f} s\n{logs}")
            time.sleep(0.1)

    def stop(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
                worker.terminate()
        for worker in self.workers:
            try:
                worker.wait(45)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
        embedded.stop(self.home / "postgres")
