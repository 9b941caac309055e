"""One run for each tick, whatever happens: many workers at once, and workers that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.conf import settings
from django.db import connection, connections

from jobs import schedule
from jobs.models import Missed, Recurrence, RecurringJob
from jobs.schedule import Recurring
from tests.jobs.workers import eventually

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
TICKS = 50


@pytest.fixture(autouse=True)
def _one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Due every minute from noon on; runs may overlap, so that nothing is dropped."""
    monkeypatch.setattr("jobs.schedule.keeping.entries", lambda: [ENTRY])
    schedule.synchronise()
    Recurrence.objects.update(next_at=NOON)


ENTRY = Recurring(
    name="sweep",
    cron="* * * * *",
    run="jobs.housekeeping.prune_finished",
    timezone="UTC",
    missed=Missed.EACH,
)


def at_once(count: int, action: Callable[[Barrier], int]) -> list[int]:
    """What the action answered in each of so many threads, each with a connection of its own."""
    barrier = Barrier(count)

    def run(_: int) -> int:
        try:
            return action(barrier)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def start(code: str) -> subprocess.Popen[bytes]:
    """A process of its own on the test's database."""
    program = "import django; django.setup()\n" + textwrap.dedent(code)
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "TEST_DATABASE_NAME": connection.settings_dict["NAME"],
            "SECRET_KEY": settings.SECRET_KEY,
        },
    )


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that are gone when the test is."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=10)


def runs_of_each_tick() -> Counter[datetime]:
    return Counter(RecurringJob.objects.values_list("tick", flat=True))


def test_workers_that_look_at_the_same_moment_queue_one_run() -> None:
    def look(barrier: Barrier) -> int:
        queued = 0
        for minute in range(TICKS):
            barrier.wait(timeout=30)
            queued += schedule.tick(NOON + timedelta(minutes=minute))
        return queued

    assert sum(at_once(4, look)) == TICKS

    expected = Counter(NOON + timedelta(minutes=minute) for minute in range(TICKS))
    assert runs_of_each_tick() == expected


def test_processes_that_race_through_fifty_ticks_queue_one_run_each(
    processes: list[subprocess.Popen[bytes]],
) -> None:
    code = f"""
        from datetime import datetime, timedelta
        from jobs import schedule
        noon = datetime.fromisoformat({NOON.isoformat()!r})
        for minute in range({TICKS}):
            schedule.tick(noon + timedelta(minutes=minute))
    """
    processes += [start(code) for _ in range(2)]

    assert [process.wait(timeout=60) for process in processes] == [0, 0]

    expected = Counter(NOON + timedelta(minutes=minute) for minute in range(TICKS))
    assert runs_of_each_tick() == expected
    assert Recurrence.objects.get().next_at == NOON + timedelta(minutes=TICKS)


@pytest.mark.parametrize("step", ["_queued", "_advance"], ids=["run inserted", "row moved on"])
def test_a_worker_killed_before_it_commits_leaves_the_tick_to_the_next(
    processes: list[subprocess.Popen[bytes]], step: str
) -> None:
    code = f"""
        import os, signal
        from datetime import datetime
        from jobs.schedule import ticking
        real = ticking.{step}
        def and_die(*arguments):
            real(*arguments)
            os.kill(os.getpid(), signal.SIGKILL)
        ticking.{step} = and_die
        ticking.tick(datetime.fromisoformat({NOON.isoformat()!r}))
    """
    processes.append(start(code))

    assert processes[0].wait(timeout=60) == -signal.SIGKILL

    # The server lets go of the row as soon as it notices.
    assert eventually(lambda: schedule.tick(NOON), what="the tick") == 1
    assert runs_of_each_tick() == Counter([NOON])


def test_a_row_that_another_worker_has_locked_is_left_to_it() -> None:
    from database.connections import own_connection

    with own_connection() as other, other.transaction():
        other.execute("SELECT FROM job_schedule FOR UPDATE")
        assert schedule.tick(NOON) == 0

    assert schedule.tick(NOON) == 1


def test_workers_that_start_together_write_each_declaration_once() -> None:
    Recurrence.objects.all().delete()

    def synchronise(barrier: Barrier) -> int:
        barrier.wait(timeout=30)
        return len(schedule.synchronise().added)

    assert sum(at_once(6, synchronise)) == 1

    assert Recurrence.objects.get().name == "sweep"


def test_a_run_asked_for_by_many_at_once_is_queued_once() -> None:
    Recurrence.objects.update(overlap=False)

    def ask(barrier: Barrier) -> int:
        barrier.wait(timeout=30)
        try:
            schedule.run_now("sweep")
        except schedule.NotNow:
            return 0
        return 1

    assert sum(at_once(4, ask)) == 1

    assert RecurringJob.objects.count() == 1
