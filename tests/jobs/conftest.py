"""Workers and schedules for the tests of the job engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs.schedule import Recurring, declarations
from tests.jobs import recurring
from tests.jobs.workers import PACE, WorkerProcess, nothing_left_behind


@pytest.fixture
def start_worker(
    transactional_db: None, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., WorkerProcess]]:
    """Starts workers; at the end they are stopped, and no process of theirs may remain."""
    started: list[WorkerProcess] = []

    def start(*arguments: str, pace: float = PACE, **environment: str) -> WorkerProcess:
        # Later switches take the place of earlier ones.
        usual = ("--poll", "0.2", "--queues", "errands,parcels", "--concurrency", "2")
        log = tmp_path / f"worker{len(started)}.log"
        worker = WorkerProcess(log, *usual, *arguments, pace=pace, **environment)
        started.append(worker)
        return worker

    with nothing_left_behind() as pids:
        yield start
        for worker in started:
            pids.update(worker.family())
        for worker in started:
            worker.stop()
            print(worker.logged())  # noqa: T201 - shown by pytest when the test fails


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Recurring]]:
    """What the code declares as recurring work: nothing but what a test does."""
    known: dict[str, Recurring] = {}
    monkeypatch.setattr(declarations, "_ENTRIES", known)
    yield known
    recurring.ran.clear()
