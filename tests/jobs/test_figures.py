"""What the statistics say: courses in steps, totals, quantiles, rates."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs import figures
from jobs.figures import DAY, HOUR, Course, Figures
from tests.jobs.statistics import make_statistic, this_minute

pytestmark = pytest.mark.django_db

TABLE = "test_errands"


def test_an_hour_has_sixty_minutes_up_to_now() -> None:
    found = figures.course(TABLE)

    assert len(found.starts) == len(found.steps) == 60
    assert {later - one for one, later in zip(found.starts, found.starts[1:], strict=False)} == {
        timedelta(minutes=1)
    }
    assert abs(found.starts[-1] - this_minute()) <= timedelta(minutes=1)
    assert found.total == Figures()
    assert found.per_minute == 0


def test_a_day_has_quarters_of_an_hour() -> None:
    found = figures.course(TABLE, DAY)

    assert len(found.steps) == 96
    assert found.starts[0].minute % 15 == 0
    assert found.starts[-1] - found.starts[0] == timedelta(hours=24) - timedelta(minutes=15)


def test_each_minute_stands_in_its_step() -> None:
    make_statistic(TABLE, minutes_ago=2, done=7, failed=1)
    make_statistic(TABLE, minutes_ago=30, done=5)
    make_statistic(TABLE, minutes_ago=200, done=100)
    make_statistic("test_parcels", minutes_ago=2, done=1000)

    found = figures.course(TABLE)

    by_start = dict(zip(found.starts, found.steps, strict=True))
    assert by_start[this_minute() - timedelta(minutes=30)].done == 5
    assert (found.total.done, found.total.failed, found.total.ended) == (12, 1, 13)


def test_minutes_of_one_quarter_are_added() -> None:
    for ago in range(240, 300):
        make_statistic(TABLE, minutes_ago=ago, waits=[0.5], runs=[2.0], retried=1)

    found = figures.course(TABLE, DAY)

    full = [one for one in found.steps if one.done == 15]
    assert len(full) >= 3
    assert sum(full[0].waits) == sum(full[0].runs) == 15
    assert full[0].wait_seconds == pytest.approx(7.5)
    assert found.total.retried == 60


def test_quantiles_come_from_the_classes() -> None:
    make_statistic(TABLE, minutes_ago=1, waits=[0.1] * 90 + [10.0] * 10, runs=[1.0] * 100)

    total = figures.course(TABLE).total

    assert total.wait(0.5) == pytest.approx(0.1, rel=0.1)
    assert total.wait(0.99) == pytest.approx(10.0, rel=0.1)
    assert total.run(0.5) == pytest.approx(1.0, rel=0.1)
    assert total.mean_wait == pytest.approx(1.09)
    assert total.mean_run == pytest.approx(1.0)
    assert Figures().wait(0.5) is None
    assert Figures().mean_run is None


@pytest.mark.parametrize(
    ("passed", "rate"), [(0.0, 12.0), (0.25, 15.0), (0.5, 12.0), (0.75, 9.0), (1.0, 6.0)]
)
def test_the_rate_is_that_of_this_minute_and_of_what_is_missing_to_one(
    passed: float, rate: float
) -> None:
    before, now = Figures(done=9, failed=3, retried=50), Figures(done=6 if passed else 0)
    quiet = [Figures(done=500)] * 58

    found = Course(HOUR, [], [*quiet, before, now], passed)

    assert found.per_minute == pytest.approx(rate)


def test_over_a_day_the_rate_is_that_of_a_quarter_of_an_hour() -> None:
    found = Course(DAY, [], [Figures(done=600), Figures(done=30)], 0.5)

    assert found.per_minute == pytest.approx(330 / 15)
    assert Course(DAY, [], []).per_minute == 0


def test_what_has_just_ended_counts_at_once() -> None:
    make_statistic(TABLE, minutes_ago=0, done=7)
    make_statistic(TABLE, minutes_ago=2, done=900)

    assert figures.course(TABLE).per_minute == 7


def test_the_share_of_the_last_step_is_that_of_the_clock() -> None:
    begins = this_minute()
    before = (timezone.now() - begins).total_seconds() / 60
    found = figures.course(TABLE)
    after = (timezone.now() - begins).total_seconds() / 60

    assert before <= found.passed <= after
    assert found.starts[-1] == begins
    assert 0 <= figures.course(TABLE, DAY).passed < 1


def test_what_was_ever_is_no_minute() -> None:
    make_statistic(TABLE, minutes_ago=None, done=1_000_000, failed=3, waits=[1.0])
    make_statistic(TABLE, minutes_ago=0, done=2)

    ever = figures.ever([TABLE, "test_parcels"])

    assert (ever[TABLE].done, ever[TABLE].failed) == (1_000_000, 3)
    assert ever["test_parcels"] == Figures()
    assert figures.course(TABLE).total.done == 2


def test_several_tables_are_read_together() -> None:
    make_statistic(TABLE, done=1)
    make_statistic("test_parcels", done=2)

    with CaptureQueriesContext(connection) as seen:
        found = figures.courses([TABLE, "test_parcels", "recurring_jobs"], HOUR)

    assert [one.total.done for one in found.values()] == [1, 2, 0]
    assert len(seen) == 2
