"""Each way a job can end, in a real worker that drains them all at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from jobs.models import Attempt, Job, Line, Queue, Statistic, Worker
from tests.jobs.queueapp.models import Errand, Parcel, Receipt
from tests.jobs.workers import PACE, WorkerProcess, nothing_left_behind, runs

pytestmark = pytest.mark.heavy

ACTOR = UUID("01900000-0000-7000-8000-000000000001")

# Name: (model, payload, fields).
JOBS: dict[str, tuple[type[Errand | Parcel], dict[str, Any], dict[str, Any]]] = {
    "written": (Errand, {"do": "write"}, {"user_id": ACTOR}),
    "in a thread": (Parcel, {"do": "write"}, {}),
    "finished itself": (Errand, {"do": "finish_itself", "die": True}, {}),
    "fails": (Errand, {"do": "fail", "error": "Mrs Smith"}, {"max_retries": 1}),
    "fails with odd text": (Errand, {"do": "fail_oddly"}, {"max_retries": 0}),
    "fails in a thread": (Parcel, {"do": "fail", "error": "Mrs Smith"}, {"max_retries": 1}),
    "fails once": (Errand, {"do": "fail_once"}, {}),
    "gives up": (Errand, {"do": "give_up"}, {}),
    "fails for good": (Errand, {"do": "fail_for_good"}, {}),
    # Its second attempt keeps the worker at work until the thread below has come to its end.
    "retries after": (Errand, {"do": "retry_after", "seconds": 8.5}, {"max_retries": 1}),
    "is unknown": (Errand, {"do": "dance"}, {"max_retries": 0}),
    "exits": (Errand, {"do": "exit_at_once", "code": 3}, {"max_retries": 1}),
    "leaves": (Errand, {"do": "sys_exit"}, {"max_retries": 0}),
    "closes all": (Errand, {"do": "close_everything"}, {"max_retries": 0}),
    "loops": (Errand, {"do": "loop"}, {"max_retries": 0}),
    "starts a program": (Errand, {"do": "start_program_and_loop"}, {"max_retries": 0}),
    "sleeps in a thread": (Parcel, {"do": "sleep_then_write", "seconds": 7}, {"max_retries": 0}),
    "eats memory": (Errand, {"do": "eat_memory"}, {"max_retries": 0}),
}


@dataclass
class Drained:
    """What the worker left."""

    jobs: dict[str, Job]
    receipts: dict[UUID, list[Receipt]]
    exit_code: int
    log: str
    program: int
    worker: Worker


@pytest.fixture(scope="module")
def drained(
    django_db_setup: None,
    django_db_blocker: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Drained]:
    """One worker with three processes and threads runs every job until none is left."""
    folder = tmp_path_factory.mktemp("endings")
    with django_db_blocker.unblock():
        try:
            yield drain(folder)
        finally:
            for model in (Errand, Parcel, Receipt, Worker, Attempt, Line, Queue, Statistic):
                model._default_manager.all().delete()


def drain(folder: Path) -> Drained:
    program = folder / "program"
    jobs: dict[str, Job] = {}
    for name, (model, payload, fields) in JOBS.items():
        if name == "starts a program":
            payload["file"] = str(program)
        jobs[name] = model(payload=payload, **fields)
        jobs[name].save()
    arguments = ("--drain", "--queues", "errands,parcels", "--concurrency", "3")
    with nothing_left_behind() as pids:
        worker = WorkerProcess(
            folder / "log", "--memory-limit", "400", "--poll", "0.2", *arguments, pace=PACE
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
    pid = int(program.read_text(encoding="ascii"))
    return Drained(jobs, receipts, exit_code, worker.logged(), pid, Worker.objects.get())


def test_a_drained_worker_ends_well_and_says_so(drained: Drained) -> None:
    assert drained.exit_code == 0
    assert drained.worker.stopped_at is not None
    assert drained.worker.queues == ["errands", "parcels"]


def test_a_job_runs_for_its_person(drained: Drained) -> None:
    job = drained.jobs["written"]

    assert job.status == "completed"
    [receipt] = drained.receipts[job.id]
    assert receipt.actor == str(ACTOR)
    assert receipt.pid != drained.worker.pid


def test_a_job_of_a_thread_runs_in_the_worker(drained: Drained) -> None:
    job = drained.jobs["in a thread"]

    assert job.status == "completed"
    [receipt] = drained.receipts[job.id]
    assert receipt.pid == drained.worker.pid


def test_a_job_that_finished_itself_stays_done_though_its_process_died(drained: Drained) -> None:
    job = drained.jobs["finished itself"]

    assert (job.status, job.attempt, job.retry_count) == ("completed", 1, 0)
    assert len(drained.receipts[job.id]) == 1


@pytest.mark.parametrize("name", ["fails", "fails in a thread"])
def test_an_error_is_retried_then_kept(drained: Drained, name: str) -> None:
    job = drained.jobs[name]

    assert (job.status, job.attempt, job.retry_count) == ("failed", 2, 1)
    assert job.error_message == "ValueError: Mrs Smith"


def test_an_error_with_odd_text_keeps_no_other_job_from_ending(drained: Drained) -> None:
    job = drained.jobs["fails with odd text"]

    assert job.error_message == "ValueError: a\N{REPLACEMENT CHARACTER}b?"


def test_a_job_that_fails_once_is_completed_by_its_second_attempt(drained: Drained) -> None:
    job = drained.jobs["fails once"]

    assert (job.status, job.attempt, job.retry_count) == ("completed", 2, 1)
    assert job.error_message == "ValueError: the first time always fails"


def test_a_job_that_gives_up_is_not_retried(drained: Drained) -> None:
    job = drained.jobs["gives up"]

    assert (job.status, job.attempt) == ("failed", 1)
    assert job.error_message == "the shop has burnt down"


def test_an_error_that_calls_itself_permanent_is_not_retried(drained: Drained) -> None:
    job = drained.jobs["fails for good"]

    assert (job.status, job.attempt) == ("failed", 1)
    assert job.error_message == "the list is empty"


def test_a_handler_decides_when_it_is_tried_again(drained: Drained) -> None:
    job = drained.jobs["retries after"]

    assert (job.status, job.attempt, job.error_message) == ("failed", 2, "the shop is closed")
    assert job.started_at is not None
    assert (job.started_at - job.created_at).total_seconds() > 8.5


def test_a_handler_without_an_answer_fails_its_job_alone(drained: Drained) -> None:
    assert drained.jobs["is unknown"].error_message == "KeyError: 'dance'"


def test_a_process_that_exits_fails_its_job_with_the_exit_code(drained: Drained) -> None:
    job = drained.jobs["exits"]

    assert (job.status, job.attempt) == ("failed", 2)
    assert job.error_message == "The process that ran the job ended with exit code 3."


def test_a_handler_that_leaves_python_does_not_take_its_process_along(drained: Drained) -> None:
    assert drained.jobs["leaves"].error_message == "SystemExit: leaving"


def test_a_process_that_cuts_its_own_lines_is_replaced(drained: Drained) -> None:
    job = drained.jobs["closes all"]

    assert job.status == "failed"
    assert job.error_message is not None
    assert job.error_message.startswith("The process that ran the job was killed by SIGKILL")


def test_a_job_that_loops_is_stopped_at_its_time_limit(drained: Drained) -> None:
    job = drained.jobs["loops"]

    assert job.error_message == "The job ran longer than 3 s and was stopped."
    assert job.completed_at is not None
    assert job.started_at is not None
    assert 3 <= (job.completed_at - job.started_at).total_seconds() < 10


def test_what_a_job_has_started_is_killed_with_it(drained: Drained) -> None:
    assert drained.jobs["starts a program"].status == "failed"
    assert not runs(drained.program)


def test_a_thread_that_overruns_is_let_go_and_its_late_write_refused(drained: Drained) -> None:
    job = drained.jobs["sleeps in a thread"]

    assert job.status == "failed"
    assert job.error_message == "The job ran longer than 3 s and was stopped."
    assert job.id not in drained.receipts


def test_a_job_that_eats_memory_is_stopped(drained: Drained) -> None:
    message = drained.jobs["eats memory"].error_message

    assert message is not None
    assert "more than the 400 MB it may, and was stopped" in message


def test_the_log_names_jobs_and_never_what_is_in_them(drained: Drained) -> None:
    for job in drained.jobs.values():
        assert str(job.id) in drained.log
    assert "Smith" not in drained.log
    assert '"do"' not in drained.log
