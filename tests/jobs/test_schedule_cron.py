"""When recurring work is due, also where the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.schedule.cron import Cron
from jobs.schedule.errors import WrongCron

# In Berlin 02:00 becomes 03:00 at 01:00 UTC on 29 March 2026, and 03:00 becomes 02:00 at 01:00 UTC
# on 25 October.
BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def following(expression: str, moment: str, count: int, zone: str = BERLIN) -> list[str]:
    ticks = Cron(expression, zone).ticks(at(moment))
    return [f"{tick:%m-%d %H:%M}" for tick in islice(ticks, count)]


def test_a_tick_is_later_than_the_moment_itself() -> None:
    every_day = Cron("17 3 * * *", "UTC")

    assert every_day.after(at("2026-11-21 03:16:59")) == at("2026-11-21 03:17")
    assert every_day.after(at("2026-11-21 03:17")) == at("2026-11-22 03:17")


def test_the_hour_is_that_of_the_time_zone() -> None:
    assert following("30 3 * * *", "2026-01-10", 1) == ["01-10 02:30"]
    assert following("30 3 * * *", "2026-07-10", 1) == ["07-10 01:30"]


def test_work_in_the_skipped_hour_runs_right_after_it() -> None:
    assert following("30 2 * * *", "2026-03-28", 3) == ["03-28 01:30", "03-29 01:00", "03-30 00:30"]


def test_two_ticks_that_the_skipped_hour_brings_together_are_one() -> None:
    assert following("0,30 2 * * *", "2026-03-28 12:00", 3) == [
        "03-29 01:00",
        "03-30 00:00",
        "03-30 00:30",
    ]


def test_work_in_the_repeated_hour_runs_at_its_first_pass_alone() -> None:
    assert following("30 2 * * *", "2026-10-24", 3) == ["10-24 00:30", "10-25 00:30", "10-26 01:30"]
    # Looked at between the two passes, it is over as well.
    assert following("30 2 * * *", "2026-10-25 01:10", 1) == ["10-26 01:30"]


def test_work_of_every_half_hour_follows_real_time_through_both_changes() -> None:
    spring = following("*/30 * * * *", "2026-03-29 00:15", 4)
    autumn = following("*/30 * * * *", "2026-10-25 00:15", 4)

    assert spring == ["03-29 00:30", "03-29 01:00", "03-29 01:30", "03-29 02:00"]
    assert autumn == ["10-25 00:30", "10-25 01:00", "10-25 01:30", "10-25 02:00"]


@pytest.mark.parametrize(
    ("moment", "latest"),
    [
        ("2026-10-25 00:29:59", "2026-10-24 00:30"),
        ("2026-10-25 00:30", "2026-10-25 00:30"),
        ("2026-10-25 01:10", "2026-10-25 00:30"),
        ("2026-10-25 01:40", "2026-10-25 00:30"),
        ("2026-03-29 00:59:59", "2026-03-28 01:30"),
        ("2026-03-29 01:00", "2026-03-29 01:00"),
    ],
)
def test_the_latest_tick_is_found_where_the_clocks_change(moment: str, latest: str) -> None:
    assert Cron("30 2 * * *", BERLIN).latest(at(moment)) == at(latest)


@given(
    expression=st.sampled_from(
        ["* * * * *", "*/7 * * * *", "30 2 * * *", "0,30 2,3 * * *", "15 */2 * * *", "59 1 * * SUN"]
    ),
    zone=st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "UTC"]),
    change=st.sampled_from(["2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25"]),
    minutes=st.integers(0, 3 * 24 * 60),
)
@settings(deadline=None, max_examples=150)
def test_looking_back_and_looking_forward_agree(
    expression: str, zone: str, change: str, minutes: int
) -> None:
    cron = Cron(expression, zone)
    moment = at(change) - timedelta(days=1) + timedelta(minutes=minutes, seconds=11)

    latest, upcoming = cron.latest(moment), cron.after(moment)

    assert latest <= moment < upcoming
    assert cron.after(latest) == upcoming


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("61 * * * *", "'61 * * * *' cannot be read: bad minute"),
        ("* 24 * * *", "cannot be read: bad hour"),
        ("* * * * FOO", "cannot be read: bad day-of-week"),
        ("0 0 30 2 *", "cannot be read: bad day-of-month"),
        ("9" * 200 + "9" * 5000 + " * * * *", "cannot be read: bad number"),
        ("* * * *", "has 4 fields. It needs 5: minute, hour, day of month, month, day of week"),
        ("0 * * * * *", "has 6 fields. It needs 5"),
        ("", "has 0 fields"),
        ("@daily", "has 1 fields"),
    ],
)
def test_an_expression_that_says_nothing_is_refused_with_its_reason(
    expression: str, sentence: str
) -> None:
    with pytest.raises(WrongCron) as refused:
        Cron(expression, "UTC")

    assert sentence in str(refused.value)


@pytest.mark.parametrize("zone", ["", "Nowhere", "Europe", "../etc/passwd", "\0"])
def test_a_time_zone_that_does_not_exist_is_refused_by_name(zone: str) -> None:
    with pytest.raises(WrongCron, match="There is no time zone"):
        Cron("* * * * *", zone)
