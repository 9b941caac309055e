"""What is told about queues and workers."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from config.health import ADVISORY
from database.connections import as_admin, own_connection
from database.models import SystemSetting
from jobs import health, registry, switches
from jobs.health import Holder
from jobs.models import Worker
from jobs.moments import database_now
from tests.jobs.queueapp.models import Errand, Parcel

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_queues_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queues of the tests, and none of the product's."""
    known = {queue: registry.kind(queue) for queue in ("errands", "parcels")}
    monkeypatch.setattr(registry, "_KINDS", known)


def worker(ago: float = 0, **fields: Any) -> Worker:
    moment = timezone.now() - timedelta(seconds=ago)
    options = {"queues": ["errands"], "last_seen_at": moment, **fields}
    return Worker.objects.create(name=f"host:1:{ago}", hostname="host", pid=1, **options)


def status() -> dict[str, Any]:
    out = io.StringIO()
    call_command("queue_status", "--json", stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


def test_readiness_asks_how_the_queues_stand() -> None:
    for check in ("workers", "oldest_job", "horizon", "dead_rows"):
        assert ADVISORY[check] is getattr(health, check)


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


# --- The oldest job -------------------------------------------------------------------------------


def waiting(minutes: float, model: Any = Errand, **fields: Any) -> Any:
    made = database_now() - timedelta(minutes=minutes)
    return model.objects.create(**({"created_at": made} | fields))


def test_a_job_that_waits_too_long_is_told_with_its_queue_and_age() -> None:
    waiting(14)
    assert health.oldest_job() is None

    waiting(16, priority=1)
    waiting(130, Parcel)

    assert health.oldest_job() == (
        "In the queue parcels a job has waited for 2 hours. Start more workers:"
        " python manage.py run_worker"
    )


def test_how_long_is_too_long_is_a_setting() -> None:
    waiting(2)
    assert health.oldest_job() is None

    SystemSetting.objects.create(setting_key="queue_late_seconds", setting_value=60)

    assert "In the queue errands a job has waited for 2 minutes" in (health.oldest_job() or "")


def test_a_job_that_is_held_back_or_runs_does_not_wait() -> None:
    waiting(100, available_at=timezone.now() + timedelta(hours=1))
    waiting(100, status="processing")

    assert health.oldest_job() is None


def test_a_job_that_is_tried_again_waits_since_its_last_error() -> None:
    waiting(100, last_error_at=database_now() - timedelta(minutes=1))
    assert health.oldest_job() is None

    waiting(100, last_error_at=database_now() - timedelta(minutes=50))
    assert "50 minutes" in (health.oldest_job() or "")


def test_where_a_queue_is_paused_the_sentence_says_so() -> None:
    waiting(100)
    switches.pause("errands", by="anna")

    assert health.oldest_job() == (
        "In the queue errands a job has waited for 100 minutes. The queue was paused by anna; when"
        " it may go on: python manage.py resume_queue errands"
    )


def test_the_search_for_the_oldest_follows_the_line_and_counts_nothing() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {health.oldest_in_line(Errand)}", [250])
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "Index Scan using idx_test_errands_ready" in plan
    assert "Limit" in plan
    assert "Sort" not in plan


# --- What keeps vacuum from its work --------------------------------------------------------------


@pytest.mark.skipif(
    settings.EMBEDDED_HOME is None,
    reason="on a server of its own the suite logs in as somebody whose sessions hide their age",
)
@pytest.mark.django_db(transaction=True)
def test_an_old_transaction_is_told_with_its_process_and_a_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "OLD_TRANSACTION", timedelta(0))
    with own_connection() as other, other.transaction():
        other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT 1")
        told = health.horizon()
        pid = other.info.backend_pid

    assert told is not None
    assert f"The database session with process id {pid} holds an old snapshot for " in told
    assert f"end it, if nobody needs it: SELECT pg_terminate_backend({pid})" in told


@pytest.mark.django_db(transaction=True)
def test_a_young_transaction_is_no_trouble() -> None:
    with own_connection() as other, other.transaction():
        other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT 1")

        assert health.horizon() is None


