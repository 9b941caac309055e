"""Registers the queues of the benchmarks."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from jobs.models import Job
from jobs.registry import JobKind, register
from tests.benchmarks.queue.app.models import Call, Chore, FullChore

# How many jobs of a kind one worker runs at once.
CONCURRENCY: Final = 1000

_HANDLERS: Final = "tests.benchmarks.queue.app.handlers"


def register_all() -> None:
    """Make every queue known."""
    _register("chores", Chore, "noop")
    _register("full_chores", FullChore, "noop")
    _register("calls", Call, "note")


def _register(queue: str, model: type[Job], handler: str) -> None:
    register(
        JobKind(
            queue=queue,
            model=model,
            handler=f"{_HANDLERS}.{handler}",
            executor="async",
            concurrency=CONCURRENCY,
            time_limit=timedelta(minutes=1),
        )
    )
