"""A server that is restarted, or dies, while hundreds of coroutines are under way."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.jobs.faults.site import Site
from tests.jobs.workers import WorkerProcess, eventually, runs

Start = Callable[..., WorkerProcess]

pytestmark = pytest.mark.heavy


def under_load(start: Start, site: Site, jobs: int) -> list[WorkerProcess]:
    """Two workers in the midst of their work."""
    workers = [start(**site.worker) for _ in range(2)]
    eventually(lambda: site.number("SELECT count(*) FROM job_workers") == 2)
    site.send(jobs, seconds=0.3)
    holders = "SELECT count(DISTINCT worker_id) FROM test_telegrams WHERE status = 'processing'"
    eventually(lambda: site.number(holders) == 2, within=20)
    return workers


@pytest.mark.timeout(90)
def test_a_server_that_restarts_under_load_loses_and_doubles_nothing(
    start_telegraph: Start, site: Site
) -> None:
    workers = under_load(start_telegraph, site, 600)

    site.stop()
    time.sleep(1.0)
    site.start()

    site.delivered_once(600, within=30)
    assert all(runs(worker.pid) for worker in workers)


@pytest.mark.timeout(180)
def test_over_many_restarts_and_crashes_nothing_is_lost_and_nothing_done_twice(
    start_telegraph: Start, site: Site
) -> None:
    workers = under_load(start_telegraph, site, 4000)
    for turn in range(8):
        time.sleep(0.5 + 0.1 * turn)
        if turn % 2:
            site.stop()
            time.sleep(0.4 * turn)
        else:
            site.kill()
        site.start()
        eventually(lambda: site.number("SELECT 1") == 1)

    site.delivered_once(4000, within=90)
    assert all(runs(worker.pid) for worker in workers)


@pytest.mark.timeout(90)
def test_a_server_process_that_crashes_takes_all_sessions_along_and_no_job(
    start_telegraph: Start, site: Site
) -> None:
    """One of the server's processes is killed: PostgreSQL ends every session and recovers."""
    workers = under_load(start_telegraph, site, 600)
    claims = site.number(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'lacuna claims' LIMIT 1"
    )

    os.kill(claims, signal.SIGKILL)

    site.delivered_once(600, within=30)
    assert all(runs(worker.pid) for worker in workers)
