"""Real workers for tests: started as an operator would, and gone when the test is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from database.connections import as_admin, own_connection
from jobs.models import Job

# A tenth of the real rhythm: heartbeat 0.5 s, lapse 1.5 s, lease 2 s, rescue 0.3 s.
PACE = 0.1


class WorkerProcess:
    """``manage.py run_worker`` on the test's database."""

    def __init__(self, log: Path, *arguments: str, pace: float = PACE, **environment: str) -> None:
        self.log = log
        command = [sys.executable, "manage.py", "run_worker", "--pace", str(pace), *arguments]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=settings.BASE_DIR,
                env={
                    **os.environ,
                    "TEST_DATABASE_NAME": connection.settings_dict["NAME"],
                    "SECRET_KEY": settings.SECRET_KEY,
                    "LOG_FORMAT": "json",
                    "LOG_LEVEL": "INFO",
                    **environment,
                },
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def send(self, number: int) -> None:
        self.send_to(self.pid, number)

    @staticmethod
    def send_to(pid: int, number: int) -> None:
        os.kill(pid, number)

    def wait(self, seconds: float = 45) -> int:
        return self._process.wait(timeout=seconds)

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(timeout=10)

    def stop(self) -> None:
        """As a service manager does: ask, then insist."""
        if self._process.poll() is None:
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
            try:
                self.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
                raise

    def logged(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def family(self) -> set[int]:
        """The process and everything that descends from it."""
        return {self.pid} | descendants(self.pid)


def descendants(pid: int) -> set[int]:
    """The ids of all processes that descend from this one, as the kernel has it."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found: set[int] = set()
    while new := {child for child, parent in parents.items() if parent in {pid} | found} - found:
        found |= new
    return found


def runs(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def eventually(condition: Callable[[], Any], *, within: float = 30, what: str = "") -> Any:
    """The condition's value as soon as it holds; fails after ``within`` seconds."""
    end = time.monotonic() + within
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"{what or 'the condition'} did not come true in {within} s")
        time.sleep(0.02)
    return value


def reached(job: Job, *statuses: str, within: float = 30) -> Job:
    """The job, as soon as it has one of the statuses."""

    def look() -> bool:
        job.refresh_from_db()
        return job.status in statuses

    try:
        eventually(look, within=within)
    except AssertionError:
        raise AssertionError(
            f"The job is {job.status}, not {' or '.join(statuses)}, after {within} s:"
            f" {job.error_message}"
        ) from None
    return job


def cut_connections(application_name: str) -> int:
    """Let the server end every such connection of this database; return how many there were."""
    with as_admin(connection), own_connection() as admin:
        ended = admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND application_name LIKE %s"
            " AND datname = current_database()",
            [application_name],
        ).fetchall()
    return len(ended)


@contextmanager
def nothing_left_behind() -> Iterator[set[int]]:
    """Collects process ids; at the end all of them must be gone within moments."""
    pids: set[int] = set()
    yield pids
    eventually(
        lambda: not any(runs(pid) for pid in pids),
        within=20,
        what=f"the end of the processes {sorted(pids)}",
    )
