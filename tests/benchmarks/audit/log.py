"""A log of its own: a private server with durable commits and a keyring, gone at the end."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import django

from tests.benchmarks.queue.processes import ROOT, Process
from tests.benchmarks.queue.server import BenchmarkRefused, Connection, Server

DATABASE: Final = "lacuna"
APP: Final = "lacuna_app"
_TWINS: Final = Path(__file__).with_name("twins.sql")
_PATIENCE: Final = 60.0  # seconds for the sealer to begin
_TICK: Final = 0.02
_SEALER: Final = "SELECT split_part(name, ':', 2) FROM audits.audit_sealer"
_EMPTY: Final = """
    SET session_replication_role = replica;
    TRUNCATE audits.audit_log, audits.audit_personal, audits.audit_batch, audits.audit_tile,
        audits.audit_publication, audits.audit_sealer, bench.plain, bench.bare, bench.personal,
        bench.chain;
    UPDATE bench.stock SET taken = 0;
    RESET session_replication_role;
"""


@dataclass(frozen=True, slots=True)
class Log:
    """The log, the tables that it is compared with (twins.sql), and a superuser's connection."""

    home: Path
    server: Server
    admin: Connection

    def empty(self) -> None:
        """Take all entries and seals away, whatever forbids it, and what was published of them."""
        self.admin.execute(_EMPTY)
        self._forget_published()
        self.server.probe()

    def unseal(self) -> None:
        """Take the seals away and leave the entries."""
        self.admin.execute(
            "SET session_replication_role = replica;"
            " TRUNCATE audits.audit_batch, audits.audit_tile, audits.audit_publication;"
            " RESET session_replication_role"
        )
        self._forget_published()

    def _forget_published(self) -> None:
        shutil.rmtree(self.home / "audit" / "checkpoints", ignore_errors=True)

    def number(self, query: str) -> int:
        """The one number that a query gives."""
        row = self.admin.execute(query).fetchone()
        assert row is not None
        return int(row[0])

    def entries(self) -> int:
        """How many entries there are."""
        return self.number("SELECT count(*) FROM audits.audit_log")

    def waiting(self) -> int:
        """How many entries are not sealed yet."""
        return self.number(
            "SELECT (SELECT count(*) FROM audits.audit_log)"
            " - (SELECT coalesce(sum(entries), 0) FROM audits.audit_batch)"
        )

    def batches(self) -> int:
        """How many batches there are."""
        return self.number("SELECT count(*) FROM audits.audit_batch")

    def cpu(self) -> float:
        """Seconds of processor time of the server's processes that have ended: all connections.

        The server's own processes (checkpointer, WAL writer) live on and are not in it.
        """
        first = int((self._data / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0])
        return _ticks(first, children=True)

    @property
    def _data(self) -> Path:
        row = self.admin.execute("SHOW data_directory").fetchone()
        assert row is not None
        return Path(row[0])

    @contextmanager
    def sealing(self, interval: float) -> Iterator[int]:
        """``manage.py seal_audit`` runs, and has begun, while the block does; gives its process."""
        self.admin.execute("TRUNCATE audits.audit_sealer")
        command = [sys.executable, "manage.py", "seal_audit", "--interval", f"{interval:g}"]
        with Process(command, {}) as process:
            until = time.monotonic() + _PATIENCE
            while (row := self.admin.execute(_SEALER).fetchone()) is None:
                process.check()
                if time.monotonic() > until:
                    raise BenchmarkRefused(f"The sealer did not begin: {process.said()}")
                time.sleep(_TICK)
            yield int(row[0])
            process.check()


@contextmanager
def own_log(settings: Mapping[str, Any] | None = None) -> Iterator[Log]:
    """Set Django up on a server made for this benchmark; ``settings`` are PostgreSQL's.

    It lies below the directory for temporary files (TMPDIR), which must be on a disk. Raises
    BenchmarkRefused when a server is configured, or commits would not be durable.
    """
    home = Path(tempfile.mkdtemp(prefix="lacuna-bench-audit-"))
    home.chmod(0o755)  # a server started by root runs as somebody else, who must reach its data
    # Asked to end, it still ends its processes and removes its files.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        yield from _logs_in(home, settings or {})
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _logs_in(home: Path, chosen: Mapping[str, Any]) -> Iterator[Log]:
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LACUNA_HOME": str(home),
        "LOG_LEVEL": "ERROR",
    }
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_SEALER_URL", "DB_NAME"):
        os.environ.pop(name, None)
    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connections

    from audit import keyring
    from database import embedded

    if settings.EMBEDDED_HOME is None:
        raise BenchmarkRefused(
            "The benchmarks of the audit log make a server of their own. Take DATABASE_URL (and"
            " DB_NAME) out of the environment and out of .env."
        )
    host = str(embedded.ensure_running(settings.EMBEDDED_HOME, settings=chosen))
    login = settings.DATABASE_ADMIN["USER"]
    try:
        call_command("migrate", verbosity=0)
        keyring.create("bench.example/audit")
        server = Server(host, login, _connect(host, login, "postgres"))
        with server.admin, server.connect(DATABASE) as admin:
            _check(server)
            admin.execute("SET ROLE lacuna_owner")
            admin.execute(_TWINS.read_text(encoding="utf-8"))
            admin.execute("RESET ROLE")
            server.admin.execute("CREATE TABLE bench_probe (n integer)")
            yield Log(home, server, admin)
    finally:
        connections.close_all()
        embedded.stop(settings.EMBEDDED_HOME)


def _connect(host: str, login: str, database: str) -> Connection:
    import psycopg

    return psycopg.connect(host=host, port=5432, user=login, dbname=database, autocommit=True)


def _check(server: Server) -> None:
    for name, value in server.show("fsync", "synchronous_commit").items():
        if value != "on":
            raise BenchmarkRefused(f"{name} is {value} on this server; it must be on.")


def cpu_of(process: int) -> float:
    """Seconds of processor time that a process has used so far."""
    return _ticks(process, children=False)


def _ticks(process: int, *, children: bool) -> float:
    text = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
    fields = text.rsplit(")", 1)[1].split()
    first = 13 if children else 11
    return (int(fields[first]) + int(fields[first + 1])) / os.sysconf("SC_CLK_TCK")


__all__ = ["APP", "DATABASE", "ROOT", "BenchmarkRefused", "Log", "cpu_of", "own_log"]
