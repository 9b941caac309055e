"""Recurring work as the code declares it and as the database keeps it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from jobs import schedule
from jobs.models import Missed, Recurrence
from jobs.moments import database_now
from jobs.schedule import Recurring
from tests.jobs.recurring import RUN, declare, due, next_tick, row

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("declared")]

no_function = "text"  # what an entry cannot run


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
