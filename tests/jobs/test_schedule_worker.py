"""Recurring work from its tick to its end, with a real worker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from jobs import schedule
from jobs.moments import database_now
from tests.jobs.old_rows import ended
from tests.jobs.queueapp.models import Errand
from tests.jobs.workers import WorkerProcess, reached

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_run_is_done_by_a_worker_and_leaves_its_history(
    start_worker: Callable[..., WorkerProcess],
) -> None:
    ended(100)
    kept = ended(1)
    schedule.synchronise()
    job = schedule.run_now("prune_jobs", by="anna")

    start_worker("--queues", "recurring")

    reached(job, "completed")
    assert list(Errand.objects.all()) == [kept]
    assert job.progress_message == "1 jobs deleted"
    [standing] = [each for each in schedule.standing() if each.name == "prune_jobs"]
    assert standing.last_run is not None
    assert standing.last_run.status == "completed"
    assert standing.last_at is not None
    assert database_now() - standing.last_at < timedelta(minutes=2)
