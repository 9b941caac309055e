"""Real processes on a database, and everything that they and the server write."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
import psycopg
from django.conf import settings
from django.db import connection

from database import embedded, roles
from database.connections import connection_parameters, own_connection
from database.embedded import binaries
from database.embedded.places import data_directory
from tests.jobs.faults.site import Site
from tests.jobs.workers import eventually


class Place(Protocol):
    """A database, for processes and for whoever looks into it."""

    environment: dict[str, str]

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """As the administrator."""

    def address(self) -> list[str]:
        """For PostgreSQL's programs, without the login."""

    def server_log(self) -> bytes:
        """What the server has written since the place was made."""


class TestDatabase:
    """The database of the test, on the suite's server, whose log others write to as well."""

    __test__ = False

    def __init__(self) -> None:
        assert settings.EMBEDDED_HOME is not None
        self.environment = {
            "TEST_DATABASE_NAME": str(connection.settings_dict["NAME"]),
            "LACUNA_HOME": str(settings.LACUNA_HOME),
        }
        self._logs = data_directory(settings.EMBEDDED_HOME.resolve()).parent / "log"
        self._before = {path: path.stat().st_size for path in self._logs.glob("*.log")}

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        return own_connection(login=settings.DATABASE_ADMIN)

    def address(self) -> list[str]:
        params, _ = connection_parameters()
        return ["-h", params["host"], "-p", str(params["port"]), "-d", params["dbname"]]

    def server_log(self) -> bytes:
        return b"".join(
            path.read_bytes()[self._before.get(path, 0) :] for path in self._logs.glob("*.log")
        )


class PrivateHome:
    """A server of its own, whose processes are told its address and a password for it."""

    def __init__(self, home: Path, password: str) -> None:
        self.site = Site(home)
        host = self.site.worker["DATABASE_URL"].partition("@")[2]
        self.environment = self.site.worker | {
            "DATABASE_URL": f"postgresql://{roles.APP}:{password}@{host}",
            "DATABASE_SEALER_URL": f"postgresql://{roles.SEALER}:{password}@{host}",
            "LACUNA_HOME": str(home),
        }

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            host=str(self.site.sockets), user="postgres", dbname="lacuna", autocommit=True
        )

    def address(self) -> list[str]:
        return ["-h", str(self.site.sockets), "-d", "lacuna"]

    def server_log(self) -> bytes:
        return self.site.logged().encode()

    @contextmanager
    def away(self) -> Iterator[None]:
        """The server is stopped, and comes back."""
        self.site.stop()
        yield
        self.site.start()


@dataclass
class Processes:
    """Web server, worker and sealer; each writes into a file of its own in ``folder``."""

    place: Place
    folder: Path
    environment: dict[str, str]
    web_threads: int = 4
    url: str = ""
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *names: str) -> None:
        """Start these of ``web``, ``worker``, ``sealer``; the web server answers on return."""
        for name in names:
            getattr(self, f"_start_{name}")()
        if "web" in names:
            eventually(self._answers, within=60, what="the web server answers")

    def command(self, *arguments: str, given: str = "", module: str = "") -> str:
        """What ``manage.py``, or a module of ours, prints; what it logs is kept as well."""
        program = ["-m", module] if module else ["manage.py"]
        with (self.folder / "commands.log").open("ab") as log:
            done = subprocess.run(
                [sys.executable, *program, *arguments],
                cwd=settings.BASE_DIR,
                env=self._whole(),
                input=given.encode(),
                stdout=subprocess.PIPE,
                stderr=log,
                check=False,
                timeout=200,
            )
        assert done.returncode == 0, (self.folder / "commands.log").read_text(encoding="utf-8")
        return done.stdout.decode()

    def stop(self) -> None:
        """As a service manager does, all at once."""
        for process in self._running:
            process.send_signal(signal.SIGTERM)
        for process in self._running:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()

    @property
    def pid(self) -> int:
        """The first process that was started."""
        return self._running[0].pid

    def logs(self) -> dict[str, bytes]:
        """What each process has written."""
        return {path.name: path.read_bytes() for path in sorted(self.folder.glob("*.log"))}

    def _whole(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DATABASE", "DB_", "EMAIL", "LOG_"))
        }
        known = {"DJANGO_SETTINGS_MODULE": "tests.settings", "LOG_FORMAT": "json"}
        return kept | known | self.environment | self.place.environment

    def _launch(self, name: str, command: Sequence[str], **environment: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running.append(
                subprocess.Popen(
                    [sys.executable, *command],
                    cwd=settings.BASE_DIR,
                    env=self._whole() | environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )

    def _start_web(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = ["-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}"]
        command += ["--threads", str(self.web_threads), "--timeout", "120"]
        self._launch("web", [*command, "--no-control-socket"], LACUNA_PROCESS="web")

    def _start_worker(self) -> None:
        self._launch("worker", ["manage.py", "run_worker", "--pace", "0.1"])

    def _start_sealer(self) -> None:
        self._launch("sealer", ["manage.py", "seal_audit"])

    def _answers(self) -> bool:
        assert all(process.poll() is None for process in self._running), self.logs()
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.HTTPError:
            time.sleep(0.1)
            return False


def dumped(place: Place) -> bytes:
    """The whole database as plain SQL, as the role that makes backups."""
    done = subprocess.run(
        [binaries.find() / "bin" / "pg_dump", "-U", roles.BACKUP, *place.address()],
        capture_output=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def stop_server(home: Path) -> None:
    """Stop the private server of this home."""
    embedded.stop(home / "postgres")
