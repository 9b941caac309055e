"""What is decided about queues, jobs and the schedule has its entry in the audit log."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from audit import context
from audit.models import Entry
from audit.recording import record
from database.fields import uuid7
from imaging.models import ProcessingJob
from jobs import housekeeping, registry, schedule, switches
from jobs.context import current
from jobs.models import Recurrence, RecurringJob
from tests.audit.capture.told import entries, only
from tests.factories import make_image, make_job, make_user

pytestmark = pytest.mark.django_db(transaction=True)


def since(mark: int) -> list[Entry]:
    return entries()[mark:]


def test_pausing_resuming_and_limiting_a_queue_are_an_entry_each() -> None:
    assert switches.pause("imaging", by="ada", reason="the storage moves")
    assert not switches.pause("imaging", by="ada")
    assert switches.resume("imaging", by="ada")
    switches.limit("imaging", jobs=5, seconds=10, by="ada")
    switches.limit("imaging", jobs=None, by="ada")

    told = entries("queue")
    assert [entry.action for entry in told] == [
        "queue.paused",
        "queue.resumed",
        "queue.limited",
        "queue.limited",
    ]
    assert {entry.resource_id for entry in told} == {"processing_queue"}
    assert told[0].details == {"queue": "imaging", "reason": "the storage moves"}
    assert told[3].changes_before == {"rate_limit": 5, "rate_seconds": 10}
    assert all("ada" not in entry.payload for entry in told)


def test_jobs_switched_in_bulk_are_one_entry_for_each_batch() -> None:
    failed = [make_job(status="failed") for _ in range(3)]
    mark = len(entries())

    list(switches.retry_batches("imaging", batch_size=2))
    switches.cancel_jobs("imaging")

    first, second, cancelled = since(mark)
    assert [first.action, second.action, cancelled.action] == [
        "jobs.retried",
        "jobs.retried",
        "jobs.cancelled",
    ]
    assert first.details["jobs"] == 2
    assert first.details["ids"] + second.details["ids"] == sorted(str(job.pk) for job in failed)
    assert cancelled.details["jobs"] == 3


def test_duplicates_are_counted_in_the_entry() -> None:
    image = make_image()
    make_job(image=image, status="failed", unique_key="same")
    make_job(image=image, unique_key="same")
    other = make_job(status="failed")
    mark = len(entries())

    assert switches.retry_failed("imaging") == 1

    (entry,) = since(mark)
    assert (entry.details["jobs"], entry.details["duplicates"]) == (1, 1)
    assert str(other.pk) in entry.details["ids"]


def test_where_nothing_changes_there_is_no_entry() -> None:
    assert switches.cancel_jobs("imaging") == 0
    assert not switches.resume("imaging", by="ada")
    assert not switches.retry_job("imaging", uuid7())

    assert entries() == []


def test_steering_a_job_from_its_page_is_one_entry() -> None:
    moderator = make_user("moderator")
    run = RecurringJob.objects.create(name="nightly", tick=timezone.now(), status="failed")
    client = Client()
    client.force_login(moderator)
    mark = len(entries())

    client.post(f"/jobs/recurringjob/{run.pk}/retry/")
    client.post(f"/jobs/recurringjob/{run.pk}/cancel/")

    told = since(mark)
    assert [entry.action for entry in told] == ["job.retried", "job.cancelled"]
    assert {entry.resource_id for entry in told} == {str(run.pk)}
    assert {entry.actor_id for entry in told} == {moderator.pk}


def test_deleting_old_jobs_is_one_entry_for_each_batch() -> None:
    long_ago = timezone.now() - timedelta(days=900)
    for number in range(3):
        key = housekeeping.old_jobs.first_key(long_ago)
        make_job(
            pk=type(key)(int=key.int + number),
            status="completed",
            created_at=long_ago,
            completed_at=long_ago,
        )
    mark = len(entries())

    list(housekeeping.delete_old(registry.kind("imaging"), batch_size=2))

    assert not ProcessingJob.objects.exists()
    told = since(mark)
    assert [(entry.action, entry.details["finished"]) for entry in told] == [
        ("jobs.pruned", 2),
        ("jobs.pruned", 1),
    ]


def test_the_schedule_is_paused_resumed_and_run_with_an_entry_each() -> None:
    Recurrence.objects.create(name="nightly", cron="0 3 * * *", timezone="UTC")
    mark = len(entries())

    schedule.pause("nightly", by="ada", reason="holidays")
    schedule.resume("nightly", by="ada")
    job = schedule.run_now("nightly", by="ada")

    told = since(mark)
    assert [entry.action for entry in told] == [
        "schedule_entry.paused",
        "schedule_entry.resumed",
        "schedule_entry.started",
    ]
    assert told[2].details == {"job": str(job.pk)}


def test_a_tick_is_no_entry() -> None:
    now = timezone.now()
    Recurrence.objects.create(
        name="nightly", cron="* * * * *", timezone="UTC", next_at=now - timedelta(minutes=1)
    )
    mark = len(entries())

    assert schedule.tick() == 1
    assert since(mark) == []


def test_what_is_written_in_a_jobs_course_names_the_job() -> None:
    job = RecurringJob(name="nightly", tick=timezone.now())
    token = current.set(("recurring", job))
    try:
        record("access.refused", outcome="failure", error="no")
        told = context.for_database()
    finally:
        current.reset(token)

    assert (only().source, only().job_id) == ("job", str(job.pk))
    assert str(job.pk) in told
    assert context.for_database() == '{"source": "system"}'
