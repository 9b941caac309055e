"""The history of attempts that did not end well."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from jobs.claiming import Held, Terms
from jobs.models import Attempt, Worker
from jobs.outcomes import Outcome, Verdict
from jobs.retry import RetryRule
from tests.jobs.queueapp.models import Errand, Parcel

pytestmark = pytest.mark.django_db

LIMIT = timedelta(minutes=1)
NOW = RetryRule(base=0, cap=0)


def running(worker: str = "w1", **fields: Any) -> Errand:
    Errand.objects.enqueue([Errand(**fields)])
    [job] = Errand.objects.claim(worker, 1, time_limit=LIMIT)
    return job


def settle(job: Errand, verdict: Verdict, error: str | None = "no") -> dict[UUID, str]:
    outcome = Outcome(job.id, job.attempt, verdict, error, delay=0)
    return Errand.objects.settle([outcome], rule=NOW)


def rescue() -> dict[UUID, str]:
    second = timedelta(seconds=1)
    return Errand.objects.rescue(lease=20 * second, overdue=30 * second, rule=NOW)


def sql(statement: str, *parameters: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


# --- Each way to end -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "fields", "cancelled", "status", "outcome"),
    [
        (Verdict.RETRY, {}, False, "retrying", "failed"),
        (Verdict.RETRY, {"max_retries": 0}, False, "failed", "failed"),
        (Verdict.FAILED, {}, False, "failed", "gave_up"),
        (Verdict.RELEASED, {}, False, "retrying", "released"),
        (Verdict.CANCELLED, {}, False, "cancelled", "cancelled"),
        (Verdict.RETRY, {}, True, "cancelled", "cancelled"),
        (Verdict.RELEASED, {}, True, "cancelled", "released"),
        (Verdict.FAILED, {}, True, "failed", "gave_up"),
    ],
)
def test_an_attempt_that_did_not_end_well_is_kept(
    verdict: Verdict, fields: dict[str, Any], cancelled: bool, status: str, outcome: str
) -> None:
    job = running("w7", **fields)
    if cancelled:
        Errand.objects.cancel()

    assert settle(job, verdict, "it broke") == {job.id: status}

    kept = Attempt.objects.get()
    assert (kept.table_name, kept.job_id, kept.attempt) == ("test_errands", job.id, 1)
    assert (kept.worker_id, kept.outcome, kept.error_message) == ("w7", outcome, "it broke")
    assert kept.started_at == job.started_at
    assert kept.started_at is not None
    assert kept.started_at <= kept.ended_at <= timezone.now()


@pytest.mark.parametrize("cancelled", [False, True])
def test_an_attempt_whose_worker_fell_silent_is_kept_as_lost(cancelled: bool) -> None:
    long_ago = timezone.now() - timedelta(minutes=1)
    Worker.objects.create(name="dead", hostname="h", pid=1, last_seen_at=long_ago)
    job = running("dead")
    if cancelled:
        Errand.objects.cancel()

    assert rescue() == {job.id: "cancelled" if cancelled else "retrying"}

    kept = Attempt.objects.get()
    assert (kept.worker_id, kept.outcome) == ("dead", "lost")
    assert kept.error_message == "The worker dead stopped answering."
    assert kept.started_at == job.started_at


def test_an_attempt_that_overran_is_kept_as_lost() -> None:
    Worker.objects.create(name="stuck", hostname="h", pid=1)
    running("stuck")
    Errand.objects.update(deadline_at=timezone.now() - timedelta(minutes=1))

    rescue()

    kept = Attempt.objects.get()
    assert kept.outcome == "lost"
    assert "ran past its deadline" in str(kept.error_message)


def test_a_row_that_ran_without_a_worker_is_kept_as_it_was() -> None:
    sql("INSERT INTO test_errands (status) VALUES ('processing')")

    rescue()

    kept = Attempt.objects.get()
    assert (kept.attempt, kept.worker_id, kept.started_at) == (0, None, None)


def test_an_end_without_a_word_keeps_none() -> None:
    settle(running(), Verdict.RETRY, None)

    assert Attempt.objects.get().error_message is None


# --- What leaves no row --------------------------------------------------------------------------


@pytest.mark.parametrize("manner", ["finish", "settle", "exchange"])
def test_an_attempt_that_ended_well_leaves_nothing(manner: str) -> None:
    job = running()
    if manner == "finish":
        Errand.objects.finish(job)
    elif manner == "settle":
        settle(job, Verdict.DONE)
    else:
        Errand.objects.exchange([Held(job.id, job.attempt)], Terms("w1", 1, LIMIT))

    job.refresh_from_db()
    assert job.status == "completed"
    assert not Attempt.objects.exists()


def test_a_job_that_never_ran_leaves_nothing() -> None:
    late = timezone.now() - timedelta(seconds=1)
    Errand.objects.enqueue([Errand(), Errand(expires_at=late)])

    assert Errand.objects.expire() == 1
    assert Errand.objects.cancel() == 1
    assert not Attempt.objects.exists()


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_late_outcome_adds_nothing(verdict: Verdict) -> None:
    first = running()
    settle(first, Verdict.RELEASED)
    Errand.objects.promote()
    Errand.objects.claim("w2", 1, time_limit=LIMIT)

    assert settle(first, verdict) == {}
    assert Attempt.objects.count() == 1


def test_an_outcome_told_twice_is_kept_once() -> None:
    job = running()

    settle(job, Verdict.FAILED)
    settle(job, Verdict.FAILED)

    assert Attempt.objects.count() == 1


def test_two_outcomes_of_one_attempt_in_one_batch_are_kept_once() -> None:
    job = running()
    outcomes = [Outcome(job.id, 1, verdict) for verdict in (Verdict.RETRY, Verdict.FAILED)]

    Errand.objects.settle(outcomes)

    assert Attempt.objects.count() == 1


def test_of_a_batch_only_what_was_settled_is_kept() -> None:
    one, two, three, four = (running(f"w{number}") for number in range(4))
    Errand.objects.finish(two)

    Errand.objects.settle(
        [
            Outcome(one.id, 1, Verdict.RETRY, "first"),
            Outcome(two.id, 1, Verdict.RETRY, "late"),
            Outcome(three.id, 1, Verdict.DONE),
            Outcome(four.id, 1, Verdict.RELEASED, "fourth"),
        ]
    )

    rows = Attempt.objects.values_list("job_id", "worker_id", "outcome", "error_message")
    assert set(rows) == {
        (one.id, "w0", "failed", "first"),
        (four.id, "w3", "released", "fourth"),
    }


# --- Several attempts ----------------------------------------------------------------------------


def test_the_attempts_of_one_job_tell_its_story() -> None:
    Errand.objects.enqueue([Errand(max_retries=2)])
    for number, verdict in enumerate([Verdict.RETRY, Verdict.RELEASED, Verdict.RETRY]):
        [job] = Errand.objects.claim(f"w{number}", 1, time_limit=LIMIT)
        settle(job, verdict, f"error {number}")
        Errand.objects.promote()
    [job] = Errand.objects.claim("w3", 1, time_limit=LIMIT)
    Errand.objects.finish(job)

    rows = Attempt.objects.filter(job_id=job.id).order_by("attempt")
    assert list(rows.values_list("attempt", "worker_id", "outcome", "error_message")) == [
        (1, "w0", "failed", "error 0"),
        (2, "w1", "released", "error 1"),
        (3, "w2", "failed", "error 2"),
    ]
    job.refresh_from_db()
    assert (job.attempt, job.worker_id, job.status) == (4, "w3", "completed")


def test_attempts_are_counted_on_when_a_failed_job_is_retried() -> None:
    job = running(max_retries=0)
    settle(job, Verdict.RETRY, "once")
    Errand.objects.retry()
    Errand.objects.promote()
    [job] = Errand.objects.claim("w2", 1, time_limit=LIMIT)
    settle(job, Verdict.RETRY, "twice")

    rows = Attempt.objects.order_by("attempt").values_list("attempt", "error_message")
    assert list(rows) == [(1, "once"), (2, "twice")]


def test_a_history_names_its_table() -> None:
    Parcel.objects.enqueue([Parcel()])
    [job] = Parcel.objects.claim("w1", 1, time_limit=LIMIT)

    Parcel.objects.fail(job, "no")

    assert Attempt.objects.get().table_name == "test_parcels"


def test_an_error_is_kept_as_the_database_can_hold_it() -> None:
    settle(running(), Verdict.RETRY, "a\x00b" + "x" * 9000)

    kept = str(Attempt.objects.get().error_message)
    assert kept.startswith("a\N{REPLACEMENT CHARACTER}bx")
    assert len(kept) == 4000


def test_what_is_rolled_back_leaves_neither_end_nor_history() -> None:
    job = running()

    with transaction.atomic():
        settle(job, Verdict.FAILED)
        transaction.set_rollback(True)

    job.refresh_from_db()
    assert job.status == "processing"
    assert not Attempt.objects.exists()


# --- Plain SQL -----------------------------------------------------------------------------------


def test_the_application_cannot_rewrite_history() -> None:
    settle(running(), Verdict.RETRY)

    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        sql("UPDATE job_attempts SET outcome = 'released'")
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        sql("TRUNCATE job_attempts")
    assert Attempt.objects.get().outcome == "failed"


def test_history_may_be_pruned() -> None:
    settle(running(), Verdict.RETRY)

    assert sql("DELETE FROM job_attempts") == 1


def test_an_outcome_that_is_none_is_refused_by_the_database() -> None:
    with pytest.raises(DatabaseError, match="job_attempts_outcome_check"):
        sql(
            "INSERT INTO job_attempts (table_name, job_id, attempt, outcome)"
            " VALUES ('test_errands', %s, 1, 'done')",
            UUID(int=1),
        )
