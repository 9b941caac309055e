"""Lacuna: ``manage.py run_worker`` on the tables of the benchmarks' app."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.db import connection as django_connection

from tests.benchmarks.queue.app.models import BenchJob, Call
from tests.benchmarks.queue.processes import ROOT, Process
from tests.benchmarks.queue.server import LACUNA, Server
from tests.benchmarks.queue.systems import Look, Produced, System

PEOPLE: Final = [UUID(int=n + 1) for n in range(50)]

# Job processes or threads of a worker; an async kind brings its own number.
_CONCURRENCY = 2

# Each count is that of a partial index, so that it costs the same in a table full of others.
_LOOK = """
    SELECT extract(epoch FROM statement_timestamp()), ready + retrying, ready + retrying + running
    FROM (SELECT
        (SELECT count(*) FROM {table} WHERE status = 'queued' AND available_at IS NULL) AS ready,
        (SELECT count(*) FROM {table} WHERE status = 'retrying') AS retrying,
        (SELECT count(*) FROM {table} WHERE status = 'processing') AS running
    ) AS counts
"""
_VERDICT = """
    SELECT count(*), count(*) FILTER (WHERE status IN ('queued', 'processing', 'retrying')),
        count(*) FILTER (WHERE status = 'completed' AND attempt = 1)
    FROM {table} WHERE id >= %s
"""


class Lacuna(System):
    """One queue of it."""

    database = LACUNA

    def __init__(
        self,
        server: Server,
        name: str,
        queue: str,
        model: type[BenchJob],
        *,
        keeps_finished: bool = False,
        plain_sql: bool = False,
    ) -> None:
        super().__init__(server, name)
        self._plain_sql = plain_sql
        self._keeps_finished = keeps_finished
        self._queue = queue
        self._model = model
        self._table = model._meta.db_table
        self._first: UUID | None = None

    def look(self) -> Look:
        row = self.connection.execute(_LOOK.format(table=self._table)).fetchone()
        assert row is not None
        return Look(float(row[0]), int(row[1]), int(row[2]))

    def empty(self) -> None:
        """Remove the jobs, unless it is about a table that is full of finished ones."""
        if not self._keeps_finished:
            self.connection.execute(f"TRUNCATE {self._table}")

    def fill(self, count: int) -> float:
        people, payloads = values(count)
        objects = self._model.objects
        begin = time.perf_counter()
        ids = objects.enqueue_rows(user_id=people, payload=payloads)
        seconds = time.perf_counter() - begin
        self._first = min(ids)
        if not self._keeps_finished:
            self.connection.execute(f"ANALYZE {self._table}")
        return seconds

    def worker(self, environment: Mapping[str, str] | None = None) -> Process:
        return Process(
            [
                sys.executable,
                ROOT / "manage.py",
                "run_worker",
                "--queues",
                self._queue,
                "--concurrency",
                str(_CONCURRENCY),
            ],
            {
                "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
                "LOG_LEVEL": "WARNING",
                **(environment or {}),
            },
        )

    def produce(self, pauses: Sequence[float]) -> Produced:
        produced = {}
        django_connection.ensure_connection()
        for pause in pauses:
            job = Call()
            moment = time.time()
            if self._plain_sql:
                self.connection.execute("INSERT INTO bench_calls (id) VALUES (%s)", [job.pk])
            else:
                Call.objects.enqueue([job])
            produced[str(job.pk)] = moment
            time.sleep(pause / 1000)
        return produced

    def verdict(self, count: int) -> str | None:
        """Each job must be completed by its first attempt, or left."""
        found = self.connection.execute(_VERDICT.format(table=self._table), [self._first])
        row = found.fetchone()
        assert row is not None
        total, left, good = row
        if total == count and left + good == count:
            return None
        return f"of {total} jobs (of {count} added) {good} were completed at once, {left} are left"


def values(count: int) -> tuple[list[UUID], list[dict[str, Any]]]:
    """A person, one of 50, and a payload for each of ``count`` jobs."""
    return (
        [PEOPLE[n % 50] for n in range(count)],
        [{"user": f"user-{n % 50}", "n": n} for n in range(count)],
    )
