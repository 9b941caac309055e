"""Threads that never come back, and handlers that cannot be loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.jobs.queueapp.models import Errand, Parcel, Receipt
from tests.jobs.workers import WorkerProcess, reached, runs

pytestmark = pytest.mark.heavy

Start = Callable[..., WorkerProcess]

FOR_EVER = {"do": "sleep_then_write", "seconds": 3600}


def test_a_thread_that_never_returns_is_let_go_and_replaced(start_worker: Start) -> None:
    worker = start_worker("--queues", "parcels", "--concurrency", "1", "--grace", "1")
    [stuck] = Parcel.objects.enqueue([Parcel(payload=FOR_EVER, max_retries=0)])
    reached(stuck, "processing")

    [after] = Parcel.objects.enqueue([Parcel(payload={"do": "write"})])

    reached(stuck, "failed")
    assert stuck.error_message == "The job ran longer than 3 s and was stopped."
    reached(after, "completed")
    assert runs(worker.pid)
    assert [receipt.job_id for receipt in Receipt.objects.all()] == [after.id]


@pytest.mark.timeout(60)
def test_after_too_many_such_threads_the_worker_gives_way_to_another(start_worker: Start) -> None:
    Parcel.objects.enqueue([Parcel(payload=FOR_EVER, max_retries=0) for _ in range(8)])
    [waits] = Parcel.objects.enqueue([Parcel(payload={"do": "write"}, priority=1)])
    worker = start_worker("--queues", "parcels", "--concurrency", "8", "--grace", "600")

    # sysexits.h: a service manager starts another. It waits for no thread that never returns.
    assert worker.wait(40) == 70

    assert "too many handlers never return; the worker ends, start another" in worker.logged()
    assert Parcel.objects.filter(status="failed").count() == 8
    start_worker("--queues", "parcels")
    reached(waits, "completed", within=20)
    assert waits.retry_count == 0


def test_a_handler_that_cannot_be_imported_fails_its_jobs_and_not_the_worker(
    start_worker: Start, tmp_path: Path
) -> None:
    worker = start_worker(TEST_ERRAND_HANDLER="tests.jobs.queueapp.broken.run")
    jobs = Errand.objects.enqueue([Errand(max_retries=1) for _ in range(4)])
    [parcel] = Parcel.objects.enqueue([Parcel()])

    for job in jobs:
        reached(job, "failed", within=20)
        assert (job.attempt, job.error_message) == (2, "RuntimeError: the telegraph has no mast")
    reached(parcel, "completed")
    assert runs(worker.pid)
    assert "handler cannot be loaded" in worker.logged()
