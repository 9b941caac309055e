"""A network that fails while claims are under way on a connection that nobody waits on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.models import Worker
from tests.jobs.faults.ledger import MANY_RETRIES, delivered_once, held_by, holds, outcomes, send
from tests.jobs.proxy import Mode, Proxy
from tests.jobs.queueapp.models import Receipt, Telegram
from tests.jobs.workers import WorkerProcess, eventually, runs

pytestmark = pytest.mark.heavy

Start = Callable[..., WorkerProcess]

# The message that binds values to a prepared claim, and no other, says so.
A_CLAIM = b"\x00claim_"


def warmed_up(worker: WorkerProcess) -> None:
    """Wait until the worker has claimed something, and forget it."""
    send(1, "noop")
    eventually(lambda: not Telegram.objects.live().exists(), within=20)
    Telegram.objects.all().delete()


def fall_into_trap(proxy: Proxy, mode: Mode) -> None:
    """Wait for a claim, after which the network does so."""
    proxy.trap = (A_CLAIM, mode)
    eventually(lambda: proxy.mode is mode, within=20, what="a claim")


@pytest.mark.parametrize(
    "mode",
    [
        Mode.REFUSE,
        Mode.SWALLOW,
        Mode.SILENT,
    ],
)
def test_jobs_whose_claim_was_never_answered_are_handed_back(
    start_telegraph: Start, proxy: Proxy, mode: Mode
) -> None:
    # A slower pace where it stops its jobs (after 7.5 s): it has 2.5 s to come back before they are
    # lost, also on a machine that is busy.
    pace = 0.1 if mode is Mode.REFUSE else 0.5
    worker = start_telegraph(
        "--poll", "60", pace=pace, DATABASE_URL=proxy.url, TEST_TELEGRAM_LIMIT="60"
    )
    warmed_up(worker)
    proxy.trap = (A_CLAIM, mode)

    send(120, seconds=0.1)
    eventually(lambda: proxy.mode is mode, within=20, what="a claim")
    eventually(lambda: held_by(worker).count() == 50, what="the claim that was heard")
    if mode is Mode.REFUSE:
        time.sleep(0.5)
    else:
        eventually(lambda: "stops its jobs" in worker.logged(), within=30)
    assert Receipt.objects.count() == 0
    proxy.mode = Mode.FORWARD

    delivered_once(120)
    assert set(Telegram.objects.values_list("retry_count", flat=True)) == {0}
    assert runs(worker.pid)


def test_a_worker_whose_network_swallows_all_stops_its_jobs_and_comes_back(
    start_telegraph: Start, proxy: Proxy, tmp_path: Path
) -> None:
    worker = start_telegraph(DATABASE_URL=proxy.url, TEST_TELEGRAM_LIMIT="60")
    asleep = tmp_path / "asleep"
    asleep.mkdir()
    send(100, seconds=50, slow_attempts=1, folder=str(asleep))
    # All of them sleep, and none speaks with the database.
    eventually(lambda: len(list(asleep.iterdir())) == 100)

    proxy.mode = Mode.SWALLOW

    eventually(lambda: "stops its jobs" in worker.logged(), within=20)
    time.sleep(1.5)
    proxy.mode = Mode.FORWARD
    delivered_once(100)
    assert set(Telegram.objects.values_list("attempt", "retry_count")) == {(2, 0)}
    assert outcomes() == {"released": 100}


def test_jobs_of_a_worker_that_is_cut_off_go_to_another(
    start_telegraph: Start, proxy: Proxy
) -> None:
    worker = start_telegraph(DATABASE_URL=proxy.url, TEST_TELEGRAM_LIMIT="60")
    send(100, seconds=50, slow_attempts=1)
    holds(worker, 100)
    start_telegraph()

    proxy.mode = Mode.SWALLOW

    delivered_once(100, within=40)
    ended = Telegram.objects.latest("completed_at").completed_at
    proxy.mode = Mode.FORWARD
    seen = Worker.objects.filter(pid=worker.pid, last_seen_at__gt=ended)
    eventually(seen.exists, within=20, what="a beat of the worker that was cut off")
    assert outcomes() == {"lost": 100}


@pytest.mark.timeout(180)
def test_over_many_cuts_nothing_is_lost_and_nothing_done_twice(
    start_telegraph: Start, proxy: Proxy
) -> None:
    worker = start_telegraph(DATABASE_URL=proxy.url)
    warmed_up(worker)
    for turn in range(12):
        send(100, seconds=0.3, retries=MANY_RETRIES)
        mode = (Mode.REFUSE, Mode.SILENT)[turn // 2 % 2]
        if turn % 2:
            fall_into_trap(proxy, mode)
        else:
            time.sleep(0.3)
            proxy.mode = mode
        time.sleep(0.5 * (turn % 5))  # now shorter than the heart bears, now longer
        proxy.mode, proxy.trap = Mode.FORWARD, None

    delivered_once(1200, within=60)
    assert runs(worker.pid)