@pytest.mark.django_db(transaction=True)
def test_somebody_elses_transaction_is_told_by_how_far_it_lies_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However young it is, and whoever's login: the system reads all statistics."""
    monkeypatch.setattr(health, "OLD_TRANSACTION", timedelta(days=999))
    with as_admin(connection):
        other = own_connection()
    try:
        other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT 1")
        assert health.horizon() is None
        # Whatever other databases of this server do, too, makes it lie further behind.
        monkeypatch.setattr(health, "OLD_SNAPSHOT", 3)
        for _ in range(6):
            Parcel.objects.create()
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            assert cursor.fetchone()[0] == "lacuna_system"
        told = health.horizon()
        pid = other.info.backend_pid
    finally:
        other.close()

    assert told is not None
    assert f"process id {pid} holds an old snapshot for " in told


@pytest.mark.django_db(transaction=True)
def test_an_idle_session_that_holds_nothing_is_no_trouble(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "OLD_TRANSACTION", timedelta(0))
    with own_connection() as other, other.transaction():
        other.execute("SELECT 1")
        pid = other.info.backend_pid

        assert f"process id {pid} " not in (health.horizon() or "")


@pytest.mark.parametrize(
    ("holder", "old"),
    [
        (Holder("session", "17", 10, timedelta(minutes=9)), False),
        (Holder("session", "17", 10, timedelta(minutes=11)), True),
        (Holder("session", "17", 10, None), False),
        (Holder("session", "17", 1_000_001, None), True),
        (Holder("prepared", "tx", 1, timedelta(hours=1)), True),
        (Holder("slot", "standby", 1_000_001, None), True),
        (Holder("slot", "standby", 999_999, None), False),
    ],
)
def test_old_is_by_time_where_it_is_seen_and_by_transactions(holder: Holder, old: bool) -> None:
    assert holder.is_old is old


def test_each_holder_comes_with_its_own_remedy() -> None:
    day = timedelta(days=3)

    assert Holder("prepared", "tx", 2000, day).sentence() == (
        "The prepared transaction 'tx' holds an old snapshot for 3 days (2,000 transactions"
        " behind), so vacuum cannot remove dead rows and the queues slow down. As an administrator,"
        " finish it with COMMIT PREPARED or ROLLBACK PREPARED"
    )
    assert "drop the slot" in Holder("slot", "standby", 2_000_000, None).sentence()


# --- Dead rows ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_queue_that_vacuum_does_not_reach_is_told(
    monkeypatch: pytest.MonkeyPatch, owner: psycopg.Connection[Any]
) -> None:
    monkeypatch.setattr(health, "DEAD_ROWS", 100)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
    for kind in registry.kinds():  # what tests before left
        owner.execute(f"VACUUM {kind.model._meta.db_table}")
    assert health.dead_rows() is None
    with own_connection() as other, other.transaction():
        # An old snapshot, as in life, keeps the rows from being removed while the test looks.
        other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT 1")
        Errand.objects.enqueue_rows(priority=[5] * 2_500)
        Errand.objects.all().delete()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_force_next_flush()")
        told = health.dead_rows()

    assert told is not None
    assert told.startswith("The queue errands drags 2,500 dead rows along (table test_errands,")
    assert told.endswith("run as the owner: VACUUM test_errands")


def test_a_healthy_site_has_nothing_to_tell_and_a_sick_one_a_list() -> None:
    def told_here() -> list[str]:
        """Without the dead rows that other tests may have left in the same tables."""
        return [sentence for sentence in health.warnings() if "dead rows" not in sentence]

    assert told_here() == []

    waiting(100)

    told = told_here()
    assert len(told) == 2
    assert told[0].startswith("Jobs wait in errands")
    assert told[1].startswith("In the queue errands")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 seconds"), (119, "119 seconds"), (120, "2 minutes"), (7_200, "2 hours"),
     (172_799, "47 hours"), (172_800, "2 days")],
)  # fmt: skip
def test_spans_are_told_roughly(seconds: int, words: str) -> None:
    assert health.in_words(timedelta(seconds=seconds)) == words
