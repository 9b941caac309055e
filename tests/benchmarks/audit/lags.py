"""How long entries wait for their seal: from being written until their batch is committed."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.audit import writers
from tests.benchmarks.audit.log import APP, DATABASE, BenchmarkRefused, Log, cpu_of
from tests.benchmarks.queue.figures import percentile

_CONNECTIONS: Final = 8
_PATIENCE: Final = 30.0
_TICK: Final = 0.05
_WRITTEN: Final = "SELECT xid, extract(epoch FROM created_at)::float8 FROM audits.audit_log"
_SEALED: Final = """
    SELECT xid_hi, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8
    FROM audits.audit_batch ORDER BY batch_no
"""


@dataclass(frozen=True, slots=True)
class Lags:
    """Seconds of the middle entry, of 99 in 100 and of the last; entries and batches a second."""

    middle: float
    most: float
    longest: float
    rate: float
    batches: float
    share: float  # of one core that the sealer's process used


def measure(log: Log, *, interval: float, rate: int, seconds: int, longest: float = 0.0) -> Lags:
    """One run at a steady rate, with a transaction of ``longest`` seconds in its middle, if any.

    The server must keep commit timestamps (track_commit_timestamp).
    """
    log.empty()
    with log.sealing(interval) as sealer:
        used, begin = cpu_of(sealer), time.monotonic()
        slow = threading.Thread(target=_one_long, args=(log, seconds / 3, longest))
        slow.start()
        script = writers.single(writers.insert("audits.audit_log"))
        run = writers.write(log, script, connections=_CONNECTIONS, seconds=seconds, rate=rate)
        slow.join()
        share = (cpu_of(sealer) - used) / (time.monotonic() - begin)
        batches = log.batches() / (time.monotonic() - begin)
        _wait_sealed(log)
    lags = _of_all(log)
    return Lags(percentile(lags, 50), percentile(lags, 99), max(lags), run.rate, batches, share)


def _one_long(log: Log, after: float, seconds: float) -> None:
    if not seconds:
        return
    import psycopg

    time.sleep(after)
    with psycopg.connect(host=log.server.host, port=5432, dbname=DATABASE, user=APP) as connection:
        connection.execute("INSERT INTO audits.audit_log (action) VALUES ('command.ran')")
        time.sleep(seconds)


def _wait_sealed(log: Log) -> None:
    until = time.monotonic() + _PATIENCE
    while log.waiting():
        if time.monotonic() > until:
            raise BenchmarkRefused(f"{log.waiting()} entries were not sealed in {_PATIENCE:g} s.")
        time.sleep(_TICK)


def _of_all(log: Log) -> list[float]:
    written, sealed = _pairs(log, _WRITTEN), _pairs(log, _SEALED)
    # The first batch that ends above the entry's transaction is its own.
    at = np.searchsorted(sealed[:, 0], written[:, 0], side="right")
    lags: list[float] = (sealed[at, 1] - written[:, 1]).tolist()
    return lags


def _pairs(log: Log, query: str) -> NDArray[np.float64]:
    return np.array(log.admin.execute(query).fetchall(), dtype=np.float64)
