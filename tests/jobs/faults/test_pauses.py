"""Workers that stand still for longer than their lease, as on a machine that sleeps."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.jobs.faults.ledger import holds, send
from tests.jobs.queueapp.models import Receipt, Telegram
from tests.jobs.workers import WorkerProcess, eventually

pytestmark = pytest.mark.heavy

Start = Callable[..., WorkerProcess]

# Each writes in another way once it wakes: its results, its progress, its end by the worker, and
# its results from a thread that nobody can stop.
WAYS = {"sleep": 40, "nap": 40, "progress": 16, "write_late": 4}


def as_they_stand() -> list[tuple[Any, ...]]:
    """All that the late worker could have changed."""
    return list(
        Telegram.objects.order_by("id").values_list(
            "id", "status", "attempt", "worker_id", "completed_at", "progress_message"
        )
    )


def stands_still(start: Start, *, pace: float, lasting: float, seconds: float) -> None:
    """The test, at either rhythm: jobs of so many seconds, a worker that stands still for more."""
    options = {"pace": pace, "TEST_TELEGRAM_LIMIT": "100"}
    sleeper = start("--concurrency", "2", **options)
    for do, number in WAYS.items():
        for finish in (True, False):  # by the handler, or by the worker
            send(number // 2, do, seconds=lasting, slow_attempts=1, finish=finish)
    holds(sleeper, 100)
    time.sleep(5 * pace)
    family = sleeper.family()
    for pid in family:
        WorkerProcess.send_to(pid, signal.SIGSTOP)
    stopped = time.monotonic()
    other = start(**options)
    eventually(lambda: not Telegram.objects.live().exists(), within=40)
    assert set(Telegram.objects.values_list("status", "attempt")) == {("completed", 2)}
    time.sleep(max(0.0, seconds - (time.monotonic() - stopped)))
    before = as_they_stand()

    for pid in family:
        WorkerProcess.send_to(pid, signal.SIGCONT)

    eventually(lambda: "stops its jobs" in sleeper.logged(), within=20)
    other.stop()
    more = send(120, seconds=0.2)
    done = Telegram.objects.filter(
        id__in=more, status="completed", worker_id__contains=f":{sleeper.pid}:"
    )
    eventually(lambda: done.count() == 120, within=40, what="the work of the woken worker")
    time.sleep(max(0.5, 20 * pace))  # for the latest of the late
    assert as_they_stand()[:100] == before
    late = Receipt.objects.exclude(job_id__in=more)
    assert set(late.values_list("attempt", flat=True)) == {2}
    assert late.count() == WAYS["sleep"] + WAYS["write_late"]
    assert "lost its lease" in sleeper.logged()


@pytest.mark.timeout(90)
def test_what_a_worker_writes_after_its_lease_is_refused_and_it_works_on(
    start_telegraph: Start,
) -> None:
    stands_still(start_telegraph, pace=0.1, lasting=6, seconds=7)


@pytest.mark.timeout(240)
def test_the_same_after_a_minute_at_the_real_pace(start_telegraph: Start) -> None:
    stands_still(start_telegraph, pace=1.0, lasting=25, seconds=60)
