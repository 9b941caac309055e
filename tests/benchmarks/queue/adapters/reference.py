"""The least that a queue on PostgreSQL can be: no retries, no leases, nobody to share with.

``python -m tests.benchmarks.queue.adapters.reference 1`` listens, claims one job, notes the time
and marks it done; with ``500`` it claims so many at once and marks them done with the next claim.
It works until it is terminated. The connection comes from PGHOST, PGUSER and PGDATABASE.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Final

import psycopg

TABLE: Final = """
    CREATE TABLE reference_jobs (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        status text NOT NULL DEFAULT 'queued'
    );
    CREATE INDEX reference_jobs_ready ON reference_jobs (id) WHERE status = 'queued'
"""
INSERT: Final = "INSERT INTO reference_jobs DEFAULT VALUES RETURNING id"
CHANNEL: Final = "reference_jobs"

_CLAIM = """
    UPDATE reference_jobs SET status = 'processing'
    WHERE id = (
        SELECT id FROM reference_jobs WHERE status = 'queued'
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING id
"""
_DONE = "UPDATE reference_jobs SET status = 'completed' WHERE id = %s"


_FUSED = """
    WITH done AS (UPDATE reference_jobs SET status = 'completed' WHERE id = ANY(%s))
    UPDATE reference_jobs SET status = 'processing'
    WHERE id = ANY (ARRAY(
        SELECT id FROM reference_jobs WHERE status = 'queued'
        ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
    ))
    RETURNING id
"""

Connection = psycopg.Connection[tuple[int, ...]]


def main() -> None:
    """Work for ever."""
    batch = int(sys.argv[1])
    with psycopg.connect("", autocommit=True, prepare_threshold=0) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        if batch == 1:
            one_by_one(connection)
        else:
            many_at_once(connection, batch)


def one_by_one(connection: Connection) -> None:
    """Claim, note, mark done."""
    notes = os.open(os.environ["LACUNA_BENCH_NOTES"], os.O_WRONLY | os.O_APPEND)
    while True:
        row = connection.execute(_CLAIM).fetchone()
        if row is None:
            _wait(connection)
            continue
        now = time.time()
        os.write(notes, f"{row[0]} {now:.6f}\n".encode())
        connection.execute(_DONE, row)


def many_at_once(connection: Connection, batch: int) -> None:
    """Claim the next jobs with the statement that marks the last ones done."""
    claimed: list[int] = []
    while True:
        claimed = [row[0] for row in connection.execute(_FUSED, [claimed, batch])]
        if not claimed:
            _wait(connection)


def _wait(connection: Connection) -> None:
    for _ in connection.notifies(timeout=1.0, stop_after=1):
        pass


if __name__ == "__main__":
    main()
