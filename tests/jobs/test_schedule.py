"""Recurring work: declared, due, missed, asked for, paused, and run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from jobs import registry, schedule
from jobs.errors import RetryAfter
from jobs.models import Missed, Recurrence, RecurringJob
from jobs.moments import database_now
from jobs.schedule import Recurring, declarations, running, ticking

pytestmark = pytest.mark.django_db

ran: list[str] = []
no_function = "text"


def note(job: RecurringJob) -> None:
    """What the entries of these tests run."""
    ran.append(job.name)


RUN = f"{__name__}.note"
NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def declared(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Recurring]]:
    """What the code declares: nothing but what a test does."""
    known: dict[str, Recurring] = {}
    monkeypatch.setattr(declarations, "_ENTRIES", known)
    yield known
    ran.clear()


def declare(name: str = "sweep", cron: str = "0 * * * *", **options: Any) -> Recurring:
    return schedule.register(Recurring(name=name, cron=cron, run=RUN, timezone="UTC", **options))


def row(name: str = "sweep") -> Recurrence:
    return Recurrence.objects.get(name=name)


def next_tick(name: str = "sweep") -> datetime:
    found = row(name).next_at
    assert found is not None, f"{name} is never due"
    return found


def due(next_at: datetime = NOON, **options: Any) -> Recurrence:
    """A declared entry whose next tick is at that moment."""
    declare(**options)
    schedule.synchronise()
    Recurrence.objects.update(next_at=next_at)
    return row()


def ticks() -> list[datetime]:
    return list(RecurringJob.objects.order_by("tick").values_list("tick", flat=True))


# --- Declarations ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"cron": "61 * * * *"}, "'61 .*' cannot be read: bad minute"),
        ({"timezone": "Mars"}, "no time zone 'Mars'"),
        ({"run": "jobs.nowhere.at_all"}, "'sweep' runs 'jobs.nowhere.at_all', which cannot be"),
        ({"run": "note"}, "which cannot be imported"),
        ({"run": f"{__name__}.no_function"}, "which is no function"),
        ({"name": ""}, "1 to 100 characters"),
        ({"name": "x" * 101}, "1 to 100 characters"),
        ({"cron": "0 " + "0," * 130 + "0 * * *"}, "longer than 255"),
        ({"tolerance": timedelta(0)}, "tolerance .* at least 1 second"),
        ({"time_limit": timedelta(0)}, "time limit .* at least 1 second"),
        ({"max_retries": -1}, "cannot be retried -1 times"),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_reason(
    options: dict[str, Any], sentence: str
) -> None:
    right: dict[str, Any] = {"name": "sweep", "cron": "0 * * * *", "run": RUN}

    with pytest.raises(ValueError, match=sentence):
        schedule.register(Recurring(**(right | options)))

    assert schedule.entries() == []


def test_two_entries_of_one_name_are_refused() -> None:
    declare()

    with pytest.raises(ValueError, match="two entries 'sweep': one runs .*note, one jobs"):
        schedule.register(
            Recurring(name="sweep", cron="0 * * * *", run="jobs.housekeeping.prune_finished")
        )


def test_an_entry_without_a_time_zone_has_that_of_the_site(settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    schedule.register(Recurring(name="sweep", cron="0 * * * *", run=RUN))
    schedule.synchronise()

    assert row().timezone == "Europe/Berlin"


# --- The table ------------------------------------------------------------------------------------


def test_declarations_become_rows_that_are_due_at_their_next_tick() -> None:
    declare(missed=Missed.EACH, time_limit=timedelta(minutes=5), max_retries=1, description="Tidy.")

    outcome = schedule.synchronise()

    made = row()
    assert outcome.added == ["sweep"]
    assert (made.cron, made.timezone, made.missed) == ("0 * * * *", "UTC", "each")
    assert (made.time_limit_seconds, made.max_retries, made.description) == (300, 1, "Tidy.")
    assert timedelta(0) < next_tick() - database_now() <= timedelta(hours=1)
    assert next_tick().minute == 0


def test_synchronising_again_changes_nothing() -> None:
    declare()
    schedule.synchronise()
    before = Recurrence.objects.values().get()

    outcome = schedule.synchronise()

    assert (outcome.added, outcome.changed, outcome.retired) == ([], [], [])
    assert Recurrence.objects.values().get() == before


def test_a_new_description_leaves_the_next_tick_where_it_is() -> None:
    due(database_now() - timedelta(minutes=90))
    declare(description="Now with words.")

    assert schedule.synchronise().changed == ["sweep"]

    assert row().description == "Now with words."
    assert next_tick() < database_now(), "the missed tick is still to be made up for"


def test_a_new_cron_is_in_force_at_once() -> None:
    due()
    declare(cron="30 4 * * *")

    assert schedule.synchronise().changed == ["sweep"]

    found = next_tick()
    assert found > database_now()
    assert (found.hour, found.minute) == (4, 30)


def test_a_tick_further_ahead_than_the_cron_says_is_put_right() -> None:
    """The server's clock was a year ahead for a moment, and has been corrected."""
    due(database_now() + timedelta(days=365))

    schedule.synchronise()

    assert next_tick() < database_now() + timedelta(hours=1, seconds=1)


def test_an_entry_that_left_the_code_stands_still_and_returns_with_it(
    declared: dict[str, Recurring],
) -> None:
    due()
    declared.clear()

    assert schedule.synchronise().retired == ["sweep"]
    assert schedule.tick() == 0
    with pytest.raises(schedule.NotNow, match="sweep has left the schedule"):
        schedule.run_now("sweep")

    declare()
    assert schedule.synchronise().changed == ["sweep"]
    assert row().declared
    assert next_tick() > database_now(), "nothing is made up for"


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
    from imaging.schedule import CLEANUP_CACHE
    from jobs.schedule.own import ENTRIES

    for made in (*ENTRIES, CLEANUP_CACHE):
        schedule.register(made)
    schedule.synchronise()

    names = list(Recurrence.objects.order_by("name").values_list("name", flat=True))
    assert names == ["cleanup_cache", "make_partitions", "prune_jobs", "prune_statistics"]
    for name in names:
        job = schedule.run_now(name)
        [claimed] = RecurringJob.objects.claim("w1", 1, time_limit=timedelta(minutes=1))
        assert claimed.pk == job.pk
        running.run(claimed)
        assert RecurringJob.objects.finish(claimed)


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
