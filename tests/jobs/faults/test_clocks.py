"""Workers whose clock is wrong by an hour: every moment is the database's."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models import F

from jobs import schedule
from jobs.models import Recurrence, RecurringJob, Worker
from jobs.moments import database_now
from tests.jobs.faults.ledger import holds, outcomes, send
from tests.jobs.queueapp.models import Errand, Parcel, Receipt, Telegram
from tests.jobs.workers import WorkerProcess, eventually, reached

Start = Callable[..., WorkerProcess]

pytestmark = pytest.mark.heavy

# Python loads a module of this name before anything else.
SITECUSTOMIZE = """
import datetime, os, time

seconds = float(os.environ["CLOCK_IS_WRONG_BY"])
right = datetime.datetime
shift = datetime.timedelta(seconds=seconds)
time_time, time_time_ns, clock_gettime = time.time, time.time_ns, time.clock_gettime


class Kind(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, right)

    def __subclasscheck__(cls, subclass):
        return issubclass(subclass, right)


class Wrong(right, metaclass=Kind):
    @classmethod
    def now(cls, tz=None):
        return right.now(tz) + shift

    @classmethod
    def utcnow(cls):
        return right.utcnow() + shift

    @classmethod
    def today(cls):
        return right.today() + shift


# It keeps its own name: psycopg finds by name how to write a kind of value, and gives
# the name to the first class that bears it.
datetime.datetime = Wrong
time.time = lambda: time_time() + seconds
time.time_ns = lambda: time_time_ns() + int(seconds * 1e9)
time.clock_gettime = lambda which: (
    clock_gettime(which) + (seconds if which == time.CLOCK_REALTIME else 0)
)
"""

HOUR = 3600
HALF = timedelta(minutes=30)


@pytest.fixture(params=[HOUR, -HOUR], ids=["ahead", "behind"])
def wrong_by(request: pytest.FixtureRequest) -> int:
    """Seconds."""
    return int(request.param)


@pytest.fixture
def start_wrong(start_worker: Start, tmp_path: Path, wrong_by: int) -> Start:
    """Starts workers whose clock is wrong, and that of their processes."""
    folder = tmp_path / "clock"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE, encoding="ascii")

    def start(*arguments: str) -> WorkerProcess:
        queues = ("--queues", "errands,parcels,telegrams")
        wrong = {"PYTHONPATH": str(folder), "CLOCK_IS_WRONG_BY": str(wrong_by)}
        wrong["TEST_TELEGRAM_LIMIT"] = "60"
        return start_worker(*queues, *arguments, **wrong)

    return start


def test_it_runs_every_kind_of_job_at_its_moment(start_wrong: Start, wrong_by: int) -> None:
    now = database_now()
    later = Errand.objects.enqueue([Errand(available_at=now + HALF)])[0]
    due = Errand.objects.enqueue([Errand(available_at=now - HALF)])[0]
    fresh = Errand.objects.enqueue([Errand(expires_at=now + HALF)])[0]
    stale = Errand.objects.enqueue([Errand(expires_at=now - HALF)])[0]
    failing = {"do": "retry_after", "seconds": 0.5}
    failed = Errand.objects.enqueue([Errand(payload=failing, max_retries=1)])[0]
    parcel = Parcel.objects.enqueue([Parcel()])[0]
    telegram = Telegram.objects.get(pk=send(1, "write")[0])

    start_wrong()

    for job in (due, fresh, parcel, telegram):
        reached(job, "completed", within=20)
        assert job.started_at is not None
        assert job.completed_at is not None
        assert now <= job.started_at <= job.completed_at <= database_now()
    reached(stale, "cancelled")
    reached(failed, "failed")
    assert failed.attempt == 2
    assert failed.started_at is not None
    assert 0.5 <= (failed.started_at - now).total_seconds() < 20
    time.sleep(0.5)
    later.refresh_from_db()
    assert later.attempt == 0
    assert Worker.objects.get().last_seen_at <= database_now()
    # The handlers' own clock was wrong indeed.
    for receipt in Receipt.objects.all():
        assert abs((receipt.written_at - now).total_seconds() - wrong_by) < 60


def test_its_lease_holds_and_it_takes_no_job_from_others(
    start_worker: Start, start_wrong: Start
) -> None:
    """A lease lasts 2 s here. Each has its jobs for longer while the other looks for lost ones."""
    wrong = start_wrong()
    send(100, seconds=20)
    holds(wrong, 100)
    right = start_worker("--queues", "errands,parcels,telegrams", TEST_TELEGRAM_LIMIT="60")
    send(100, seconds=4)
    holds(right, 100)

    eventually(lambda: not Telegram.objects.live().exists(), within=40)
    assert set(Telegram.objects.values_list("status", "attempt")) == {("completed", 1)}
    assert outcomes() == {}


def test_when_it_is_killed_its_jobs_run_again(start_worker: Start, start_wrong: Start) -> None:
    wrong = start_wrong()
    send(100, seconds=50, slow_attempts=1)
    holds(wrong, 100)
    start_worker("--queues", "telegrams")

    wrong.send(signal.SIGKILL)

    eventually(lambda: Telegram.objects.filter(status="completed", attempt=2).count() == 100)
    assert Receipt.objects.count() == 100


def test_it_queues_recurring_work_when_the_database_says_so(start_wrong: Start) -> None:
    schedule.synchronise()
    planned = dict(Recurrence.objects.values_list("name", "next_at"))
    assert len(planned) > 1
    Recurrence.objects.update(next_at=database_now() + HALF)
    name = "prune_jobs"
    Recurrence.objects.filter(name=name).update(next_at=database_now() - timedelta(seconds=1))

    start_wrong()

    eventually(RecurringJob.objects.exists, within=20)
    time.sleep(1.0)
    assert list(RecurringJob.objects.values_list("name", flat=True)) == [name]
    assert Recurrence.objects.get(name=name).next_at == planned[name]
    others = Recurrence.objects.exclude(name=name)
    assert not others.filter(next_at__lt=F("updated_at")).exists()
