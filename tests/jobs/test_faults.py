"""Accidents: real processes, real kills, a real network that fails."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from jobs.models import Worker
from jobs.moments import database_now
from jobs.worker.heart import Heart
from jobs.worker.options import Options
from tests.jobs.proxy import Mode, Proxy
from tests.jobs.queueapp.models import Errand, Parcel, Receipt
from tests.jobs.workers import WorkerProcess, cut_connections, eventually, reached, runs

pytestmark = pytest.mark.heavy

# Written and finished in one transaction, so that a receipt stands for a completion.
BRIEF = {"do": "sleep_then_write", "seconds": 0.05, "finish": True}

# The time limit of a job whose first attempt only an accident is to end.
A_MINUTE = {"TEST_ERRAND_LIMIT": "60"}

Start = Callable[..., WorkerProcess]


def errand(folder: Path, do: str = "sleep_then_write", **payload: object) -> tuple[Errand, Path]:
    """A job whose first attempt takes its time, and the file in which it says where it runs."""
    file = folder / f"running{Errand.objects.count()}"
    payload = {"do": do, "file": str(file), "seconds": 50, "slow_attempts": 1, **payload}
    [job] = Errand.objects.enqueue([Errand(payload=payload)])
    return job, file


def pid_in(file: Path) -> int:
    """The process that runs the job, as soon as it does."""
    return int(eventually(lambda: file.exists() and file.read_text(encoding="ascii")))


@pytest.fixture
def proxy(transactional_db: None) -> Iterator[Proxy]:
    made = Proxy()
    yield made
    made.close()


# --- Killed --------------------------------------------------------------------------------------


def test_the_job_of_a_killed_worker_runs_again_once(start_worker: Start, tmp_path: Path) -> None:
    first = start_worker(**A_MINUTE)
    job, file = errand(tmp_path)
    child = pid_in(file)
    start_worker(**A_MINUTE)

    family = first.family()
    first.send(signal.SIGKILL)

    eventually(lambda: not any(runs(pid) for pid in family), within=20, what="the family's end")
    assert not runs(child)
    reached(job, "completed")
    assert (job.attempt, job.retry_count) == (2, 1)
    assert job.error_message is not None
    assert job.error_message.endswith("stopped answering.")
    assert Receipt.objects.count() == 1


@pytest.mark.timeout(90)
def test_at_the_real_pace_a_killed_workers_jobs_run_again_within_25_seconds(
    start_worker: Start, tmp_path: Path
) -> None:
    first = start_worker("--concurrency", "4", pace=1.0, **A_MINUTE)
    jobs = [errand(tmp_path) for _ in range(4)]
    for _, file in jobs:
        pid_in(file)
    start_worker("--concurrency", "4", pace=1.0, **A_MINUTE)
    eventually(lambda: Worker.objects.count() == 2)

    first.send(signal.SIGKILL)
    killed = database_now()

    for job, _ in jobs:
        reached(job, "completed", within=40)
        assert job.attempt == 2
        assert job.started_at is not None
        assert (job.started_at - killed).total_seconds() < 25
    assert Receipt.objects.count() == 4


@pytest.mark.timeout(300)
def test_over_many_kills_nothing_is_lost_and_nothing_done_twice(
    start_worker: Start, tmp_path: Path
) -> None:
    sent = 0

    def holds_some(worker: WorkerProcess) -> bool:
        """Whether it does; meanwhile the other one must not use up all there is."""
        nonlocal sent
        if Errand.objects.live().count() < 40:
            Errand.objects.enqueue([Errand(payload=BRIEF, max_retries=50) for _ in range(40)])
            sent += 40
        running = Errand.objects.filter(status="processing")
        return running.filter(worker_id__contains=f":{worker.pid}:").exists()

    start_worker("--concurrency", "1")
    for _ in range(10):
        victim = start_worker("--concurrency", "4")
        eventually(lambda victim=victim: holds_some(victim))  # type: ignore[misc]
        victim.send(signal.SIGKILL)

    eventually(lambda: not Errand.objects.live().exists(), within=90)
    assert Errand.objects.filter(status="completed").count() == sent
    assert Receipt.objects.count() == sent


def test_a_killed_process_costs_its_job_one_retry(start_worker: Start, tmp_path: Path) -> None:
    start_worker(**A_MINUTE)
    job, file = errand(tmp_path)

    os.kill(pid_in(file), signal.SIGKILL)

    reached(job, "completed")
    assert (job.attempt, job.retry_count) == (2, 1)
    assert job.error_message is not None
    assert "was killed by SIGKILL" in job.error_message


def test_a_process_that_crashes_costs_its_job_one_retry(
    start_worker: Start, tmp_path: Path
) -> None:
    start_worker(**A_MINUTE)
    job, file = errand(tmp_path)

    os.kill(pid_in(file), signal.SIGSEGV)

    reached(job, "completed")
    assert job.error_message == "The process that ran the job was killed by SIGSEGV."


def test_an_idle_process_that_is_killed_is_replaced(start_worker: Start, tmp_path: Path) -> None:
    worker = start_worker("--concurrency", "1")
    first, file = errand(tmp_path, seconds=0)
    child = pid_in(file)
    reached(first, "completed")

    os.kill(child, signal.SIGKILL)
    eventually(lambda: "an idle job process ended" in worker.logged())

    second, file = errand(tmp_path, seconds=0)
    assert pid_in(file) != child
    reached(second, "completed")
    assert second.attempt == 1


def test_the_worker_survives_the_end_of_its_fork_server(
    start_worker: Start, tmp_path: Path
) -> None:
    worker = start_worker("--concurrency", "1", **A_MINUTE)
    job, file = errand(tmp_path)
    child = pid_in(file)
    stat = Path(f"/proc/{child}/stat").read_text(encoding="ascii")
    fork_server = int(stat.rpartition(")")[2].split()[1])
    assert fork_server != worker.pid

    os.kill(fork_server, signal.SIGKILL)

    eventually(lambda: not runs(child), within=20, what="the children's end")
    reached(job, "completed")
    assert job.attempt == 2


# --- Stopped for a while -------------------------------------------------------------------------


def test_what_a_worker_writes_after_its_lease_is_refused(
    start_worker: Start, tmp_path: Path
) -> None:
    """The whole worker sleeps (as a machine does), wakes, and finds its job done by another."""
    sleeper = start_worker(**A_MINUTE)
    word = tmp_path / "word"
    job, file = errand(tmp_path, "wait_then_write", word=str(word))
    pid_in(file)
    family = sleeper.family()
    for pid in family:
        WorkerProcess.send_to(pid, signal.SIGSTOP)

    start_worker(**A_MINUTE)
    reached(job, "completed")
    assert job.attempt == 2
    word.touch()
    for pid in family:
        WorkerProcess.send_to(pid, signal.SIGCONT)

    # The sleeper finds out, and works again.
    eventually(lambda: "stops its jobs" in sleeper.logged(), within=20)
    woken = Worker.objects.filter(pid=sleeper.pid, last_seen_at__gt=job.completed_at)
    eventually(woken.exists, within=20)
    time.sleep(1.0)
    job.refresh_from_db()
    assert (job.status, job.attempt) == ("completed", 2)
    assert [receipt.attempt for receipt in Receipt.objects.all()] == [2]


def test_a_late_child_of_a_stopped_worker_may_not_write(
    start_worker: Start, tmp_path: Path
) -> None:
    """Only the worker sleeps; its child goes on, and finishes after another did."""
    sleeper = start_worker(**A_MINUTE)
    word = tmp_path / "word"
    job, file = errand(tmp_path, "wait_then_write", word=str(word))
    child = pid_in(file)
    sleeper.send(signal.SIGSTOP)
    start_worker(**A_MINUTE)
    reached(job, "completed")
    word.touch()

    eventually(lambda: "lost its lease while it ran" in sleeper.logged(), within=30)

    assert runs(child)
    assert [receipt.attempt for receipt in Receipt.objects.all()] == [2]


# --- The database away ---------------------------------------------------------------------------


def test_cut_connections_are_made_again(start_worker: Start) -> None:
    worker = start_worker()
    jobs: list[Errand] = []
    for _ in range(3):
        longer = {**BRIEF, "seconds": 1.5}  # so that the cut finds one that runs
        payloads = [longer, *[BRIEF] * 20]
        jobs += Errand.objects.enqueue([Errand(payload=each, max_retries=9) for each in payloads])
        eventually(lambda: Errand.objects.filter(status="processing").exists())
        eventually(lambda: cut_connections("lacuna%") > 0)
        time.sleep(0.3)

    for job in jobs:
        reached(job, "completed")
    assert Receipt.objects.count() == 63
    assert runs(worker.pid)


def test_a_server_that_restarts_is_waited_for(
    start_worker: Start, proxy: Proxy, tmp_path: Path
) -> None:
    start_worker(DATABASE_URL=proxy.url)
    job, file = errand(tmp_path, seconds=1.0)
    pid_in(file)

    proxy.mode = Mode.REFUSE
    time.sleep(1.0)
    waits = Parcel.objects.enqueue([Parcel()])[0]
    proxy.mode = Mode.FORWARD

    reached(waits, "completed")
    reached(job, "completed")
    assert Receipt.objects.filter(job_id=job.id).count() == 1


def test_a_worker_that_is_cut_off_stops_its_jobs_and_goes_on_later(
    start_worker: Start, proxy: Proxy, tmp_path: Path
) -> None:
    worker = start_worker(DATABASE_URL=proxy.url, **A_MINUTE)
    job, file = errand(tmp_path)
    child = pid_in(file)

    proxy.mode = Mode.SILENT

    eventually(lambda: not runs(child), within=30, what="the child's end before its time limit")
    assert "cannot reach the database and stops its jobs" in worker.logged()
    proxy.mode = Mode.FORWARD
    reached(job, "completed")
    assert job.attempt == 2
    assert job.error_message == "The worker could not reach the database and stopped the job."
    assert job.retry_count == 0


def test_a_worker_starts_before_its_server(start_worker: Start, proxy: Proxy) -> None:
    proxy.mode = Mode.REFUSE
    [job] = Errand.objects.enqueue([Errand()])
    worker = start_worker(DATABASE_URL=proxy.url)
    eventually(lambda: "heartbeat failed" in worker.logged(), within=20)

    proxy.mode = Mode.FORWARD

    reached(job, "completed")


def test_a_worker_ends_without_its_server(
    start_worker: Start, proxy: Proxy, tmp_path: Path
) -> None:
    worker = start_worker("--grace", "0", DATABASE_URL=proxy.url, **A_MINUTE)
    _, file = errand(tmp_path)
    child = pid_in(file)
    proxy.mode = Mode.REFUSE

    worker.send(signal.SIGTERM)

    assert worker.wait(30) == 0
    eventually(lambda: not runs(child), within=10, what="the child's end")


def test_an_outcome_that_the_database_refuses_keeps_no_other_from_being_told(
    start_worker: Start, owner: psycopg.Connection[Any]
) -> None:
    owner.execute(
        "CREATE FUNCTION refuse_completion() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'not this one'; END $$"
    )
    owner.execute(
        "CREATE TRIGGER refuse_completion BEFORE UPDATE ON test_errands FOR EACH ROW"
        " WHEN (NEW.status = 'completed' AND NEW.priority = 7)"
        " EXECUTE FUNCTION refuse_completion()"
    )
    try:
        jobs = Errand.objects.enqueue([Errand(priority=p, max_retries=0) for p in (5, 7, 9)])
        start_worker("--drain", "--concurrency", "3").wait()
    finally:
        owner.execute("DROP FUNCTION refuse_completion CASCADE")

    for job in jobs:
        job.refresh_from_db()
    assert [job.status for job in jobs] == ["completed", "failed", "completed"]
    message = jobs[1].error_message
    assert message is not None
    assert message.startswith("The outcome (done) could not be written: not this one")


def test_every_worker_has_a_name_of_its_own() -> None:
    names = {
        Heart(Options(queues=()), on_lapse=lambda: None, wake=lambda: None).name for _ in range(3)
    }

    assert len(names) == 3
    assert all(f":{os.getpid()}:" in name for name in names)
