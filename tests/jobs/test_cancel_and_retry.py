"""Cancelling jobs and trying failed ones again, by hand."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection

from database.connections import own_connection
from jobs.claiming import Held
from jobs.outcomes import Outcome, Verdict
from tests.jobs.errands import claim_one, running, waiting
from tests.jobs.queueapp.models import Errand

pytestmark = pytest.mark.django_db


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
