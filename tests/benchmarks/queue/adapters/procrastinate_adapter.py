"""procrastinate behind the protocol of ``tests/benchmarks/queue/processes.py``.

    python procrastinate_adapter.py worker '{"concurrency": 5}'   works until it is terminated
    python procrastinate_adapter.py session                       answers one JSON line with another

It runs in an environment of its own, which has neither Django nor Lacuna. The connection comes
from PGHOST, PGUSER and PGDATABASE.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import procrastinate  # type: ignore[import-not-found] # an optional peer, installed elsewhere

_NOTES = os.environ.get("LACUNA_BENCH_NOTES")
_FILE = os.open(_NOTES, os.O_WRONLY | os.O_APPEND) if _NOTES else -1

app = procrastinate.App(connector=procrastinate.PsycopgConnector(min_size=1, max_size=12))


async def _noop(user: str = "", n: int = 0) -> None:
    """Nothing."""


async def _note(context: Any) -> None:
    now = time.time()
    os.write(_FILE, f"{context.job.id} {now:.6f}\n".encode())


noop = app.task(name="noop")(_noop)
note = app.task(name="note", pass_context=True)(_note)


async def work(options: dict[str, Any]) -> None:
    """Run jobs until the process is terminated."""
    async with app.open_async():
        await app.run_worker_async(wait=True, name="bench", **options)


async def migrate() -> dict[str, Any]:
    """Make its tables."""
    await app.schema_manager.apply_schema_async()
    return {}


async def add(count: int, chunk: int) -> dict[str, Any]:
    """Add ``count`` jobs in calls of ``chunk``; answers the seconds that the calls took."""
    rows = [{"user": f"user-{n % 50}", "n": n} for n in range(count)]
    calls = [rows[first : first + chunk] for first in range(0, count, chunk)]
    begin = time.perf_counter()
    for jobs in calls:
        await noop.batch_defer_async(*jobs)
    return {"seconds": time.perf_counter() - begin}


async def produce(pauses: list[float]) -> dict[str, Any]:
    """Add a job after each pause (ms); answers ids and the moments just before each was added."""
    produced = []
    for milliseconds in pauses:
        now = time.time()
        key = await note.defer_async()
        produced.append((str(key), now))
        await asyncio.sleep(milliseconds / 1000)
    return {"produced": produced}


async def serve() -> None:
    """Answer what is asked on standard input until it closes."""
    verbs: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {
        "migrate": migrate,
        "add": add,
        "produce": produce,
    }
    async with app.open_async():
        while line := await asyncio.to_thread(sys.stdin.readline):
            wish = json.loads(line)
            answer = await verbs[wish.pop("verb")](**wish)
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(work(json.loads(sys.argv[2])) if sys.argv[1] == "worker" else serve())
