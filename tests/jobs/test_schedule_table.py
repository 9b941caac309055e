"""The rules of the schedule's tables, as plain SQL meets them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from database.connections import own_connection
from jobs.models import RecurringJob
from jobs.worker.bell import CHANNEL

pytestmark = pytest.mark.django_db

STATES = ("queued", "processing", "completed", "failed", "retrying", "cancelled")
ALLOWED = {
    "queued": {"processing", "cancelled"},
    "processing": {"completed", "failed", "retrying", "cancelled"},
    "completed": set(),
    "failed": {"retrying", "cancelled"},
    "retrying": {"queued", "processing", "cancelled"},
    "cancelled": set(),
}


def execute(statement: str, *parameters: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def insert(status: str = "queued", name: str = "sweep", tick: str = "2026-06-01 12:00Z") -> Any:
    [(key,)] = execute(
        "INSERT INTO recurring_jobs (name, tick, status) VALUES (%s, %s, %s) RETURNING id",
        name,
        tick,
        status,
    )
    return key


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES)
def test_a_run_takes_only_the_ways_there_are(before: str, after: str) -> None:
    key = insert(before)

    if before == after or after in ALLOWED[before]:
        execute("UPDATE recurring_jobs SET status = %s WHERE id = %s", after, key)
        assert RecurringJob.objects.get().status == after
    else:
        sentence = f"A run cannot go from {before} to {after}."
        with pytest.raises(IntegrityError, match=sentence), transaction.atomic():
            execute("UPDATE recurring_jobs SET status = %s WHERE id = %s", after, key)
        assert RecurringJob.objects.get().status == before


def test_a_tick_has_one_run_whoever_inserts_it() -> None:
    insert("completed")

    with pytest.raises(IntegrityError, match="recurring_jobs_name_tick_key"):
        insert("queued")


def test_a_run_by_plain_sql_is_as_good_as_any() -> None:
    key = insert()

    [claimed] = RecurringJob.objects.claim("w1", 1, time_limit=timedelta(minutes=1))

    assert claimed.pk == key
    assert claimed.tick == datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert RecurringJob.objects.finish(claimed)


@pytest.mark.parametrize(
    "assignment",
    [
        "tick = 'infinity'",
        "status = 'lost'",
        "time_limit_seconds = 0",
        "max_retries = -1",
        "priority = 11",
    ],
)
def test_a_run_that_makes_no_sense_is_refused(assignment: str) -> None:
    insert()

    with pytest.raises(IntegrityError, match="recurring.*check|A run cannot go"):
        execute(f"UPDATE recurring_jobs SET {assignment}")


@pytest.mark.parametrize(
    "assignment",
    [
        "next_at = '-infinity'",
        "next_at = '20000-01-01Z'",
        "last_at = 'infinity'",
        "missed = 'all'",
        "tolerance_seconds = 0",
        "max_retries = -1",
        "time_limit_seconds = 0",
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(assignment: str) -> None:
    execute("INSERT INTO job_schedule (name, cron, timezone) VALUES ('sweep', '0 * * * *', 'UTC')")

    with pytest.raises(IntegrityError, match="job_schedule_.*_check"):
        execute(f"UPDATE job_schedule SET {assignment}")


def limit_of(job: RecurringJob) -> timedelta:
    assert job.deadline_at is not None
    assert job.started_at is not None
    return job.deadline_at - job.started_at


def test_a_run_has_its_own_time_limit_before_that_of_the_queue() -> None:
    insert(name="short")
    execute("UPDATE recurring_jobs SET time_limit_seconds = 90")
    insert(name="usual")

    claimed = RecurringJob.objects.claim("w1", 2, time_limit=timedelta(hours=1))

    limits = {job.name: limit_of(job) for job in claimed}
    assert limits == {"short": timedelta(seconds=90), "usual": timedelta(hours=1)}


def test_a_run_that_must_end_earlier_still_does() -> None:
    insert()
    execute(
        "UPDATE recurring_jobs SET time_limit_seconds = 90,"
        " expires_at = now() + interval '30 seconds'"
    )

    [claimed] = RecurringJob.objects.claim("w1", 1, time_limit=timedelta(hours=1))

    assert limit_of(claimed) <= timedelta(seconds=30)


def test_a_change_of_an_entry_is_dated_but_a_tick_is_none() -> None:
    execute(
        "INSERT INTO job_schedule (name, cron, timezone, updated_at)"
        " VALUES ('sweep', '0 * * * *', 'UTC', '2020-01-01')"
    )

    execute("UPDATE job_schedule SET next_at = now(), last_at = now()")
    [(after_tick,)] = execute("SELECT updated_at FROM job_schedule")
    execute("UPDATE job_schedule SET paused_at = now()")
    [(after_pause,)] = execute("SELECT updated_at FROM job_schedule")

    assert after_tick.year == 2020
    assert after_pause.year > 2020


@pytest.mark.django_db(transaction=True)
def test_a_run_rings_the_workers_bell() -> None:
    with own_connection() as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        insert()
        heard = [each.payload for each in listener.notifies(timeout=30, stop_after=1)]

    assert heard == ["recurring_jobs"]


@pytest.mark.django_db(transaction=True)
def test_the_application_may_not_change_the_schedules_shape(
    administrator: psycopg.Connection[tuple[Any, ...]],
) -> None:
    administrator.execute("SET ROLE lacuna_app")

    for attempt in (
        "ALTER TABLE recurring_jobs DISABLE TRIGGER validate_recurring_status",
        "DROP TABLE job_schedule",
        "TRUNCATE recurring_jobs",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            administrator.execute(attempt)
