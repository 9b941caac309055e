"""The peers, and the reference: each behind the questions of ``systems``."""

from __future__ import annotations

import json
import sys
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from tests.benchmarks.queue import peers
from tests.benchmarks.queue.adapters import reference
from tests.benchmarks.queue.processes import Process, ProcessFailed, Session
from tests.benchmarks.queue.server import Server
from tests.benchmarks.queue.systems import Produced, System

_ADAPTERS = Path(__file__).resolve().parent / "adapters"
_CHUNK = 1000  # jobs in one call of a bulk enqueue


class Peer(System):
    """A system with an adapter: a session for enqueueing, worker processes for working."""

    jobs_table: ClassVar[str]

    def __init__(self, server: Server, name: str, **options: Any) -> None:
        super().__init__(server, name)
        self._options = options
        self._session: Session | None = None
        self._command = self._adapter()

    @classmethod
    @abstractmethod
    def title(cls) -> str:
        """Name and version, or PeerMissing."""

    @abstractmethod
    def _adapter(self) -> list[str | Path]:
        """The program and its adapter, or PeerMissing."""

    def _environment(self) -> dict[str, str]:
        return self.server.environment(self.database)

    def make(self) -> None:
        """Its database, with its own tables, made by itself."""
        self.server.make(self.database)
        self.session.ask("migrate")

    @property
    def session(self) -> Session:
        """The process that enqueues."""
        if self._session is None:
            self._session = Session([*self._command, "session"], self._environment())
        return self._session

    def close(self) -> None:
        super().close()
        if self._session is not None:
            self._session.end()
            self._session = None

    def fill(self, count: int) -> float:
        seconds = float(self.session.ask("add", count=count, chunk=_CHUNK)["seconds"])
        self.connection.execute(f"ANALYZE {self.jobs_table}")
        return seconds

    def worker(self, environment: Mapping[str, str] | None = None) -> Process:
        return Process(
            [*self._command, "worker", json.dumps(self._options)],
            {**self._environment(), **(environment or {})},
        )

    def produce(self, pauses: Sequence[float]) -> Produced:
        produced = self.session.ask("produce", pauses=list(pauses))["produced"]
        return {key: float(moment) for key, moment in produced}


class Graphile(Peer):
    """graphile-worker; its finished jobs are deleted."""

    database = "bench_graphile"
    jobs_table = "graphile_worker._private_jobs"
    look_sql = """
        SELECT extract(epoch FROM statement_timestamp()),
            count(*) FILTER (WHERE locked_at IS NULL), count(*)
        FROM graphile_worker._private_jobs
    """
    empty_sql = "TRUNCATE graphile_worker._private_jobs"

    @classmethod
    def title(cls) -> str:
        return f"{peers.GRAPHILE} {peers.graphile_version()}"

    def _adapter(self) -> list[str | Path]:
        return [peers.node(), _ADAPTERS / "graphile.mjs"]

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "BENCH_NODE_MODULES": str(peers.node_modules())}

    def verdict(self, count: int) -> str | None:
        row = self.connection.execute(
            "SELECT count(*) FROM graphile_worker._private_jobs WHERE last_error IS NOT NULL"
        ).fetchone()
        return _bad(row)


class Procrastinate(Peer):
    """procrastinate; the time given to it is limited, so jobs may be left."""

    database = "bench_procrastinate"
    jobs_table = "procrastinate_jobs"
    look_sql = """
        SELECT extract(epoch FROM statement_timestamp()),
            count(*) FILTER (WHERE status = 'todo'),
            count(*) FILTER (WHERE status IN ('todo', 'doing'))
        FROM procrastinate_jobs
    """
    empty_sql = """
        TRUNCATE procrastinate_jobs, procrastinate_events, procrastinate_workers,
            procrastinate_periodic_defers
    """

    @classmethod
    def title(cls) -> str:
        return f"{peers.PROCRASTINATE} {peers.procrastinate_version()}"

    def _adapter(self) -> list[str | Path]:
        return [peers.python(), _ADAPTERS / "procrastinate_adapter.py"]

    def verdict(self, count: int) -> str | None:
        row = self.connection.execute(
            "SELECT count(*) FROM procrastinate_jobs"
            " WHERE status NOT IN ('todo', 'doing', 'succeeded')"
        ).fetchone()
        return _bad(row)


class Reference(System):
    """A loop of psycopg that listens and claims ``batch`` jobs at a time."""

    database = "bench_reference"
    look_sql = """
        SELECT extract(epoch FROM statement_timestamp()),
            count(*) FILTER (WHERE status = 'queued'),
            count(*) FILTER (WHERE status <> 'completed')
        FROM reference_jobs
    """
    empty_sql = "TRUNCATE reference_jobs"

    def __init__(self, server: Server, name: str, *, batch: int = 1) -> None:
        super().__init__(server, name)
        self._batch = batch

    def make(self) -> None:
        """Its database and its one table."""
        self.server.make(self.database)
        self.connection.execute(reference.TABLE)

    def fill(self, count: int) -> float:
        begin = time.perf_counter()
        self.connection.execute(
            "INSERT INTO reference_jobs (status) SELECT 'queued' FROM generate_series(1, %s)",
            [count],
        )
        seconds = time.perf_counter() - begin
        self.connection.execute("ANALYZE reference_jobs")
        return seconds

    def worker(self, environment: Mapping[str, str] | None = None) -> Process:
        module = reference.__name__
        return Process(
            [sys.executable, "-m", module, str(self._batch)],
            {**self.server.environment(self.database), **(environment or {})},
        )

    def produce(self, pauses: Sequence[float]) -> Produced:
        produced = {}
        for pause in pauses:
            moment = time.time()
            with self.connection.pipeline():  # one round trip, one commit
                inserted = self.connection.execute(reference.INSERT)
                self.connection.execute(f"NOTIFY {reference.CHANNEL}")
            row = inserted.fetchone()
            if row is None:
                raise ProcessFailed("The reference's INSERT returned no row.")
            produced[str(row[0])] = moment
            time.sleep(pause / 1000)
        return produced

    def verdict(self, count: int) -> str | None:
        row = self.connection.execute("SELECT count(*) - %s FROM reference_jobs", [count])
        return _bad(row.fetchone())


def _bad(row: tuple[int, ...] | None) -> str | None:
    assert row is not None
    return f"{row[0]} jobs did not end well" if row[0] else None
