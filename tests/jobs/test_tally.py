"""What a worker counts, and how it adds that to the statistics."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection
from django.utils import timezone

from database.connections import own_connection
from jobs import durations, registry
from jobs.durations import class_of
from jobs.models import Job, Statistic
from jobs.worker.runners import Ended
from jobs.worker.tally import Tally, usual_seconds
from tests.jobs.queueapp.models import Errand, Parcel
from tests.jobs.statistics import counted, make_statistic

pytestmark = pytest.mark.django_db


def ended(
    seconds: float = 1.0,
    *,
    wait: float = 0.0,
    attempt: int = 1,
    model: type[Job] = Errand,
    asked: bool = False,
) -> Ended:
    began = timezone.now()
    job = model(attempt=attempt, created_at=began - timedelta(seconds=wait), started_at=began)
    queue = "errands" if model is Errand else "parcels"
    return Ended(registry.kind(queue), job, None, seconds, asked)


def flushed(*counts: tuple[Sequence[Ended], str]) -> None:
    tally = Tally()
    for ends, status in counts:
        tally.count(ends, status)
    tally.flush()


def ever(table: str = "test_errands") -> Statistic:
    return Statistic.objects.get(table_name=table, minute=None)


def minutes(table: str = "test_errands") -> list[Statistic]:
    return list(Statistic.objects.filter(table_name=table, minute__isnull=False))


def filled(row: Statistic, column: str) -> dict[int, int]:
    return {number: count for number, count in enumerate(getattr(row, column)) if count}


# --- Counting ------------------------------------------------------------------------------------


def test_jobs_are_counted_by_what_became_of_them() -> None:
    flushed(
        ([ended()] * 5, "completed"),
        ([ended()] * 3, "failed"),
        ([ended()] * 2, "retrying"),
        ([ended()], "cancelled"),
    )

    row = ever()
    assert (row.done, row.failed, row.retried, row.cancelled) == (5, 3, 2, 1)
    assert sum(row.runs) == 11


def test_what_waits_as_ready_was_retried() -> None:
    flushed(([ended(model=Parcel)], "pending"))

    assert ever("test_parcels").retried == 1


def test_waits_and_runs_are_counted_by_class_and_summed() -> None:
    flushed(([ended(2.0, wait=0.5), ended(2.1, wait=30.0), ended(300.0, wait=0.5)], "completed"))

    row = ever()
    assert filled(row, "runs") == {class_of(2.0): 1, class_of(2.1): 1, class_of(300.0): 1}
    assert filled(row, "waits") == {class_of(0.5): 2, class_of(30.0): 1}
    assert row.run_seconds == pytest.approx(304.1)
    assert row.wait_seconds == pytest.approx(31.0)
    assert len(row.runs) == len(row.waits) == durations.CLASSES


def test_only_the_first_attempt_waited() -> None:
    flushed(([ended(wait=9.0, attempt=2)], "completed"))

    row = ever()
    assert (row.done, row.wait_seconds, sum(row.waits)) == (1, 0.0, 0)


def test_an_attempt_that_was_cut_short_has_no_duration() -> None:
    flushed(([ended(5.0, asked=True)], "cancelled"))

    row = ever()
    assert (row.cancelled, row.run_seconds, sum(row.runs), sum(row.waits)) == (1, 0.0, 0, 1)


def test_a_job_that_was_made_by_a_clock_ahead_waited_no_time() -> None:
    flushed(([ended(wait=-5.0)], "completed"))

    row = ever()
    assert (row.wait_seconds, filled(row, "waits")) == (0.0, {0: 1})


def test_nothing_is_counted_of_nothing() -> None:
    flushed(([], "completed"))

    assert not Statistic.objects.exists()


# --- Adding --------------------------------------------------------------------------------------


def test_what_is_flushed_stands_in_its_minute_and_ever() -> None:
    flushed(([ended()], "completed"))

    [row] = minutes()
    with connection.cursor() as cursor:
        cursor.execute("SELECT date_trunc('minute', now())")
        assert (row.minute,) == cursor.fetchone()
    assert (row.done, row.runs) == (ever().done, ever().runs) == (1, counted([1.0]))


def test_two_flushes_add_up() -> None:
    tally = Tally()
    for seconds in (1.0, 40.0):
        tally.count([ended(seconds, wait=2.0)] * 3, "completed")
        tally.flush()

    row = ever()
    assert (row.done, row.run_seconds) == (6, 123.0)
    assert row.wait_seconds == pytest.approx(12.0)
    assert filled(row, "runs") == {class_of(1.0): 3, class_of(40.0): 3}
    assert sum(each.done for each in minutes()) == 6


def test_what_was_flushed_is_not_flushed_again() -> None:
    tally = Tally()
    tally.count([ended()], "completed")

    tally.flush()
    tally.flush()

    assert ever().done == 1


def test_another_minute_has_a_row_of_its_own() -> None:
    make_statistic("test_errands", minutes_ago=3, runs=[1.0, 1.0])
    make_statistic("test_errands", minutes_ago=None, runs=[1.0, 1.0])

    flushed(([ended()], "completed"))

    assert sorted(row.done for row in minutes()) == [1, 2]
    assert ever().done == 3


def test_each_table_has_its_own_rows() -> None:
    flushed(([ended(model=Parcel)], "completed"), ([ended()] * 2, "completed"))

    assert (ever().done, ever("test_parcels").done) == (2, 1)


@pytest.mark.parametrize(
    "counts", [[1], [None] * durations.CLASSES, [-1] + [0] * (durations.CLASSES - 1)]
)
def test_counts_that_nobody_could_add_are_refused(counts: list[int | None]) -> None:
    with (
        pytest.raises(IntegrityError, match="job_statistics_values_check"),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO job_statistics (table_name, waits, runs) VALUES ('t', %s, %s)",
            [durations.empty(), counts],
        )


@pytest.mark.django_db(transaction=True)
def test_flushes_at_the_same_time_lose_nothing() -> None:
    def work(number: int) -> None:
        try:
            for _ in range(10):
                # In opposite orders, as they happened: two workers must not block each other.
                models = (Errand, Parcel) if number % 2 else (Parcel, Errand)
                flushed(*[([ended(0.5 * (1 + number), model=one)], "completed") for one in models])
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))

    for table in ("test_errands", "test_parcels"):
        row = ever(table)
        assert (row.done, sum(row.runs), sum(row.waits)) == (60, 60, 60)
        assert row.run_seconds == pytest.approx(105.0)
        assert sum(each.done for each in minutes(table)) == 60


@pytest.mark.django_db(transaction=True)
def test_counts_that_could_not_be_added_are_kept_for_the_next_time() -> None:
    tally = Tally()
    tally.count([ended()] * 4, "completed")
    tally.count([ended(model=Parcel)] * 4, "completed")
    make_statistic("test_parcels", minutes_ago=None)
    with own_connection() as other:
        other.autocommit = False
        # The first table is written already when the second one's row turns out to be locked.
        other.execute("SELECT FROM job_statistics WHERE table_name = 'test_parcels' FOR UPDATE")
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")
        with pytest.raises(DatabaseError):
            tally.flush()
        other.rollback()
    assert not Statistic.objects.filter(table_name="test_errands").exists()

    tally.count([ended()], "failed")
    tally.flush()

    assert (ever().done, ever().failed, ever("test_parcels").done) == (4, 1, 4)


# --- The usual duration --------------------------------------------------------------------------


def usual() -> float | None:
    return usual_seconds(registry.kind("errands"))


def test_the_usual_duration_is_the_median_of_the_last_hour() -> None:
    make_statistic("test_errands", minutes_ago=1, runs=[1.0, 10.0])
    make_statistic("test_errands", minutes_ago=30, runs=[10.0, 10.0, 300.0])
    make_statistic("test_errands", minutes_ago=90, runs=[600.0] * 50)
    make_statistic("test_errands", minutes_ago=None, runs=[600.0] * 50)
    make_statistic("test_parcels", minutes_ago=1, runs=[0.01] * 50)

    assert usual() == pytest.approx(10.0, rel=0.09)


def test_of_an_idle_queue_no_duration_is_usual() -> None:
    make_statistic("test_errands", minutes_ago=90, runs=[600.0])

    assert usual() is None
