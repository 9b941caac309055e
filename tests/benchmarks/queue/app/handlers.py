"""What the jobs of the benchmarks do."""

from __future__ import annotations

import os
import time
from functools import cache

from tests.benchmarks.queue.app.models import BenchJob


async def noop(job: BenchJob) -> None:
    """Nothing."""


async def note(job: BenchJob) -> None:
    """Write the moment at which the handler began, in seconds since the epoch, and the job's id."""
    now = time.time()
    os.write(_notes(), f"{job.pk} {now:.6f}\n".encode())


@cache
def _notes() -> int:
    """The file that the benchmark reads."""
    return os.open(os.environ["LACUNA_BENCH_NOTES"], os.O_WRONLY | os.O_APPEND)
