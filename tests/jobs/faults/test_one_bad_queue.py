"""What is wrong with one queue's table, or one of its rows, harms no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection

from jobs import schedule
from jobs.models import Attempt, Job, Queue
from jobs.models.recurring import Recurrence
from tests.jobs.queueapp.models import Errand, Parcel, Telegram
from tests.jobs.workers import WorkerProcess, eventually, reached

pytestmark = pytest.mark.heavy

Start = Callable[..., WorkerProcess]

ALL = ("--queues", "errands,parcels,telegrams")


@pytest.mark.parametrize("model", [Errand, Telegram])
def test_a_table_that_refuses_claims_keeps_no_other_queue_from_its_jobs(
    start_worker: Start, owner: psycopg.Connection[Any], model: type[Job]
) -> None:
    table = model._meta.db_table
    owner.execute(
        "CREATE FUNCTION refuse_claims() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'nobody works here' USING ERRCODE = '22000'; END $$"
    )
    owner.execute(
        f"CREATE TRIGGER refuse_claims BEFORE UPDATE ON {table} FOR EACH ROW"
        " WHEN (NEW.status = 'processing') EXECUTE FUNCTION refuse_claims()"
    )
    try:
        [key] = model.objects.enqueue_rows(payload=[{"do": "write"}])
        stuck = model.objects.get(pk=key)
        worker = start_worker(*ALL)
        eventually(lambda: "the queue's table refuses; it rests" in worker.logged())
        for _ in range(20):
            [job] = Parcel.objects.enqueue([Parcel(payload={"do": "write"})])
            reached(job, "completed", within=15)  # the other rests for up to 30 s
        stuck.refresh_from_db()
        assert stuck.status == "queued"
    finally:
        owner.execute("DROP FUNCTION refuse_claims CASCADE")

    reached(stuck, "completed", within=60)


@pytest.mark.parametrize("model", [Errand, Parcel, Telegram])
@pytest.mark.parametrize("rated", [False, True])
def test_a_row_that_python_cannot_read_fails_alone(
    start_worker: Start, model: type[Job], rated: bool
) -> None:
    if rated:
        Queue.objects.create(
            table_name=model._meta.db_table, rate_limit=1000, rate_seconds=1, tokens=1000
        )
    ids = model.objects.enqueue_rows(payload=[{"do": "write"}] * 6)
    beyond_python(model, ids[2])

    start_worker(*ALL)

    eventually(lambda: not model.objects.live().exists())
    statuses = dict(model.objects.values_list("id", "status"))
    assert [statuses[key] for key in ids] == [
        "failed" if key == ids[2] else "completed" for key in ids
    ]
    [(message, attempt)] = model.objects.filter(id=ids[2]).values_list("error_message", "attempt")
    assert str(message).startswith("The job's row cannot be read: date too large")
    assert attempt == 1
    assert set(Attempt.objects.values_list("job_id", "outcome")) >= {(ids[2], "gave_up")}


def test_an_entry_of_the_schedule_that_was_deleted_comes_back(start_worker: Start) -> None:
    schedule.synchronise()
    start_worker("--queues", "recurring", pace=0.05)  # a minute is three seconds
    Recurrence.objects.filter(name="prune_jobs").delete()

    eventually(Recurrence.objects.filter(name="prune_jobs").exists)


def beyond_python(model: type[Job], key: UUID) -> None:
    """Give the row a day that PostgreSQL has and Python has not."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {model._meta.db_table} SET due_on = '20000-01-01' WHERE id = %s", [key]
        )


def test_the_day_is_one_that_python_cannot_read(transactional_db: None) -> None:
    [key] = Errand.objects.enqueue_rows(payload=[{}])
    beyond_python(Errand, key)

    with pytest.raises(Exception, match="date too large"):
        Errand.objects.get(pk=key)

    assert Errand.objects.claim("somebody", 5, time_limit=timedelta(seconds=5)) == []
