"""Which ticks of recurring work are queued: those that are due, and those that were missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from jobs import schedule
from jobs.models import Missed, Recurrence, RecurringJob
from jobs.moments import database_now
from jobs.schedule import ticking
from tests.jobs.recurring import NOON, declare, due, next_tick, row, ticks

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("declared")]


# --- Due ------------------------------------------------------------------------------------------


def test_what_is_not_due_costs_one_query(django_assert_num_queries: Any) -> None:
    due(database_now() + timedelta(minutes=5))

    with django_assert_num_queries(1):
        assert schedule.tick() == 0

    assert ticks() == []


def test_a_due_entry_is_queued_once_with_its_options() -> None:
    due(NOON, time_limit=timedelta(minutes=5), max_retries=7)

    assert schedule.tick(NOON) == 1
    assert schedule.tick(NOON) == 0

    job = RecurringJob.objects.get()
    assert (job.name, job.tick, job.status) == ("sweep", NOON, "queued")
    assert (job.time_limit_seconds, job.max_retries) == (300, 7)
    assert job.unique_key == "sweep:2026-06-01T12:00:00+00:00"
    assert (row().last_at, row().last_job_id) == (NOON, job.pk)
    assert next_tick() == NOON + timedelta(hours=1)


def test_the_database_says_what_time_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose clock is an hour ahead queues nothing early, one behind nothing late."""
    true = database_now()
    due(true + timedelta(minutes=30))
    for wrong in (timedelta(hours=1), timedelta(hours=-1)):
        moment = datetime.now(UTC) + wrong
        monkeypatch.setattr("django.utils.timezone.now", lambda moment=moment: moment)
        monkeypatch.setattr("time.time", lambda moment=moment: moment.timestamp())

        assert schedule.tick() == 0

    Recurrence.objects.update(next_at=true - timedelta(seconds=1))
    assert schedule.tick() == 1
    assert true < next_tick() <= true + timedelta(hours=1, seconds=1)


def test_a_tick_that_already_has_its_run_gets_no_second_one() -> None:
    """As after the schedule's row was set back."""
    due()
    schedule.tick(NOON)
    RecurringJob.objects.update(status="processing")
    RecurringJob.objects.update(status="completed")
    Recurrence.objects.update(next_at=NOON)

    assert schedule.tick(NOON) == 0

    assert ticks() == [NOON]
    assert next_tick() == NOON + timedelta(hours=1)


def test_an_entry_that_nobody_can_read_stands_still_and_holds_nobody_up() -> None:
    declare(name="broken")
    due()
    Recurrence.objects.filter(name="broken").update(cron="every now and then")

    assert schedule.tick(NOON) == 1

    assert RecurringJob.objects.get().name == "sweep"
    assert row("broken").next_at is None
    assert schedule.synchronise().changed == ["broken"]
    assert next_tick("broken") > database_now()


def test_an_entry_whose_run_is_refused_holds_no_other_up(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(name="refused")
    due()
    real = ticking._queued

    def refuse_one(row: Recurrence, moments: Any) -> list[RecurringJob]:
        return real(row, [*moments, *moments] if row.name == "refused" else moments)

    monkeypatch.setattr(ticking, "_queued", refuse_one)

    assert schedule.tick(NOON) == 1

    assert RecurringJob.objects.get().name == "sweep"
    assert next_tick("refused") == NOON, "it stays due"


def test_the_due_row_is_found_by_its_index() -> None:
    due()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT EXISTS (SELECT FROM job_schedule WHERE declared AND paused_at IS NULL"
            " AND next_at <= statement_timestamp())"
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "idx_job_schedule_due" in plan


# --- Missed ---------------------------------------------------------------------------------------


def test_missed_ticks_are_made_up_for_by_one_run_of_the_latest() -> None:
    due(NOON, missed=Missed.ONCE)

    assert schedule.tick(NOON + timedelta(days=3, minutes=20)) == 1

    assert ticks() == [NOON + timedelta(days=3)]
    assert next_tick() == NOON + timedelta(days=3, hours=1)


def test_each_missed_tick_runs_oldest_first_a_hundred_at_a_time() -> None:
    due(NOON, missed=Missed.EACH)
    now = NOON + timedelta(hours=119, minutes=59)

    assert schedule.tick(now) == 100
    assert ticks() == [NOON + timedelta(hours=hour) for hour in range(100)]
    line = RecurringJob.objects.order_by("-priority", "turn", "id")
    assert list(line.values_list("tick", flat=True)) == ticks(), "served oldest first"
    assert schedule.tick(now) == 20
    assert schedule.tick(now) == 0

    assert ticks() == [NOON + timedelta(hours=hour) for hour in range(120)]
    assert next_tick() == NOON + timedelta(hours=120)


@pytest.mark.parametrize(("late", "queued"), [(59, 1), (61, 0)])
def test_a_tick_older_than_the_tolerance_is_dropped(late: int, queued: int) -> None:
    due(NOON, missed=Missed.SKIP)

    assert schedule.tick(NOON + timedelta(seconds=late)) == queued

    assert next_tick() == NOON + timedelta(hours=1)


def test_a_year_of_missed_minutes_is_skipped_in_no_time() -> None:
    due(NOON, cron="* * * * *", missed=Missed.SKIP)

    assert schedule.tick(NOON + timedelta(days=365, seconds=20)) == 1

    assert ticks() == [NOON + timedelta(days=365)]


@pytest.mark.parametrize("missed", [Missed.SKIP, Missed.ONCE])
@pytest.mark.parametrize("status", ["queued", "processing", "retrying"])
def test_no_tick_is_piled_on_a_run_that_has_not_ended(missed: Missed, status: str) -> None:
    due(NOON, missed=missed)
    schedule.tick(NOON)
    for step in ("processing", status):
        if status != "queued":
            RecurringJob.objects.update(status=step)

    assert schedule.tick(NOON + timedelta(hours=1)) == 0
    assert next_tick() == NOON + timedelta(hours=2)

    RecurringJob.objects.update(status="processing")
    RecurringJob.objects.update(status="completed")
    assert schedule.tick(NOON + timedelta(hours=2)) == 1


def test_runs_that_may_overlap_do() -> None:
    due(NOON, overlap=True)

    assert schedule.tick(NOON) == 1
    assert schedule.tick(NOON + timedelta(hours=1)) == 1


def test_a_moment_between_two_ticks_is_a_tick_when_somebody_makes_it_due() -> None:
    due(NOON + timedelta(minutes=7))

    assert schedule.tick(NOON + timedelta(minutes=8)) == 1

    assert ticks() == [NOON + timedelta(minutes=7)]
    assert next_tick() == NOON + timedelta(hours=1)
