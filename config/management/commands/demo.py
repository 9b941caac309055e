"""``manage.py demo``"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from accounts.models import User
from annotations.actions import ai_jobs
from config import demonstration
from config.demonstration import machine
from database.actor import acting_as
from imaging.actions import uploads

_READY_WITHIN = 90  # seconds
_STOP_WITHIN = 40


class Command(BaseCommand):
    """Everything in one: database, people, photographs, worker, sealer and web server."""

    help = (
        "Show Lacuna with sample people and real photographs, on this machine alone. Prints the"
        " address and a password that is new at each start. Ctrl-C stops it."
    )

    # What is missing here at the first start is made by it; its processes check for themselves.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="the first port to try (8000)")

    def handle(self, *args: Any, port: int, **options: Any) -> None:
        """Set up, start, tell the address, and wait."""
        if settings.EMBEDDED_HOME is None:
            raise CommandError(
                "The demonstration runs on its own private server. Unset DATABASE_URL and DB_NAME"
                " first, so that it cannot touch your data."
            )
        for number in (signal.SIGTERM, signal.SIGINT):  # a shell may have us ignore the latter
            signal.signal(number, _interrupt)
        logging.getLogger().setLevel(_environment()["LOG_LEVEL"])
        port = _free_port(port)
        # Links in mails lead to this very server; its processes inherit it.
        os.environ["SITE_URL"] = settings.SITE_URL = f"http://127.0.0.1:{port}"
        self.stdout.write("Preparing the private PostgreSQL and its tables …")
        call_command("migrate", verbosity=0)
        password = "-".join(secrets.token_hex(2) for _ in range(4))
        people = demonstration.people(password)
        demonstration.access(people)
        added = self._photographs(people)
        connections.close_all()
        processes = [_start_sealer(), _start_worker(), _start_web(port)]
        try:
            self._wait_until_ready(processes, port)
            self._tell(port, password, added)
            self._watch(processes, people)
        except KeyboardInterrupt:
            self.stdout.write("\nStopping …")
        finally:
            _stop(processes)

    def _photographs(self, people: dict[str, User]) -> int:
        files = demonstration.photographs()
        if not (files and machine.is_carried()):
            self.stderr.write(
                "Sample photographs or readings are missing: the extra `demo` is not installed."
                " Upload your own."
            )
        analyst = people["analyst@lacuna.example"]
        added = 0
        with acting_as(analyst.pk):
            for path in files:
                with path.open("rb") as content:
                    upload = uploads.receive(content, name=path.name, by=analyst)
                if upload.created:
                    added += 1
                    ai_jobs.ask(upload.image, by=analyst)
        return added

    def _watch(self, processes: list[subprocess.Popen[bytes]], people: dict[str, User]) -> None:
        """Wait for whatever ends first; meanwhile the sample machine gets its map and its days."""
        owner, admin = people["analyst@lacuna.example"], people["admin@lacuna.example"]
        busy = True
        while all(process.poll() is None for process in processes):
            if busy:
                busy = not machine.go_on(owner, configured_by=admin)
                connections.close_all()
            time.sleep(0.5)
        ended = next(process for process in processes if process.poll() is not None)
        raise CommandError(f"A process ended with code {ended.returncode}: {ended.args!r}")

    def _wait_until_ready(self, processes: list[subprocess.Popen[bytes]], port: int) -> None:
        deadline = time.monotonic() + _READY_WITHIN
        while time.monotonic() < deadline:
            for process in processes:
                if process.poll() is not None:
                    raise CommandError(f"A process ended at its start: {process.args!r}")
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise CommandError("The web server did not become ready; see the lines above.")

    def _tell(self, port: int, password: str, added: int) -> None:
        emails = "\n".join(
            f"    {email:<26}  {role.label}" for email, (_, role) in demonstration.PEOPLE.items()
        )
        self.stdout.write(
            f"\n  Lacuna is running:  http://127.0.0.1:{port}/\n\n"
            f"  Log in as\n{emails}\n"
            f"  with the password   {password}   (new at each start)\n\n"
            f"  {added} photographs were added; they are analysed now, and annotated by the local\n"
            "  provider, for you to review. Readings of a machine are mapped, and judged day by\n"
            "  day: see Datasets and Alerts. Mails are printed here.\n"
            "  Ctrl-C stops everything.\n"
        )
        self.stdout.flush()


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _free_port(first: int) -> int:
    for port in range(first, first + 50):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise CommandError(f"No port from {first} to {first + 49} is free; say another with --port.")


def _environment() -> dict[str, str]:
    # A terminal full of access lines would bury the address.
    return {
        **os.environ,
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
        # The demonstration's log is signed with its own key, and published beside it alone.
        "AUDIT_KEYRING": str(settings.LACUNA_HOME / "audit" / "keyring.json"),
        "AUDIT_PUBLISH": f"file://{settings.LACUNA_HOME / 'audit' / 'checkpoints'}",
        "AUDIT_TRUSTED_KEYS": "",
        "AUDIT_WITNESS_KEYS": "",
    }


def _start_sealer() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "seal_audit"],
        env=_environment(),
        stdout=subprocess.DEVNULL,  # what it has done in all is not for this terminal
        start_new_session=True,
    )


def _start_worker() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_worker"],
        env=_environment(),
        start_new_session=True,  # Ctrl-C reaches us alone; we tell the others
    )


def _start_web(port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", "1", "--threads", "8", "--log-level", "warning", "--no-control-socket"]
    return subprocess.Popen(
        command, cwd=settings.BASE_DIR, env=_environment(), start_new_session=True
    )


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + _STOP_WITHIN
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
