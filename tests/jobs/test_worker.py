"""What a worker does, without accidents."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from database.connections import as_admin, own_connection
from jobs import durations
from jobs.models import Statistic, Worker
from tests.jobs.queueapp.models import Errand, Parcel, Receipt
from tests.jobs.workers import WorkerProcess, eventually, reached

Start = Callable[..., WorkerProcess]

# The time limit of a job that something else is to end.
A_MINUTE = {"TEST_ERRAND_LIMIT": "60"}


def idle(worker: WorkerProcess) -> None:
    """Until it has run a job, so that its processes are warm."""
    [job] = Errand.objects.enqueue([Errand()])
    reached(job, "completed", within=20)


def test_jobs_run_in_the_order_of_the_line(start_worker: Start) -> None:
    jobs = Errand.objects.enqueue([Errand(priority=p) for p in (3, 10, 5, 5, 1)])

    start_worker("--drain", "--concurrency", "1").wait()

    ran = [receipt.job_id for receipt in Receipt.objects.order_by("id")]
    assert ran == [jobs[i].id for i in (1, 2, 3, 0, 4)]


def test_a_row_inserted_by_plain_sql_runs_at_once(start_worker: Start) -> None:
    # Without the bell it would be found after a minute.
    idle(start_worker("--poll", "60"))

    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO test_errands DEFAULT VALUES RETURNING id")
        [key] = cursor.fetchone()

    reached(Errand.objects.get(pk=key), "completed", within=20)


def test_a_job_retried_by_hand_runs_at_once(start_worker: Start) -> None:
    idle(start_worker("--poll", "60"))
    [job] = Errand.objects.enqueue([Errand(payload={"do": "give_up"})])
    reached(job, "failed", within=20)
    Errand.objects.filter(pk=job.pk).update(payload={})

    Errand.objects.filter(pk=job.pk).retry()

    reached(job, "completed", within=20)


def test_without_the_bell_the_poll_finds_the_work(start_worker: Start) -> None:
    idle(start_worker("--poll", "0.3"))
    with as_admin(connection), own_connection() as admin:
        admin.execute("SET session_replication_role = replica")  # triggers keep silent
        admin.execute("INSERT INTO test_parcels DEFAULT VALUES")

    reached(Parcel.objects.get(), "completed", within=20)


def test_two_workers_run_each_job_exactly_once(start_worker: Start, tmp_path: Path) -> None:
    word = tmp_path / "word"
    waits = {"do": "wait_then_write", "word": str(word)}
    # One worker has two places, so three at a time are two workers.
    Errand.objects.enqueue([Errand(payload=waits, priority=9) for _ in range(3)])
    Errand.objects.enqueue([Errand() for _ in range(147)])
    Parcel.objects.enqueue([Parcel() for _ in range(50)])

    workers = [start_worker("--drain", **A_MINUTE) for _ in range(2)]
    running = Errand.objects.filter(priority=9, status="processing")
    eventually(lambda: running.count() == 3, what="the work of both")
    word.touch()

    assert [worker.wait(60) for worker in workers] == [0, 0]
    assert Errand.objects.filter(status="completed", attempt=1).count() == 150
    assert Parcel.objects.filter(status="completed", attempt=1).count() == 50
    assert Receipt.objects.count() == 200
    assert Receipt.objects.values("job_id").distinct().count() == 200
    assert Errand.objects.values("worker_id").distinct().count() == 2


def test_a_process_is_prepared_once_and_replaced_after_its_share(
    start_worker: Start, tmp_path: Path
) -> None:
    files = [tmp_path / str(number) for number in range(4)]
    Errand.objects.enqueue([Errand(payload={"do": "say", "file": str(file)}) for file in files])

    start_worker("--drain", "--concurrency", "1", "--recycle-after", "2").wait()

    said = [file.read_text(encoding="ascii").split() for file in files]
    assert [prepared for prepared, _ in said] == ["1"] * 4
    pids = [pid for _, pid in said]
    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_a_worker_of_one_queue_leaves_the_others_alone(start_worker: Start) -> None:
    [parcel] = Parcel.objects.enqueue([Parcel()])

    idle(start_worker("--queues", "errands"))

    parcel.refresh_from_db()
    assert parcel.status == "pending"


def test_an_unknown_queue_is_refused_with_the_queues_there_are(start_worker: Start) -> None:
    worker = start_worker("--queues", "erands")

    assert worker.wait() == 1
    assert "There is no queue 'erands'. There are:" in worker.logged()


# --- Cancelling ----------------------------------------------------------------------------------


def test_a_running_job_stops_when_it_is_cancelled(start_worker: Start, tmp_path: Path) -> None:
    file = tmp_path / "running"
    start_worker("--poll", "60", **A_MINUTE)
    [job] = Errand.objects.enqueue([Errand(payload={"do": "poll_for_cancel", "file": str(file)})])
    eventually(file.exists)

    assert Errand.objects.filter(pk=job.pk).cancel() == 1

    reached(job, "cancelled", within=20)
    assert job.error_message == "The job was cancelled while it ran."
    assert not job.cancel_requested


def test_a_job_that_does_not_stop_is_killed_after_the_grace(
    start_worker: Start, tmp_path: Path
) -> None:
    file = tmp_path / "running"
    start_worker("--poll", "60", **A_MINUTE)
    [job] = Errand.objects.enqueue([Errand(payload={"do": "loop", "file": str(file)})])
    eventually(file.exists)

    Errand.objects.filter(pk=job.pk).cancel()

    reached(job, "cancelled", within=20)
    assert job.error_message == "The job did not stop within 1 s of being cancelled."


# --- Stopping ------------------------------------------------------------------------------------


def begun(start_worker: Start, folder: Path, *arguments: str) -> tuple[WorkerProcess, Path]:
    """A worker in the middle of one job that waits for a word, and the file that gives it."""
    file, word = folder / "running", folder / "word"
    worker = start_worker(*arguments, **A_MINUTE)
    payload = {"do": "wait_then_write", "word": str(word), "file": str(file)}
    Errand.objects.enqueue([Errand(payload=payload | {"slow_attempts": 1})])
    eventually(file.exists)
    return worker, word


def stops(worker: WorkerProcess) -> bool:
    """Whether the worker has heard that it is to stop."""
    return '"worker stops"' in worker.logged()


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.heavy)]
)
def test_a_stopped_worker_lets_its_job_finish_and_claims_no_other(
    start_worker: Start, tmp_path: Path, number: int
) -> None:
    worker, word = begun(start_worker, tmp_path, "--concurrency", "1")
    waits = Errand.objects.enqueue([Errand()])[0]

    worker.send(number)
    eventually(lambda: stops(worker))
    word.touch()

    assert worker.wait() == 0
    assert Errand.objects.exclude(pk=waits.pk).get().status == "completed"
    waits.refresh_from_db()
    assert waits.status == "queued"
    assert Worker.objects.get().stopped_at is not None


def test_a_signal_to_the_whole_group_lets_the_job_finish_too(
    start_worker: Start, tmp_path: Path
) -> None:
    worker, word = begun(start_worker, tmp_path)

    for pid in worker.family():
        WorkerProcess.send_to(pid, signal.SIGTERM)
    eventually(lambda: stops(worker))
    word.touch()

    assert worker.wait() == 0
    assert Errand.objects.get().status == "completed"


@pytest.mark.heavy
def test_when_the_grace_is_over_the_job_is_put_back_uncounted(
    start_worker: Start, tmp_path: Path
) -> None:
    worker, _ = begun(start_worker, tmp_path, "--grace", "0.3")

    worker.send(signal.SIGTERM)

    assert worker.wait(30) == 0
    job = Errand.objects.get()
    assert (job.status, job.retry_count) == ("retrying", 0)
    assert job.error_message == "The worker was stopped before the job was done."
    assert not Receipt.objects.exists()
    start_worker("--drain").wait()
    job.refresh_from_db()
    assert (job.status, job.attempt) == ("completed", 2)


def test_a_second_signal_ends_the_grace(start_worker: Start, tmp_path: Path) -> None:
    worker, _ = begun(start_worker, tmp_path, "--grace", "60")

    worker.send(signal.SIGTERM)
    eventually(lambda: stops(worker))
    worker.send(signal.SIGTERM)

    assert worker.wait(30) == 0
    assert Errand.objects.get().status == "retrying"


@pytest.mark.parametrize(
    "payload",
    [
        "('{\"do\": 1' || repeat('0', 5000) || '}')::jsonb",
        "(repeat('[', 3000) || repeat(']', 3000))::jsonb",
    ],
    ids=["a number of 5,000 digits", "3,000 brackets"],
)
def test_a_payload_that_cannot_be_read_fails_its_own_job_alone(
    start_worker: Start, payload: str
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO test_errands (payload, max_retries, priority) VALUES ({payload}, 0, 10)"
            " RETURNING id"
        )
        [poisoned] = cursor.fetchone()
    [sound] = Errand.objects.enqueue([Errand()])

    assert start_worker("--drain", "--concurrency", "1").wait() == 0

    ended = dict(Errand.objects.values_list("id", "status"))
    assert ended == {poisoned: "failed", sound.id: "completed"}


def test_a_worker_counts_what_it_ran(start_worker: Start) -> None:
    Errand.objects.enqueue(
        [
            Errand(payload={"do": "write", "finish": True}),
            Errand(payload={"do": "write"}),
            Errand(payload={"do": "fail"}, max_retries=0),
        ]
    )
    Parcel.objects.enqueue([Parcel(payload={"do": "write", "finish": True})])

    start_worker("--drain").wait()

    errands = Statistic.objects.get(table_name="test_errands", minute=None)
    assert (errands.done, errands.failed, errands.retried, errands.cancelled) == (2, 1, 0, 0)
    assert (sum(errands.waits), sum(errands.runs)) == (3, 3)
    assert errands.run_seconds > 0
    assert Statistic.objects.get(table_name="test_parcels", minute=None).done == 1
    by_minute = Statistic.objects.filter(table_name="test_errands").exclude(minute=None)
    assert sum(row.done for row in by_minute) == 2


def test_jobs_are_estimated_by_how_long_others_took(start_worker: Start, tmp_path: Path) -> None:
    """Half of the last hour's jobs took about 8 s, so one that begins now is to end in 8 s."""
    runs = durations.empty()
    runs[durations.class_of(8.0)] = 10
    Statistic.objects.create(
        table_name="test_errands",
        minute=timezone.now().replace(second=0, microsecond=0),
        waits=durations.empty(),
        runs=runs,
    )
    word = tmp_path / "word"
    waits = {"do": "wait_then_write", "word": str(word)}
    [job] = Errand.objects.enqueue([Errand(payload=waits)])

    start_worker("--concurrency", "1", **A_MINUTE)
    reached(job, "processing")
    word.touch()

    assert job.started_at is not None
    assert job.estimated_completion_at is not None
    assert 7 < (job.estimated_completion_at - job.started_at).total_seconds() < 9
