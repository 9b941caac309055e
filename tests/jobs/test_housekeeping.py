"""Old jobs go; what is young, live or wanted stays."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from database.connections import own_connection
from jobs import housekeeping, registry
from jobs.housekeeping import Batch, Retention
from jobs.housekeeping.old_jobs import first_key, walk
from jobs.models import Attempt
from jobs.moments import database_now
from tests.jobs.old_rows import attempt_of, ended, key_of, left, setting
from tests.jobs.queueapp.models import Errand

pytestmark = pytest.mark.django_db

ERRANDS = "errands"


def prune(**options: Any) -> list[Batch]:
    return list(housekeeping.delete_old(registry.kind(ERRANDS), **options))


def test_what_ended_longer_ago_than_it_is_kept_goes() -> None:
    young = [ended(89), ended(89, "cancelled"), ended(364, "failed")]
    for days, status in ((91, "completed"), (91, "cancelled"), (366, "failed")):
        ended(days, status)

    [batch] = prune()

    assert left() == {job.pk for job in young}
    assert (batch.finished, batch.failed) == (2, 1)


@pytest.mark.parametrize("status", ["queued", "processing", "retrying"])
def test_a_live_job_stays_however_old(status: str) -> None:
    job = ended(1000, status, completed_at=None)

    prune()

    assert left() == {job.pk}


def test_an_old_job_that_ended_lately_stays() -> None:
    job = ended(1, made=400)

    prune()

    assert left() == {job.pk}


def test_a_job_that_plain_sql_ended_without_a_moment_counts_from_its_making() -> None:
    ended(100, completed_at=None)

    prune()

    assert left() == set()


def test_the_settings_say_how_long_and_zero_is_for_ever() -> None:
    old = {status: ended(5000, status) for status in ("completed", "failed")}
    setting("finished_job_days", 0)
    setting("failed_job_days", 0)
    assert prune() == []

    setting("failed_job_days", 4999)
    prune()
    assert left() == {old["completed"].pk}

    setting("finished_job_days", 4999)
    prune()
    assert left() == set()


def test_a_kind_may_say_for_itself_how_long() -> None:
    kept = ended(6)
    for status in ("completed", "failed"):
        ended(8, status)
    kind = replace(registry.kind(ERRANDS), keep=timedelta(days=7))

    list(housekeeping.delete_old(kind))

    assert left() == {kept.pk}


def test_an_age_of_the_callers_own_takes_the_place_of_the_settings() -> None:
    kept = ended(1)
    ended(3, "failed")

    prune(retention=Retention(timedelta(days=2), timedelta(days=2)))

    assert left() == {kept.pk}


def test_the_attempts_of_a_job_go_with_it() -> None:
    gone, stays = ended(400, "failed"), ended(3, "failed")
    attempt_of(gone)
    attempt_of(gone, attempt=2)
    attempt_of(gone, table_name="other_jobs")
    attempt_of(stays)

    [batch] = prune()

    assert batch.attempts == 2
    left_over = set(Attempt.objects.values_list("table_name", "job_id"))
    assert left_over == {("test_errands", stays.pk), ("other_jobs", gone.pk)}


def test_it_goes_in_batches_and_looks_at_nothing_younger(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("jobs.housekeeping.old_jobs.time.sleep", pauses.append)
    for number in range(7):
        ended(200 + number)
    for _ in range(5):
        ended(10)

    batches = prune(batch_size=3)

    assert [batch.finished for batch in batches] == [3, 3, 1]
    assert [batch.seen for batch in batches] == [3, 3, 1]
    assert len(left()) == 5
    assert len([pause for pause in pauses if pause > 0]) == 2


def test_oldest_first_and_a_walk_that_is_left_may_begin_again() -> None:
    jobs = [ended(200 - number) for number in range(6)]

    next(iter(housekeeping.delete_old(registry.kind(ERRANDS), batch_size=2)))

    assert left() == {job.pk for job in jobs[2:]}
    prune(batch_size=2)
    assert left() == set()


def test_a_walk_does_not_stop_at_a_batch_in_which_all_stay() -> None:
    for number in range(4):
        ended(300 - number, "failed")
    ended(100)

    batches = prune(batch_size=2)

    assert [batch.finished for batch in batches] == [0, 0, 1]


def test_a_dry_run_counts_and_deletes_nothing() -> None:
    for number in range(5):
        attempt_of(ended(400 + number, "failed"))
    ended(100)

    batches = prune(batch_size=2, dry_run=True)

    assert sum(batch.failed for batch in batches) == 5
    assert sum(batch.finished for batch in batches) == 1
    assert len(left()) == 6
    assert Attempt.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_a_job_that_somebody_puts_in_line_at_this_moment_stays() -> None:
    job = ended(400, "failed")
    ended(401, "failed")
    with own_connection() as other, other.transaction():
        other.execute(
            "UPDATE test_errands SET status = 'retrying', available_at = now(), completed_at = NULL"
            " WHERE id = %s",
            [job.pk],
        )
        [batch] = prune()  # does not wait for the other either

    assert (batch.seen, batch.failed) == (2, 1)
    assert left() == {job.pk}
    assert prune()[0].failed == 0


@pytest.mark.django_db(transaction=True)
def test_the_walk_follows_the_primary_key(owner: psycopg.Connection[tuple[Any, ...]]) -> None:
    """With a large table behind it, a batch reads no more than its own rows."""
    old = first_key(database_now() - timedelta(days=400)).int >> 80
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO test_errands (id, status, created_at, completed_at, turn)"
            " SELECT encode(substring(int8send(%s + n) FROM 3) || decode('7000', 'hex')"
            " || substring(uuid_send(gen_random_uuid()) FROM 9), 'hex')::uuid, 'completed',"
            " now() - interval '400 days', now() - interval '400 days', n"
            " FROM generate_series(1, 20000) n",
            [old],
        )
    owner.execute("ANALYZE test_errands")

    assert reads_of_a_batch() == ("Index Scan", "test_errands_pkey", 1000)


def reads_of_a_batch() -> tuple[str, str, float]:
    """How PostgreSQL reads a batch of 1,000: the scan, its index, and the rows it yields."""
    now = database_now()
    parameters: list[Any] = [now, now, UUID(int=0), 1000, first_key(now)]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {walk(Errand)}", parameters)
        [answer] = cursor.fetchone()
    plan = (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]
    while "Plans" in plan:
        [plan] = plan["Plans"]
    assert plan.get("Rows Removed by Filter", 0) == 0
    return plan["Node Type"], plan.get("Index Name", ""), plan["Actual Rows"]


@given(st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1)), st.integers(0, 999))
@settings(deadline=None)
def test_every_key_made_before_a_moment_is_below_that_moments_first(
    moment: datetime, later: int
) -> None:
    moment = moment.replace(tzinfo=UTC)
    before = key_of(moment - timedelta(milliseconds=1))
    after = key_of(moment + timedelta(milliseconds=later))

    assert before < first_key(moment) <= after


def test_the_databases_own_keys_are_ordered_with_ours() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT new_key()")
        key = cursor.fetchone()[0]
    now = database_now()

    assert first_key(now - timedelta(minutes=1)) < key < first_key(now + timedelta(seconds=1))


def test_jobs_kept_for_a_century_are_kept() -> None:
    job = ended(5000)
    setting("finished_job_days", 36_500)

    prune()

    assert left() == {job.pk}
