"""What is told about queues and workers."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from config.health import ADVISORY
from jobs import health
from jobs.models import Worker
from tests.jobs.queueapp.models import Errand, Parcel

pytestmark = pytest.mark.django_db


def worker(ago: float = 0, **fields: Any) -> Worker:
    moment = timezone.now() - timedelta(seconds=ago)
    options = {"queues": ["errands"], "last_seen_at": moment, **fields}
    return Worker.objects.create(name=f"host:1:{ago}", hostname="host", pid=1, **options)


def status() -> dict[str, Any]:
    out = io.StringIO()
    call_command("queue_status", "--json", stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


def test_readiness_asks_for_workers() -> None:
    assert ADVISORY["workers"] is health.workers


def test_without_jobs_nobody_misses_a_worker() -> None:
    assert health.workers() is None


def test_jobs_that_wait_without_a_worker_are_told() -> None:
    Errand.objects.enqueue([Errand()])

    assert health.workers() == (
        "Jobs wait in errands, but no worker has been seen there for 30 seconds."
        " Start one: python manage.py run_worker"
    )


def test_a_worker_that_answers_is_enough() -> None:
    Errand.objects.enqueue([Errand()])
    worker(ago=20)

    assert health.workers() is None


@pytest.mark.parametrize(
    "absent",
    [{"ago": 31}, {"stopped_at": timezone.now()}, {"queues": ["parcels"]}],
    ids=["silent", "stopped", "elsewhere"],
)
def test_a_worker_that_does_not_serve_the_queue_is_no_worker(absent: dict[str, Any]) -> None:
    Errand.objects.enqueue([Errand()])
    worker(**absent)

    assert health.workers() is not None


def test_the_status_counts_jobs_and_names_workers() -> None:
    long_ago = timezone.now() - timedelta(minutes=5)
    Errand.objects.enqueue([Errand(created_at=long_ago), Errand()])
    Errand.objects.bulk_create([Errand(status="completed")])
    name = worker().name

    told = status()

    errands = next(queue for queue in told["queues"] if queue["queue"] == "errands")
    assert errands["table"] == "test_errands"
    assert errands["counts"] == {"completed": 1, "queued": 2}
    assert 299 < errands["oldest_ready_seconds"] < 330
    assert errands["workers"] == 1
    assert [each["name"] for each in told["workers"]] == [name]


def test_a_job_that_is_held_back_is_not_ready() -> None:
    Parcel.objects.enqueue([Parcel(available_at=timezone.now() + timedelta(hours=1))])

    parcels = next(queue for queue in status()["queues"] if queue["queue"] == "parcels")

    assert parcels["oldest_ready_seconds"] is None
    assert parcels["counts"] == {"pending": 1}


def test_the_status_for_people_says_what_to_do() -> None:
    Errand.objects.enqueue([Errand()])
    out = io.StringIO()

    call_command("queue_status", stdout=out)

    assert "errands (test_errands): 1 queued" in out.getvalue()
    assert "no worker answers. Start one: python manage.py run_worker" in out.getvalue()
    assert "parcels (test_parcels): empty" in out.getvalue()
