"""Jobs whose worker is gone, silent or stuck are rescued."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from jobs.models import Worker
from tests.jobs.errands import LIMIT, NOW, running
from tests.jobs.queueapp.models import Errand, Parcel

pytestmark = pytest.mark.django_db

LEASE = timedelta(seconds=20)


def seen(name: str, ago: float, **fields: Any) -> Worker:
    moment = timezone.now() - timedelta(seconds=ago)
    return Worker.objects.create(
        name=name, hostname="h", pid=1, queues=["errands"], last_seen_at=moment, **fields
    )


def rescue(model: type[Errand | Parcel] = Errand) -> dict[UUID, str]:
    return model.objects.rescue(lease=LEASE, overdue=timedelta(seconds=30), rule=NOW)


def test_the_jobs_of_a_silent_worker_are_rescued() -> None:
    seen("dead", ago=21)
    seen("alive", ago=5)
    lost = running("dead")
    kept = running("alive")

    assert rescue() == {lost.id: "retrying"}

    lost.refresh_from_db()
    assert lost.error_message == "The worker dead stopped answering."
    assert (lost.retry_count, lost.worker_id) == (1, None)
    kept.refresh_from_db()
    assert kept.status == "processing"


def test_a_job_whose_retries_are_spent_is_rescued_as_failed() -> None:
    lost = running("nobody", max_retries=0)

    assert rescue() == {lost.id: "failed"}


def test_a_cancelled_job_is_rescued_as_cancelled() -> None:
    lost = running("nobody")
    Errand.objects.cancel()

    assert rescue() == {lost.id: "cancelled"}


def test_the_jobs_of_a_stopped_worker_are_rescued_at_once() -> None:
    seen("gone", ago=0, stopped_at=timezone.now())
    lost = running("gone")

    assert rescue() == {lost.id: "retrying"}


def test_a_job_that_runs_without_a_worker_is_rescued() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO test_errands (status) VALUES ('processing')")

    assert list(rescue().values()) == ["retrying"]
    assert Errand.objects.get().error_message == "The job was running, but no worker held it."


def test_a_job_far_past_its_deadline_is_rescued_from_a_worker_that_answers() -> None:
    seen("stuck", ago=1)
    lost = running("stuck")
    Errand.objects.update(deadline_at=timezone.now() - timedelta(seconds=31))

    assert rescue() == {lost.id: "retrying"}
    lost.refresh_from_db()
    assert lost.error_message is not None
    assert "ran past its deadline, and the worker stuck did not stop it" in lost.error_message


def test_a_rescued_jobs_late_outcome_has_no_effect() -> None:
    job = running("dead")
    rescue()

    assert not Errand.objects.finish(job)
    job.refresh_from_db()
    assert job.status == "retrying"


def test_without_a_state_for_it_rescue_and_retry_work_too() -> None:
    Parcel.objects.enqueue([Parcel(max_retries=0), Parcel()])
    Parcel.objects.claim("nobody", 2, time_limit=LIMIT)

    assert sorted(rescue(Parcel).values()) == ["failed", "pending"]
    assert Parcel.objects.retry() == 1
    assert Parcel.objects.promote() == 2
