"""Each way a coroutine can end, in one worker that drains them all at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from jobs.models import Attempt, Worker
from tests.jobs.queueapp.models import Receipt, Telegram
from tests.jobs.workers import PACE, WorkerProcess, nothing_left_behind

pytestmark = pytest.mark.heavy

ACTOR = UUID("01900000-0000-7000-8000-000000000001")

# Name: (payload, fields).
JOBS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "written": ({"do": "write"}, {"user_id": ACTOR}),
    "finished itself": ({"do": "write", "finish": True}, {}),
    "nothing": ({"do": "noop"}, {}),
    "fails": ({"do": "fail", "error": "Mrs Smith"}, {"max_retries": 1}),
    "gives up": ({"do": "give_up"}, {}),
    # Its second attempt keeps the worker at work until the late ones have come to their end.
    "retries after": ({"do": "retry_after", "seconds": 8.5}, {"max_retries": 1}),
    "is unknown": ({"do": "dance"}, {"max_retries": 0}),
    "leaves": ({"do": "sys_exit"}, {"max_retries": 0}),
    "overruns": ({"do": "nap", "seconds": 60}, {"max_retries": 0}),
    "tidies up": ({"do": "tidy_up", "seconds": 60}, {"max_retries": 0}),
    "goes on": ({"do": "swallow", "seconds": 7, "finish": True}, {"max_retries": 0}),
    "never ends": ({"do": "swallow", "seconds": 600}, {"max_retries": 0}),
    "writes late": ({"do": "write_late", "seconds": 7, "finish": True}, {"max_retries": 0}),
}


@dataclass
class Drained:
    """What the worker left."""

    jobs: dict[str, Telegram]
    receipts: dict[UUID, list[Receipt]]
    exit_code: int
    log: str
    worker: Worker


@pytest.fixture(scope="module")
def drained(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Drained]:
    """One worker runs every job until none is left."""
    with django_db_blocker.unblock():
        try:
            yield drain(tmp_path_factory.mktemp("coroutines"))
        finally:
            for model in (Telegram, Receipt, Attempt, Worker):
                model._default_manager.all().delete()


def drain(folder: Path) -> Drained:
    jobs = {name: Telegram(payload=payload, **more) for name, (payload, more) in JOBS.items()}
    for job in jobs.values():
        job.save()
    with nothing_left_behind() as pids:
        worker = WorkerProcess(
            folder / "log", "--drain", "--queues", "telegrams", "--poll", "0.2", pace=PACE
        )
        try:
            exit_code = worker.wait(60)
        finally:
            pids.update(worker.family())
            worker.kill()
            print(worker.logged())  # noqa: T201 - shown by pytest when a test fails
    for job in jobs.values():
        job.refresh_from_db()
    receipts: dict[UUID, list[Receipt]] = {}
    for receipt in Receipt.objects.all():
        receipts.setdefault(receipt.job_id, []).append(receipt)
    return Drained(jobs, receipts, exit_code, worker.logged(), Worker.objects.get())


def test_a_drained_worker_ends_well_though_a_handler_never_returns(drained: Drained) -> None:
    assert drained.exit_code == 0
    assert drained.worker.stopped_at is not None


def test_a_coroutine_runs_in_the_worker_for_its_person(drained: Drained) -> None:
    job = drained.jobs["written"]

    assert job.status == "completed"
    [receipt] = drained.receipts[job.id]
    assert (receipt.actor, receipt.pid) == (str(ACTOR), drained.worker.pid)


@pytest.mark.parametrize("name", ["finished itself", "nothing"])
def test_a_coroutine_that_returns_is_done(drained: Drained, name: str) -> None:
    assert (drained.jobs[name].status, drained.jobs[name].attempt) == ("completed", 1)


def test_an_error_is_retried_then_kept(drained: Drained) -> None:
    job = drained.jobs["fails"]

    assert (job.status, job.attempt, job.retry_count) == ("failed", 2, 1)
    assert job.error_message == "ValueError: Mrs Smith"
    first = Attempt.objects.get(job_id=job.id, attempt=1)
    assert (first.outcome, first.error_message) == ("failed", "ValueError: Mrs Smith")
    assert "Smith" not in drained.log


def test_a_job_that_gives_up_is_not_retried(drained: Drained) -> None:
    job = drained.jobs["gives up"]

    assert (job.status, job.attempt) == ("failed", 1)
    assert job.error_message == "the shop has burnt down"


def test_a_coroutine_decides_when_it_is_tried_again(drained: Drained) -> None:
    job = drained.jobs["retries after"]

    assert (job.status, job.attempt, job.error_message) == ("failed", 2, "the shop is closed")
    assert job.started_at is not None
    assert (job.started_at - job.created_at).total_seconds() > 8.5


def test_what_a_coroutine_raises_fails_it_alone(drained: Drained) -> None:
    assert drained.jobs["is unknown"].error_message == "KeyError: 'dance'"
    assert drained.jobs["leaves"].error_message == "SystemExit: leaving"


@pytest.mark.parametrize("name", ["overruns", "tidies up", "goes on", "never ends", "writes late"])
def test_a_coroutine_that_overruns_is_stopped_with_its_reason(drained: Drained, name: str) -> None:
    job = drained.jobs[name]

    assert (job.status, job.attempt) == ("failed", 1)
    assert job.error_message == "The job ran longer than 3 s and was stopped."
    assert job.completed_at is not None
    assert job.started_at is not None
    assert 3 <= (job.completed_at - job.started_at).total_seconds() < 10


@pytest.mark.parametrize("name", ["goes on", "writes late"])
def test_what_it_writes_after_that_is_refused(drained: Drained, name: str) -> None:
    assert drained.jobs[name].id not in drained.receipts
