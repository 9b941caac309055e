"""The private server that every system is measured on, and a fresh database for each of them."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

import django
import psycopg
from psycopg import sql

# The database of Lacuna's own tables; tests.benchmarks.queue.settings names it too.
LACUNA: Final = "bench_lacuna"
_LOCK: Final = 0x62656E6368  # "bench"
_PROBES: Final = 60

Connection = psycopg.Connection[tuple[Any, ...]]


class BenchmarkRefused(Exception):
    """The measurement would not mean what it says."""


@dataclass(slots=True)
class Server:
    """The server, and a superuser's connection to it in autocommit mode."""

    host: str  # the directory of its socket
    login: str
    admin: Connection
    commits: list[float] = field(default_factory=list)  # seconds of a one-row transaction

    def environment(self, database: str) -> dict[str, str]:
        """What tells a client program of any kind where to connect."""
        return {"PGHOST": self.host, "PGUSER": self.login, "PGDATABASE": database, "PGPORT": "5432"}

    def connect(self, database: str) -> Connection:
        """A superuser's connection to one of the databases, in autocommit mode."""
        return psycopg.connect(
            host=self.host, port=5432, user=self.login, dbname=database, autocommit=True
        )

    def make(self, database: str, owner: str | None = None) -> None:
        """Make the database anew; what was in it is lost."""
        self.drop(database)
        self.admin.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0").format(
                sql.Identifier(database), sql.Identifier(owner or self.login)
            )
        )

    def drop(self, database: str) -> None:
        """Remove the database, if it exists, under whoever still uses it."""
        if not database.startswith("bench_"):
            raise BenchmarkRefused(f"{database} is not a database of the benchmarks; not dropped.")
        self.admin.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
        )

    def show(self, *names: str) -> dict[str, str]:
        """The server's settings, as it prints them."""
        found = {}
        for name in names:
            row = self.admin.execute("SELECT current_setting(%s)", [name]).fetchone()
            assert row is not None
            found[name] = str(row[0])
        return found

    def probe(self) -> None:
        """Measure how long a transaction of one row takes now: the weather of the round."""
        for _ in range(_PROBES):
            begin = time.perf_counter()
            self.admin.execute("INSERT INTO bench_probe VALUES (1)")
            self.commits.append(time.perf_counter() - begin)
        self.admin.execute("CHECKPOINT")

    def weather(self) -> str:
        """The server, its durability and the probes so far, as a sentence or two."""
        shown = self.show("server_version", "fsync", "synchronous_commit", "shared_buffers")
        low, high = min(self.commits) * 1e3, max(self.commits) * 1e3
        load = ", ".join(f"{load:.1f}" for load in os.getloadavg())
        return (
            f"PostgreSQL {shown['server_version']}, private server on a Unix socket, fsync"
            f" {shown['fsync']}, synchronous_commit {shown['synchronous_commit']}, shared_buffers"
            f" {shown['shared_buffers']}. A transaction of one row took"
            f" {median(self.commits) * 1e3:.2f} ms ({low:.2f} to {high:.2f},"
            f" {len(self.commits)} between the rounds); load average {load}."
        )


@contextmanager
def running(databases: Sequence[str]) -> Iterator[Server]:
    """Set Django up and hold the server; the databases are dropped at the end.

    BenchmarkRefused, if another of these benchmarks runs, or if commits are not durable.
    """
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.queue.settings"
    os.environ["LOG_LEVEL"] = "WARNING"
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "DB_NAME"):
        os.environ.pop(name, None)
    django.setup()
    from django.conf import settings
    from django.db import connections

    from database import embedded

    assert settings.EMBEDDED_HOME is not None, "the settings of the benchmarks refuse it"
    # Asked to end, it still ends its workers and drops its databases.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    host = str(embedded.ensure_running(settings.EMBEDDED_HOME))
    login = settings.DATABASE_ADMIN["USER"]
    admin: Connection
    with psycopg.connect(host=host, user=login, dbname="postgres", autocommit=True) as admin:
        server = Server(host, login, admin)
        _take_turn(server)
        _check_durability(server)
        try:
            admin.execute("DROP TABLE IF EXISTS bench_probe")
            admin.execute("CREATE TABLE bench_probe (n integer)")
            yield server
        finally:
            connections.close_all()
            for database in databases:
                server.drop(database)
            admin.execute("DROP TABLE IF EXISTS bench_probe")


def make_lacuna(server: Server) -> None:
    """Lacuna's database: migrated, with the queues of the benchmarks."""
    from django.core.management import call_command

    from database import roles
    from tests.benchmarks.queue.app import tables

    server.make(LACUNA, roles.OWNER)
    call_command("migrate", verbosity=0)
    tables.make()


def _take_turn(server: Server) -> None:
    row = server.admin.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
    if row != (True,):
        raise BenchmarkRefused(
            "Another benchmark of the queue runs on this server. Wait for its end: both would"
            " use the same databases, and disturb each other's figures."
        )


def _check_durability(server: Server) -> None:
    for name, value in server.show("fsync", "synchronous_commit").items():
        if value != "on":
            raise BenchmarkRefused(
                f"{name} is {value} on this server. The rate of a queue is the rate of its durable"
                " commits, so it must be on."
            )
