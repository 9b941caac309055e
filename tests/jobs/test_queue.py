"""A queue's line: who is claimed when, which keys are taken, and what no row may hold."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from database.fields import uuid7
from jobs.errors import DuplicateJob
from tests.jobs.errands import LIMIT, claim_one, running, waiting
from tests.jobs.queueapp.models import Errand

pytestmark = pytest.mark.django_db


# --- Claims ---------------------------------------------------------------------------------------


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


# --- Unique keys ----------------------------------------------------------------------------------


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
