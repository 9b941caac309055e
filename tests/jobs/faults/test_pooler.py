"""Workers behind PgBouncer in transaction mode: slower to hear of jobs, otherwise as good."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import ExitStack

import psycopg
import pytest
from django.db import connection

from database.connections import as_admin, own_connection
from jobs.models import Worker
from jobs.querysets import JobQuerySet
from tests.jobs.faults.ledger import delivered_once, holds, outcomes, send
from tests.jobs.faults.pooler import Pooler
from tests.jobs.queueapp.models import Errand, Parcel, Receipt, Telegram
from tests.jobs.workers import WorkerProcess, eventually, reached, runs

pytestmark = pytest.mark.heavy

Start = Callable[..., WorkerProcess]

# What a session may have kept from the client before.
SESSION = """
    SELECT current_setting('enable_seqscan'), current_setting('plan_cache_mode'),
        coalesce(current_setting('app.user_id', true), ''),
        (SELECT count(*) FROM pg_listening_channels()),
        (SELECT count(*) FROM pg_prepared_statements)
"""

ALL = ("--queues", "errands,parcels,telegrams")


def seen(worker: WorkerProcess) -> Worker:
    """The worker's row, once it has one."""
    row: Worker = eventually(Worker.objects.filter(pid=worker.pid).first, within=20)
    return row


def all_is_done() -> bool:
    """Whether no job of any kind waits or runs."""
    return not any(JobQuerySet(model).live().exists() for model in (Errand, Parcel, Telegram))


def test_a_worker_behind_it_polls_says_so_once_and_completes_jobs_of_every_kind(
    start_worker: Start, pooler: Pooler
) -> None:
    worker = start_worker(*ALL, DATABASE_URL=pooler.url)
    for _ in range(3):
        Errand.objects.enqueue([Errand(payload={"do": "write", "finish": True}) for _ in range(20)])
        Parcel.objects.enqueue([Parcel(payload={"do": "write"}) for _ in range(20)])
        send(100, seconds=0.1)
        eventually(all_is_done, within=60)

    assert Errand.objects.filter(status="completed", attempt=1).count() == 60
    assert Parcel.objects.filter(status="completed", attempt=1).count() == 60
    assert Telegram.objects.filter(status="completed", attempt=1).count() == 300
    assert Receipt.objects.count() == 420
    eventually(lambda: not seen(worker).listens)
    log = worker.logged()
    assert log.count("notifications do not pass the connection pooler") == 1
    assert "prepared statement" not in log + pooler.logged()
    assert '"level": "error"' not in log


def test_its_settings_do_not_reach_the_pooler_s_other_clients(
    start_worker: Start, pooler: Pooler
) -> None:
    start_worker(*ALL, DATABASE_URL=pooler.url)
    send(200, seconds=0.05)
    eventually(lambda: not Telegram.objects.live().exists())

    found = set()
    with ExitStack() as together:  # so that each has another of the server's sessions
        for _ in range(10):
            other = together.enter_context(psycopg.connect(pooler.url, prepare_threshold=None))
            found.add(other.execute(SESSION).fetchone())

    assert found == {("on", "auto", "", 0, 0)}


def test_running_jobs_can_be_cancelled_behind_it(start_worker: Start, pooler: Pooler) -> None:
    limits = {"TEST_ERRAND_LIMIT": "60", "TEST_TELEGRAM_LIMIT": "60"}
    start_worker(*ALL, DATABASE_URL=pooler.url, **limits)
    [errand] = Errand.objects.enqueue([Errand(payload={"do": "poll_for_cancel"})])
    [telegram] = Telegram.objects.filter(pk__in=send(1, "nap", seconds=50))
    for job in (errand, telegram):
        reached(job, "processing", within=20)

    Errand.objects.all().cancel()
    Telegram.objects.all().cancel()

    for job in (errand, telegram):
        reached(job, "cancelled")


def test_jobs_of_a_worker_that_is_killed_behind_it_run_again(
    start_worker: Start, pooler: Pooler
) -> None:
    victim = start_worker(*ALL, DATABASE_URL=pooler.url, TEST_TELEGRAM_LIMIT="60")
    send(100, seconds=50, slow_attempts=1)
    holds(victim, 100)
    start_worker(*ALL, DATABASE_URL=pooler.url)

    victim.send(signal.SIGKILL)

    delivered_once(100)
    assert outcomes() == {"lost": 100}


def test_a_worker_beside_it_still_listens(start_worker: Start, pooler: Pooler) -> None:
    behind = start_worker(*ALL, DATABASE_URL=pooler.url)
    beside = start_worker(*ALL)

    eventually(lambda: seen(behind).listens is False and seen(beside).listens, within=20)


def test_it_works_on_when_the_pooler_is_restarted(start_worker: Start, pooler: Pooler) -> None:
    worker = start_worker(*ALL, "--grace", "1", DATABASE_URL=pooler.url)
    send(300, seconds=1.5, retries=100)
    holds(worker, 100)

    with as_admin(connection), own_connection() as admin:
        ended = admin.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    assert ended is not None

    delivered_once(300)
    assert runs(worker.pid)
