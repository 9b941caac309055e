"""The statements that move jobs."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from database.connections import own_connection
from database.fields import uuid7
from jobs.claiming import Held, Terms
from jobs.errors import DuplicateJob
from jobs.models import Worker
from jobs.outcomes import Outcome, Verdict
from jobs.retry import RetryRule
from tests.jobs.queueapp.models import Errand, Parcel

pytestmark = pytest.mark.django_db

LIMIT = timedelta(minutes=1)
LEASE = timedelta(seconds=20)
NOW = RetryRule(base=0, cap=0)


def claim_one(worker: str = "w1") -> Errand:
    [job] = Errand.objects.claim(worker, 1, time_limit=LIMIT)
    return job


def waiting(**fields: Any) -> Errand:
    [job] = Errand.objects.enqueue([Errand(**fields)])
    return job


def running(worker: str = "w1", **fields: Any) -> Errand:
    waiting(**fields)
    return claim_one(worker)


def seen(name: str, ago: float, **fields: Any) -> Worker:
    moment = timezone.now() - timedelta(seconds=ago)
    return Worker.objects.create(
        name=name, hostname="h", pid=1, queues=["errands"], last_seen_at=moment, **fields
    )


def rescue(model: type[Errand | Parcel] = Errand) -> dict[UUID, str]:
    return model.objects.rescue(lease=LEASE, overdue=timedelta(seconds=30), rule=NOW)


# --- Claims --------------------------------------------------------------------------------------


def test_the_highest_priority_goes_first_then_the_oldest() -> None:
    third = waiting(priority=5)
    fourth = waiting(priority=5)
    first = waiting(priority=10)
    last = waiting(priority=1)
    second = waiting(priority=6)

    claimed = Errand.objects.claim("w1", 5, time_limit=LIMIT)

    assert [job.id for job in claimed] == [job.id for job in (first, second, third, fourth, last)]


def test_a_claim_takes_no_more_than_the_free_slots() -> None:
    for _ in range(3):
        waiting()

    assert len(Errand.objects.claim("w1", 2, time_limit=LIMIT)) == 2
    assert Errand.objects.claim("w1", 0, time_limit=LIMIT) == []
    assert Errand.objects.ready().count() == 1


def test_a_claimed_job_carries_worker_attempt_and_deadline_by_the_databases_clock() -> None:
    waiting()

    job = claim_one()

    assert (job.status, job.attempt, job.worker_id) == ("processing", 1, "w1")
    assert job.deadline_at is not None
    assert job.started_at is not None
    assert job.deadline_at - job.started_at == LIMIT
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        assert job.started_at == cursor.fetchone()[0]


def test_a_job_that_is_held_back_is_claimed_only_after_its_moment() -> None:
    later = waiting(available_at=timezone.now() + timedelta(hours=1))
    due = waiting(available_at=timezone.now() - timedelta(seconds=1))

    assert Errand.objects.claim("w1", 2, time_limit=LIMIT) == []
    assert Errand.objects.promote() == 1
    assert claim_one().id == due.id
    later.refresh_from_db()
    assert later.status == "queued"


def test_a_row_of_plain_sql_is_claimed() -> None:
    with connection.cursor() as cursor:
        cursor.execute('INSERT INTO test_errands (payload) VALUES (\'{"do": "write"}\')')

    job = claim_one()

    assert (job.priority, job.max_retries, job.payload) == (5, 3, {"do": "write"})


def test_a_claim_uses_the_index_of_the_line() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO test_errands (status) SELECT 'completed' FROM generate_series(1, 2000)"
        )
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT id FROM test_errands WHERE status = 'queued' AND available_at IS NULL"
            " ORDER BY -priority, turn, id LIMIT 5 FOR UPDATE SKIP LOCKED"
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert "idx_test_errands_ready" in plan
    assert "Sort" not in plan


@pytest.mark.parametrize("priority", [0, 11])
def test_a_priority_beyond_1_to_10_is_refused_by_the_database(priority: int) -> None:
    with pytest.raises(Exception, match="errand_priority_check"):
        waiting(priority=priority)


# --- Unique keys ---------------------------------------------------------------------------------


def test_a_second_job_with_a_live_unique_key_is_refused() -> None:
    waiting(unique_key="a")

    with pytest.raises(DuplicateJob):
        waiting(unique_key="a")
    assert Errand.objects.count() == 1


def test_a_unique_key_is_free_again_when_its_job_has_ended() -> None:
    job = running(unique_key="a")
    assert Errand.objects.finish(job)

    assert waiting(unique_key="a").id != job.id


def test_a_failed_job_cannot_be_retried_while_its_like_waits() -> None:
    job = running(unique_key="a")
    Errand.objects.fail(job, "no", permanent=True)
    waiting(unique_key="a")

    with pytest.raises(DuplicateJob):
        Errand.objects.filter(pk=job.pk).retry()
    job.refresh_from_db()
    assert job.status == "failed"


# --- Ends ----------------------------------------------------------------------------------------


def test_a_finished_job_is_completed() -> None:
    job = running()

    assert Errand.objects.finish(job)

    job.refresh_from_db()
    assert job.status == "completed"
    assert job.completed_at is not None
    assert (job.worker_id, job.deadline_at) == ("w1", None)


def test_a_failure_is_retried_until_the_retries_are_spent() -> None:
    job = waiting(max_retries=2)
    seen_states = []
    for number in range(3):
        attempt = claim_one()
        assert Errand.objects.fail(attempt, f"error {number}", rule=NOW)
        job.refresh_from_db()
        seen_states.append((job.status, job.retry_count, job.error_message))
        Errand.objects.promote()

    assert seen_states == [
        ("retrying", 1, "error 0"),
        ("retrying", 2, "error 1"),
        ("failed", 2, "error 2"),
    ]
    assert job.completed_at is not None
    assert job.last_error_at is not None


def test_a_job_that_will_be_retried_belongs_to_no_worker() -> None:
    job = running()
    Errand.objects.fail(job, "no", delay=60)

    job.refresh_from_db()
    assert (job.status, job.worker_id, job.completed_at) == ("retrying", None, None)
    assert job.available_at is not None
    assert timedelta(seconds=50) < job.available_at - timezone.now() < timedelta(seconds=70)


def test_a_permanent_failure_is_not_retried() -> None:
    job = running()

    assert Errand.objects.fail(job, "never", permanent=True)

    job.refresh_from_db()
    assert (job.status, job.retry_count) == ("failed", 0)


def test_a_released_job_counts_no_retry() -> None:
    job = running(max_retries=0)

    Errand.objects.settle([Outcome(job.id, job.attempt, Verdict.RELEASED, "stopped")])

    job.refresh_from_db()
    assert (job.status, job.retry_count, job.error_message) == ("retrying", 0, "stopped")
    assert Errand.objects.promote() == 1
    assert claim_one("w2").attempt == 2


def test_an_outcome_of_an_older_attempt_has_no_effect() -> None:
    first = running()
    Errand.objects.settle([Outcome(first.id, first.attempt, Verdict.RELEASED)])
    Errand.objects.promote()
    second = claim_one("w2")

    assert not Errand.objects.finish(first)
    assert not Errand.objects.fail(first, "late")
    second.refresh_from_db()
    assert (second.status, second.worker_id, second.error_message) == ("processing", "w2", None)


def test_an_outcome_told_twice_takes_effect_once() -> None:
    job = running()

    assert Errand.objects.finish(job)
    assert not Errand.objects.finish(job)


def test_a_batch_settles_what_is_held_and_leaves_the_rest() -> None:
    one, two, three = running(), running(), running()
    Errand.objects.finish(two)

    settled = Errand.objects.settle(
        [
            Outcome(one.id, one.attempt, Verdict.DONE),
            Outcome(two.id, two.attempt, Verdict.FAILED, "late"),
            Outcome(three.id, three.attempt, Verdict.FAILED, "broken"),
            Outcome(uuid7(), 1, Verdict.DONE),
        ]
    )

    assert settled == {one.id: "completed", three.id: "failed"}


def test_exchange_settles_and_claims_together() -> None:
    job = running()
    next_one = waiting()

    late = Held(uuid7(), 1)

    lost, claimed = Errand.objects.exchange(
        [Held(job.id, job.attempt), late], Terms("w1", 2, time_limit=LIMIT)
    )

    assert lost == {late.id}
    assert [each.id for each in claimed] == [next_one.id]
    job.refresh_from_db()
    assert job.status == "completed"


def test_an_error_text_that_postgresql_cannot_hold_is_cleaned_and_cut() -> None:
    job = running()

    Errand.objects.fail(job, "a\x00b\ud800" + "x" * 9000)

    job.refresh_from_db()
    assert job.error_message is not None
    assert job.error_message.startswith("a\N{REPLACEMENT CHARACTER}b?x")
    assert len(job.error_message) == 4000


# --- Cancelling and retrying by hand -------------------------------------------------------------


def test_a_waiting_job_is_cancelled_at_once() -> None:
    job = waiting()

    assert Errand.objects.filter(pk=job.pk).cancel() == 1

    job.refresh_from_db()
    assert job.status == "cancelled"
    assert job.completed_at is not None


def test_a_running_job_is_asked_to_stop() -> None:
    job = running()

    assert Errand.objects.filter(pk=job.pk).cancel() == 1

    job.refresh_from_db()
    assert (job.status, job.cancel_requested) == ("processing", True)
    assert Errand.objects.running_with("w1") == {Held(job.id, job.attempt): True}


@pytest.mark.django_db(transaction=True)
def test_a_cancellation_in_the_moment_of_a_failure_is_not_lost() -> None:
    job = running()
    outcome = Outcome(job.id, job.attempt, Verdict.RETRY, "no")
    with own_connection() as other, ThreadPoolExecutor(1) as pool:
        other.autocommit = False
        other.execute("UPDATE test_errands SET cancel_requested = true")
        settled = pool.submit(settle_in_thread, outcome)
        wait_for_lock(other)
        other.commit()

    assert settled.result() == {job.id: "cancelled"}


def settle_in_thread(outcome: Outcome) -> dict[UUID, str]:
    try:
        return Errand.objects.settle([outcome])
    finally:
        connection.close()


def wait_for_lock(other: psycopg.Connection[Any]) -> None:
    """Until somebody waits for what this connection holds."""
    for _ in range(500):
        waiting = other.execute(
            "SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY"
            " (pg_blocking_pids(pid))"
        )
        if waiting.fetchone():
            return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def test_what_has_ended_cannot_be_cancelled() -> None:
    job = running()
    Errand.objects.finish(job)

    assert Errand.objects.filter(pk=job.pk).cancel() == 0


@pytest.mark.parametrize("verdict", [Verdict.RETRY, Verdict.RELEASED])
def test_a_cancelled_job_is_not_tried_again(verdict: Verdict) -> None:
    job = running()
    Errand.objects.filter(pk=job.pk).cancel()

    assert Errand.objects.settle([Outcome(job.id, 1, verdict)]) == {job.id: "cancelled"}


def test_a_job_that_finished_before_it_noticed_the_cancellation_is_done() -> None:
    job = running()
    Errand.objects.filter(pk=job.pk).cancel()

    assert Errand.objects.settle([Outcome(job.id, 1, Verdict.DONE)]) == {job.id: "completed"}


def test_a_failed_job_is_retried_with_its_retries_counted_anew() -> None:
    job = running(max_retries=0)
    Errand.objects.fail(job, "no")

    assert Errand.objects.filter(pk=job.pk).retry() == 1

    job.refresh_from_db()
    assert (job.status, job.retry_count, job.error_message) == ("retrying", 0, "no")
    assert Errand.objects.promote() == 1
    assert claim_one().attempt == 2


def test_only_failed_jobs_are_retried() -> None:
    waiting()
    running()

    assert Errand.objects.retry() == 0


def test_a_job_set_to_retrying_by_plain_sql_is_tried_again() -> None:
    job = running()
    Errand.objects.fail(job, "no", permanent=True)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE test_errands SET status = 'retrying' WHERE id = %s", [job.id])

    assert Errand.objects.promote() == 1


# --- Rescue --------------------------------------------------------------------------------------


def test_the_jobs_of_a_silent_worker_are_rescued() -> None:
    seen("dead", ago=21)
    seen("alive", ago=5)
    lost = running("dead")
    kept = running("alive")

    assert rescue() == {lost.id: "retrying"}

    lost.refresh_from_db()
    assert lost.error_message == "The worker dead stopped answering."
    assert (lost.retry_count, lost.worker_id) == (1, None)
    kept.refresh_from_db()
    assert kept.status == "processing"


def test_a_job_whose_retries_are_spent_is_rescued_as_failed() -> None:
    lost = running("nobody", max_retries=0)

    assert rescue() == {lost.id: "failed"}


def test_a_cancelled_job_is_rescued_as_cancelled() -> None:
    lost = running("nobody")
    Errand.objects.cancel()

    assert rescue() == {lost.id: "cancelled"}


def test_the_jobs_of_a_stopped_worker_are_rescued_at_once() -> None:
    seen("gone", ago=0, stopped_at=timezone.now())
    lost = running("gone")

    assert rescue() == {lost.id: "retrying"}


def test_a_job_that_runs_without_a_worker_is_rescued() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO test_errands (status) VALUES ('processing')")

    assert list(rescue().values()) == ["retrying"]
    assert Errand.objects.get().error_message == "The job was running, but no worker held it."


def test_a_job_far_past_its_deadline_is_rescued_from_a_worker_that_answers() -> None:
    seen("stuck", ago=1)
    lost = running("stuck")
    Errand.objects.update(deadline_at=timezone.now() - timedelta(seconds=31))

    assert rescue() == {lost.id: "retrying"}
    lost.refresh_from_db()
    assert lost.error_message is not None
    assert "ran past its deadline, and the worker stuck did not stop it" in lost.error_message


def test_a_rescued_jobs_late_outcome_has_no_effect() -> None:
    job = running("dead")
    rescue()

    assert not Errand.objects.finish(job)
    job.refresh_from_db()
    assert job.status == "retrying"


# --- A table without a state for retries ---------------------------------------------------------


def test_without_a_state_for_it_a_retry_waits_as_ready() -> None:
    Parcel.objects.enqueue([Parcel()])
    [job] = Parcel.objects.claim("w1", 1, time_limit=LIMIT)

    Parcel.objects.fail(job, "no", delay=60)

    job.refresh_from_db()
    assert (job.status, job.retry_count) == ("pending", 1)
    assert Parcel.objects.claim("w1", 1, time_limit=LIMIT) == []
    Parcel.objects.update(available_at=timezone.now() - timedelta(seconds=1))
    assert Parcel.objects.promote() == 1
    assert len(Parcel.objects.claim("w1", 1, time_limit=LIMIT)) == 1


def test_without_a_state_for_it_rescue_and_retry_work_too() -> None:
    Parcel.objects.enqueue([Parcel(max_retries=0), Parcel()])
    Parcel.objects.claim("nobody", 2, time_limit=LIMIT)

    assert sorted(rescue(Parcel).values()) == ["failed", "pending"]
    assert Parcel.objects.retry() == 1
    assert Parcel.objects.promote() == 2


# --- What no row may hold -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("expires_at", "infinity"),
        ("expires_at", "294276-01-01"),
        ("created_at", "-infinity"),
        ("available_at", "0044-03-15 BC"),
        ("started_at", "infinity"),
        ("attempt", "2147483647"),
        ("turn", "9223372036854775807"),
        ("turn", "-1"),
    ],
)
def test_a_value_that_would_stop_every_worker_is_refused(column: str, value: str) -> None:
    with (
        pytest.raises(IntegrityError, match="test_errands_(engine|line)_check"),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"INSERT INTO test_errands ({column}) VALUES (%s)", [value])


def test_a_bulk_insert_by_plain_sql_does_not_slow_down_with_its_size() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO test_errands DEFAULT VALUES")
        cursor.execute(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)"
            " INSERT INTO test_errands (user_id) SELECT %s FROM generate_series(1, 5000)",
            [uuid7()],
        )
        [[plan]] = cursor.fetchone()

    # By index some 20 pages for each row; with the table read for each it would be about 100.
    assert plan["Plan"]["Shared Hit Blocks"] < 40 * 5000
