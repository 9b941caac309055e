"""What ``install_queue()`` gives a table, and what its triggers tell."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection

from database.connections import own_connection
from jobs.outcomes import Outcome, Verdict
from jobs.worker.bell import CHANNEL
from tests.jobs.queueapp.models import Errand, Parcel

LIMIT = timedelta(minutes=1)


@pytest.fixture
def heard(transactional_db: None) -> Iterator[Any]:
    """Calls an action and returns the tables that the bell rang for."""
    with own_connection() as listener:
        listener.execute(f"LISTEN {CHANNEL}")

        def hear() -> list[str]:
            with connection.cursor() as cursor:  # in the order of the commits: after the action's
                cursor.execute("SELECT pg_notify(%s, 'that is all')", [CHANNEL])
            told: list[str] = []
            for each in listener.notifies(timeout=30):
                if each.payload == "that is all":
                    return told
                told.append(each.payload)
            raise AssertionError(f"the last word did not come, only {told}")

        yield hear


def test_an_insert_rings_once_however_many_rows(heard: Any) -> None:
    Errand.objects.enqueue([Errand() for _ in range(20)])

    assert heard() == ["test_errands"]


def test_claiming_and_finishing_do_not_ring(heard: Any) -> None:
    Errand.objects.enqueue([Errand()])
    heard()

    [job] = Errand.objects.claim("w1", 1, time_limit=LIMIT)
    Errand.objects.finish(job)

    assert heard() == []


def test_a_retry_a_promotion_and_a_request_to_stop_ring(heard: Any) -> None:
    Errand.objects.enqueue([Errand()])
    heard()
    [job] = Errand.objects.claim("w1", 1, time_limit=LIMIT)

    Errand.objects.settle([Outcome(job.id, job.attempt, Verdict.RELEASED)])
    assert heard() == ["test_errands"]
    Errand.objects.promote()
    assert heard() == ["test_errands"]
    Errand.objects.claim("w1", 1, time_limit=LIMIT)
    Errand.objects.cancel()
    assert heard() == ["test_errands"]


def test_without_a_state_for_retries_a_promotion_rings_too(heard: Any) -> None:
    Parcel.objects.enqueue([Parcel()])
    [job] = Parcel.objects.claim("w1", 1, time_limit=LIMIT)
    Parcel.objects.settle([Outcome(job.id, job.attempt, Verdict.RELEASED)])
    heard()

    assert Parcel.objects.promote() == 1

    assert heard() == ["test_parcels"]


def installed(owner: psycopg.Connection[Any], table: str) -> tuple[set[str], set[str], list[str]]:
    indexes = owner.execute("SELECT indexname FROM pg_indexes WHERE tablename = %s", [table])
    triggers = owner.execute(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", [table]
    )
    options = owner.execute(
        "SELECT coalesce(reloptions, '{}') FROM pg_class WHERE oid = %s::regclass", [table]
    )
    return {row[0] for row in indexes}, {row[0] for row in triggers}, options.fetchall()[0][0]


def test_a_queue_can_be_installed_and_uninstalled(
    owner: psycopg.Connection[Any],
) -> None:
    owner.execute("CREATE TABLE test_letters (LIKE test_errands INCLUDING DEFAULTS)")
    try:
        owner.execute("SELECT install_queue('test_letters', 'new', 'open', 'again')")
        indexes, triggers, options = installed(owner, "test_letters")
        owner.execute("SELECT uninstall_queue('test_letters')")
        after = installed(owner, "test_letters")
    finally:
        owner.execute("DROP TABLE test_letters")

    assert indexes == {
        "idx_test_letters_ready",
        "idx_test_letters_turns",
        "idx_test_letters_expiring",
        "idx_test_letters_waiting",
        "idx_test_letters_running",
        "test_letters_unique_key_live",
    }
    assert triggers == {
        "take_turn_on_insert",
        "take_turn_on_update",
        "notify_jobs_on_insert",
        "notify_jobs_on_update",
    }
    assert "fillfactor=80" in options
    assert after == (set(), set(), [])


@pytest.mark.django_db
def test_the_application_may_not_install_queues() -> None:
    with (
        pytest.raises(Exception, match="permission denied for function install_queue"),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT install_queue('test_errands', 'a', 'b')")


@pytest.mark.django_db
def test_a_heartbeat_touches_no_index_but_those_of_key_and_name() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'job_workers'")
        definitions = " ".join(row[0] for row in cursor.fetchall())

    assert "(id)" in definitions
    assert "(name)" in definitions
    assert "last_seen_at" not in definitions
