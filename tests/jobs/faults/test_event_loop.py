"""What one coroutine can do to the hundred others that share its event loop, and to the worker."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.jobs.faults.ledger import delivered_once, holds, outcomes, send
from tests.jobs.queueapp.models import Receipt, Telegram
from tests.jobs.workers import WorkerProcess, eventually, reached, runs

pytestmark = pytest.mark.heavy

Start = Callable[..., WorkerProcess]

A_MINUTE = {"TEST_TELEGRAM_LIMIT": "60"}


def test_a_job_that_blocks_the_loop_is_found_by_name_and_the_others_are_handed_back(
    start_telegraph: Start, tmp_path: Path
) -> None:
    worker = start_telegraph(**A_MINUTE)  # a loop is given up after 3 s
    file, word = tmp_path / "running", tmp_path / "word"
    others = send(30, seconds=50, slow_attempts=1)
    holds(worker, 30)
    blocks = {"slow_attempts": 1, "word": str(word), "file": str(file)}
    [culprit] = send(1, "block", retries=3, seconds=100, **blocks)
    eventually(file.exists, within=20)

    delivered_once(31)  # without waiting for the one that blocks

    job = Telegram.objects.get(pk=culprit)
    assert (job.attempt, job.retry_count) == (2, 1)
    assert job.error_message is not None
    assert job.error_message.startswith("The job blocked the event loop for")
    handed_back = Telegram.objects.filter(id__in=others)
    assert set(handed_back.values_list("attempt", "retry_count", "error_message")) == {
        (2, 0, f"Job {culprit} blocked the event loop of this worker.")
    }
    assert outcomes() == {"released": 30, "failed": 1}
    assert "a job blocks the event loop" in worker.logged()
    assert f'"job_id": "{culprit}"' in worker.logged()
    assert "time.sleep" in worker.logged(), "where it blocks"
    # The abandoned loop comes to itself, and may not write.
    word.touch()
    time.sleep(1.0)
    assert Receipt.objects.filter(job_id=culprit).count() == 1
    assert runs(worker.pid)


def test_a_worker_whose_loops_are_blocked_again_and_again_gives_way_to_another(
    start_telegraph: Start,
) -> None:
    worker = start_telegraph(pace=0.02, **A_MINUTE)  # 0.6 s for each loop
    send(8, "block", seconds=60, retries=0)

    assert worker.wait(60) == 70

    assert "too many handlers never return; the worker ends, start another" in worker.logged()
    messages = Telegram.objects.values_list("error_message", flat=True)
    assert [
        message for message in messages if "blocked the event loop for" not in str(message)
    ] == []


def test_a_cancelled_coroutine_stops(start_telegraph: Start, tmp_path: Path) -> None:
    """One that lets itself be cancelled, and one that does not."""
    worker = start_telegraph(**A_MINUTE)
    files = [tmp_path / "tidy", tmp_path / "stubborn"]
    [tidy] = send(1, "tidy_up", seconds=50, file=str(files[0]))
    [stubborn] = send(1, "swallow", seconds=12, file=str(files[1]))
    eventually(lambda: all(file.exists() for file in files), within=20)
    began = time.monotonic()

    assert Telegram.objects.all().cancel() == 2

    for key in (tidy, stubborn):
        job = reached(Telegram.objects.get(pk=key), "cancelled", within=11)
        assert job.error_message == "The job did not stop within 1 s of being cancelled."
    send(100, seconds=0.1)
    eventually(lambda: Telegram.objects.filter(status="completed").count() == 100)
    time.sleep(max(0.0, 13 - (time.monotonic() - began)))  # the stubborn one comes to its end
    assert not Receipt.objects.filter(job_id=stubborn).exists()
    assert runs(worker.pid)


def test_a_coroutine_that_ends_the_worker_costs_each_of_its_jobs_one_retry(
    start_telegraph: Start,
) -> None:
    worker = start_telegraph(**A_MINUTE)
    send(40, seconds=50, slow_attempts=1)
    holds(worker, 40)
    send(1, "exit_at_once", slow_attempts=1, code=3)

    assert worker.wait(30) == 3
    start_telegraph(**A_MINUTE)

    delivered_once(41)
    assert set(Telegram.objects.values_list("attempt", "retry_count")) == {(2, 1)}
    assert outcomes() == {"lost": 41}


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        ("tests.jobs.queueapp.broken.run", "RuntimeError: the telegraph has no mast"),
        ("tests.jobs.queueapp.absent.run", "ModuleNotFoundError: No module named"),
        (
            "tests.jobs.queueapp.handlers.run_errand",
            "The handler of the queue 'telegrams' is no coroutine function.",
        ),
    ],
)
def test_a_handler_that_cannot_be_had_fails_each_job_with_the_reason(
    start_telegraph: Start, handler: str, message: str
) -> None:
    send(3, "noop", retries=0)

    worker = start_telegraph("--drain", TEST_TELEGRAM_HANDLER=handler)

    assert worker.wait() == 0
    for job in Telegram.objects.all():
        assert job.status == "failed"
        assert str(job.error_message).startswith(message)


def test_a_stopped_worker_lets_short_jobs_end_and_hands_back_long_ones(
    start_telegraph: Start, tmp_path: Path
) -> None:
    worker = start_telegraph("--grace", "4", **A_MINUTE)
    word = tmp_path / "word"
    short = send(50, "wait", word=str(word))
    long = send(50, seconds=50)
    holds(worker, 100)
    asked = time.monotonic()

    worker.send(signal.SIGTERM)
    word.touch()

    assert worker.wait(30) == 0
    assert time.monotonic() - asked >= 4
    ended = Telegram.objects.filter(id__in=short).values_list("status", "attempt")
    assert set(ended) == {("completed", 1)}
    handed_back = Telegram.objects.filter(id__in=long)
    assert set(handed_back.values_list("status", "attempt", "retry_count", "error_message")) == {
        ("retrying", 1, 0, "The worker was stopped before the job was done.")
    }
    assert Receipt.objects.count() == 50
    assert outcomes() == {"released": 50}


def test_a_stopped_worker_ends_though_a_thread_of_a_coroutine_never_returns(
    start_telegraph: Start,
) -> None:
    worker = start_telegraph("--grace", "0.5", **A_MINUTE)
    send(1, "write_late", seconds=3600)
    holds(worker, 1)
    time.sleep(0.5)

    worker.send(signal.SIGTERM)

    assert worker.wait(30) == 0
    [job] = Telegram.objects.all()
    assert (job.status, job.retry_count) == ("retrying", 0)


def test_threads_of_coroutines_that_never_return_do_not_keep_others_from_theirs(
    start_telegraph: Start,
) -> None:
    worker = start_telegraph()
    send(7, "write_late", seconds=3600, retries=0)
    eventually(lambda: Telegram.objects.filter(status="failed").count() == 7)

    later = send(20, "write")

    done = Telegram.objects.filter(id__in=later, status="completed")
    eventually(lambda: done.count() == 20)
    assert runs(worker.pid)


def test_after_too_many_of_them_the_worker_gives_way_to_another(start_telegraph: Start) -> None:
    worker = start_telegraph()
    send(100, "write_late", seconds=3600, retries=0)

    assert worker.wait(45) == 70

    assert "too many handlers never return; the worker ends, start another" in worker.logged()
    later = send(20, "write")
    start_telegraph()
    done = Telegram.objects.filter(id__in=later, status="completed")
    eventually(lambda: done.count() == 20)
