"""Recurring work that is asked for, paused, run, and told of."""

from __future__ import annotations

from datetime import timedelta

import pytest

from imaging.schedule import CLEANUP_CACHE
from jobs import registry, schedule
from jobs.errors import RetryAfter
from jobs.models import Missed, Recurrence, RecurringJob
from jobs.moments import database_now
from jobs.schedule import running
from jobs.schedule.own import ENTRIES
from tests.jobs.recurring import NOON, due, next_tick, ran, row

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("declared")]


# --- Asked for, paused ----------------------------------------------------------------------------


def test_a_run_that_is_asked_for_comes_beside_the_schedule() -> None:
    due(NOON + timedelta(days=30))

    job = schedule.run_now("sweep", by="anna")

    assert job.status == "queued"
    assert abs(job.tick - database_now()) < timedelta(seconds=10)
    assert row().last_job_id == job.pk
    assert next_tick() == NOON + timedelta(days=30)


def test_what_already_waits_is_not_asked_for_twice() -> None:
    due()
    schedule.run_now("sweep")

    with pytest.raises(schedule.NotNow, match="sweep already waits or runs. Wait for it to end"):
        schedule.run_now("sweep")

    assert RecurringJob.objects.count() == 1


@pytest.mark.parametrize("switch", ["run_now", "pause", "resume"])
def test_an_unknown_entry_is_refused_with_the_names_there_are(switch: str) -> None:
    due()
    options = {} if switch == "run_now" else {"by": "anna"}

    with pytest.raises(schedule.UnknownEntry, match="no entry 'mop'. It has: sweep"):
        getattr(schedule, switch)("mop", **options)


def test_a_paused_entry_lets_its_ticks_pass_and_makes_up_for_none() -> None:
    due(missed=Missed.EACH)

    assert schedule.pause("sweep", by="anna", reason="spring cleaning")
    assert not schedule.pause("sweep", by="bert")
    assert schedule.tick(NOON + timedelta(days=2)) == 0
    assert (row().paused_by, row().pause_reason) == ("anna", "spring cleaning")

    assert schedule.resume("sweep", by="bert")
    assert not schedule.resume("sweep", by="bert")
    assert row().paused_at is None
    assert next_tick() > database_now()
    assert schedule.tick() == 0


def test_a_paused_entry_may_still_be_asked_for() -> None:
    due()
    schedule.pause("sweep", by="anna")

    assert schedule.run_now("sweep").status == "queued"


# --- Running --------------------------------------------------------------------------------------


def test_a_run_calls_the_entry_with_its_job() -> None:
    due()
    job = schedule.run_now("sweep")

    registry.kind("recurring").load()(job)

    assert ran == ["sweep"]


def test_work_that_this_workers_code_does_not_know_is_left_to_another() -> None:
    job = RecurringJob(name="tomorrow", tick=NOON)

    with pytest.raises(RetryAfter, match="This worker's code does not know the work: .*'tomorrow'"):
        running.run(job)


def test_the_standing_tells_what_comes_and_how_the_last_run_ended() -> None:
    due()
    [before] = schedule.standing()
    schedule.tick(NOON)
    [after] = schedule.standing()
    RecurringJob.objects.all().delete()
    [pruned] = schedule.standing()
    schedule.pause("sweep", by="anna")
    [paused] = schedule.standing()

    assert (before.last_at, before.last_run, before.next_at) == (None, None, NOON)
    assert after.last_run is not None
    assert (after.last_run.status, after.last_run.tick) == ("queued", NOON)
    assert (pruned.last_at, pruned.last_run) == (NOON, None)
    assert (paused.next_at, paused.paused_by) == (None, "anna")


def test_the_product_declares_its_own_work() -> None:
    for made in (*ENTRIES, CLEANUP_CACHE):
        schedule.register(made)
    schedule.synchronise()

    names = list(Recurrence.objects.order_by("name").values_list("name", flat=True))
    assert names == [
        "cleanup_cache",
        "cleanup_storage",
        "make_partitions",
        "prune_jobs",
        "prune_statistics",
    ]
    for name in names:
        job = schedule.run_now(name)
        [claimed] = RecurringJob.objects.claim("w1", 1, time_limit=timedelta(minutes=1))
        assert claimed.pk == job.pk
        running.run(claimed)
        assert RecurringJob.objects.finish(claimed)
