"""Old attempts and statistics go, every night, and the coming months are made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction

from database import partitions
from database.connections import as_owner
from jobs import durations, housekeeping
from jobs.errors import Cancelled
from jobs.models import Attempt, RecurringJob, Statistic
from jobs.moments import database_now
from tests.jobs.old_rows import attempt_of, ended, key_of, left, setting
from tests.jobs.queueapp.models import Errand, Parcel

pytestmark = pytest.mark.django_db


# --- Records --------------------------------------------------------------------------------------


def minute(moment: datetime | None) -> Statistic:
    none = durations.empty()
    return Statistic.objects.create(
        table_name="test_errands", minute=moment, done=1, waits=none, runs=none
    )


def test_minutes_older_than_two_weeks_go_and_the_sums_stay() -> None:
    now = database_now()
    kept = [minute(None), minute(now - timedelta(days=13, hours=23))]
    minute(now - timedelta(days=14, minutes=1))

    assert housekeeping.delete_old_statistics() == 1

    assert set(Statistic.objects.values_list("id", flat=True)) == {row.pk for row in kept}


def test_attempts_whose_job_went_another_way_go() -> None:
    there, gone = ended(3, "failed"), ended(3, "failed")
    parcel = Parcel.objects.create()
    kept = [attempt_of(there), attempt_of(parcel, table_name="test_parcels")]
    for number in range(5):
        attempt_of(gone, attempt=number)
    attempt_of(gone, table_name="test_parcels")
    gone.delete()

    assert housekeeping.delete_old_attempts(batch_size=2) == 6

    assert set(Attempt.objects.values_list("id", flat=True)) == {row.pk for row in kept}


def test_attempts_of_a_job_that_never_ends_go_when_nobody_keeps_jobs_for_so_long() -> None:
    job = ended(1000, "retrying", completed_at=None)
    for days in (400, 366, 364):
        attempt_of(job, id=key_of(database_now() - timedelta(days=days)))

    assert housekeeping.delete_old_attempts(batch_size=1) == 2
    setting("failed_job_days", 0)
    assert housekeeping.delete_old_attempts() == 0


def test_attempts_of_a_table_that_no_code_knows_stay() -> None:
    attempt_of(Errand(), table_name="former_jobs")

    assert housekeeping.delete_old_attempts() == 0


# --- As recurring work ----------------------------------------------------------------------------


def claimed_run() -> RecurringJob:
    RecurringJob.objects.enqueue([RecurringJob(name="prune_jobs", tick=database_now())])
    return RecurringJob.objects.claim("w1", 1, time_limit=timedelta(minutes=1))[0]


def test_every_night_each_queue_is_pruned_and_the_run_says_so() -> None:
    ended(100)
    RecurringJob.objects.create(
        id=key_of(database_now() - timedelta(days=100)),
        name="sweep",
        tick=database_now() - timedelta(days=100),
        status="completed",
        completed_at=database_now() - timedelta(days=100),
    )
    run = claimed_run()

    housekeeping.prune_finished(run)

    assert left() == set()
    run.refresh_from_db()
    assert run.progress_message == "2 jobs deleted"
    assert RecurringJob.objects.get() == run


def test_the_nightly_run_stops_between_batches_when_it_is_cancelled() -> None:
    ended(100)
    run = claimed_run()
    RecurringJob.objects.cancel()

    with pytest.raises(Cancelled), transaction.atomic():
        housekeeping.prune_finished(run)


def test_old_records_go_every_night() -> None:
    minute(database_now() - timedelta(days=20))
    attempt_of(Errand())
    run = claimed_run()

    housekeeping.prune_statistics(run)

    run.refresh_from_db()
    assert run.progress_message == "1 minutes and 1 attempts deleted"


# --- Months ---------------------------------------------------------------------------------------


@pytest.fixture
def by_range(transactional_db: None) -> Iterator[None]:
    """Three tables partitioned by range: by month, without a month yet, and by number."""
    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE readings (at timestamptz NOT NULL) PARTITION BY RANGE (at);"
            "CREATE TABLE readings_2026_01 PARTITION OF readings"
            " FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');"
            "CREATE TABLE beginnings (at timestamptz NOT NULL) PARTITION BY RANGE (at);"
            "CREATE TABLE shelves (n int NOT NULL) PARTITION BY RANGE (n);"
            "CREATE TABLE shelves_low PARTITION OF shelves FOR VALUES FROM (0) TO (10)"
        )
    yield
    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute("DROP TABLE readings, beginnings, shelves")


@pytest.mark.django_db(transaction=True)
def test_the_coming_months_are_made_where_there_are_months(by_range: None) -> None:
    today = database_now().date()
    run = claimed_run()

    housekeeping.make_partitions(run)

    months = [one.month for one in partitions.list_partitions("readings") if one.month]
    assert len([month for month in months if month >= today.replace(day=1)]) == 4
    assert partitions.list_partitions("beginnings") == []
    assert [one.name for one in partitions.list_partitions("shelves")] == ["shelves_low"]
    run.refresh_from_db()
    assert run.progress_message.startswith(f"made readings_{today:%Y_%m}, readings_")
    assert housekeeping.make_months_ahead() == []
