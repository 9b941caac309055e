"""Workers that hold a hundred jobs and are killed."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from jobs.models import Worker
from tests.jobs.faults.ledger import (
    MANY_RETRIES,
    delivered_once,
    held_by,
    holds,
    outcomes,
    send,
)
from tests.jobs.queueapp.models import Telegram
from tests.jobs.workers import WorkerProcess, eventually

pytestmark = pytest.mark.heavy

Start = Callable[..., WorkerProcess]


def test_a_hundred_jobs_of_a_killed_worker_run_again_once(start_telegraph: Start) -> None:
    victim = start_telegraph(TEST_TELEGRAM_LIMIT="60")
    send(100, seconds=50, slow_attempts=1)
    holds(victim, 100)
    start_telegraph()

    victim.send(signal.SIGKILL)

    delivered_once(100)
    assert set(Telegram.objects.values_list("attempt", "retry_count")) == {(2, 1)}
    assert outcomes() == {"lost": 100}


@pytest.mark.timeout(90)
def test_at_the_real_pace_they_run_again_within_25_seconds(start_telegraph: Start) -> None:
    start_telegraph(pace=1.0, TEST_TELEGRAM_LIMIT="60")
    victim = start_telegraph(pace=1.0, TEST_TELEGRAM_LIMIT="60")
    eventually(lambda: Worker.objects.count() == 2, within=20)
    send(200, seconds=6, slow_attempts=1)
    holds(victim, 100)
    theirs = set(held_by(victim).values_list("id", flat=True))

    victim.send(signal.SIGKILL)
    killed = time.monotonic()

    left = Telegram.objects.filter(id__in=theirs).exclude(status="completed")
    eventually(lambda: not left.exists(), within=30)
    assert time.monotonic() - killed < 25
    delivered_once(200)
    assert outcomes() == {"lost": 100}


@pytest.mark.timeout(300)
def test_over_nineteen_kills_nothing_is_lost_and_nothing_done_twice(
    start_telegraph: Start,
) -> None:
    """At a tenth of the real rhythm; what one kill leaves behind overlaps with the next."""
    start_telegraph()
    for _ in range(19):
        victim = start_telegraph()
        eventually(Worker.objects.filter(pid=victim.pid).exists, within=20)
        send(200, seconds=1.5, slow_attempts=1, retries=MANY_RETRIES)
        holds(victim, 100)
        victim.send(signal.SIGKILL)

    delivered_once(19 * 200, within=90)
    # On a slow machine a few may have ended before the kill came.
    assert outcomes()["lost"] > 19 * 80
