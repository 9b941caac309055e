"""What is told when the log is not sealed or published as it should be."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.test import Client

from audit import alarms, keyring, partitions
from audit.models import Entry
from audit.recording import record
from audit.sealing import running
from audit.sealing.sealer import beat, connect
from tests.audit.sealing.wholeness import begin_empty, settle

pytestmark = pytest.mark.django_db(transaction=True)

Administrator = psycopg.Connection[Any]


@pytest.fixture(autouse=True)
def ring(transactional_db: None, tmp_path: Path, settings: Any) -> keyring.Keyring:
    begin_empty()
    settings.AUDIT_KEYRING = tmp_path / "keys" / "keyring.json"
    settings.AUDIT_PUBLISH = [f"file://{tmp_path / 'outside'}"]
    settings.AUDIT_PUBLISH_SECONDS = 60
    partitions.make_ahead()
    return keyring.create("tests.example/audit")


@pytest.fixture
def age(administrator: Administrator) -> Callable[[str], None]:
    """Makes what a statement of the administrator makes of the tables."""
    administrator.execute("SET session_replication_role = replica")

    def change(statement: str) -> None:
        administrator.execute(statement)

    return change


def write() -> None:
    with transaction.atomic():
        record("setting.updated", subject=("setting", "x"))
    settle()


def test_a_log_that_is_sealed_and_published_raises_none(client: Client) -> None:
    assert alarms.warnings() == []
    write()
    running.seal_once()

    assert alarms.warnings() == []
    checks = client.get("/readyz").json()["checks"]
    assert {name: told for name, told in checks.items() if name.startswith("audit")} == {
        "audit_restored": "ok",
        "audit_sealer": "ok",
        "audit_unsealed": "ok",
        "audit_publication": "ok",
        "audit_months": "ok",
    }


def test_entries_that_no_sealer_ever_saw_are_told() -> None:
    write()

    assert alarms.sealer() == (
        "No sealer has ever run, and entries wait to be sealed. Start it:"
        " python manage.py seal_audit"
    )


def test_a_sealer_that_is_gone_is_told_once_entries_wait(age: Callable[[str], None]) -> None:
    write()
    running.seal_once()
    age("UPDATE audits.audit_sealer SET last_seen_at = now() - interval '5 minutes'")
    assert alarms.sealer() is None

    write()
    told = alarms.sealer()
    assert told is not None
    assert "last seen 5 minutes ago. Start it" in told


def test_what_the_sealer_says_is_told() -> None:
    with connect() as own:
        beat(own, "here:1", "It was a dark night.")

    assert alarms.sealer() == "The sealer of the audit log says: It was a dark night."


def test_an_entry_that_waits_for_a_minute_is_told(age: Callable[[str], None]) -> None:
    write()
    running.seal_once()
    write()
    assert alarms.unsealed() is None

    age("UPDATE audits.audit_log SET created_at = clock_timestamp() - interval '61 seconds'")
    told = alarms.unsealed()
    assert told is not None
    assert re.search(r"written \d+ seconds ago and is not sealed yet", told)


def test_checkpoints_that_do_not_leave_are_told(
    age: Callable[[str], None], settings: Any, tmp_path: Path
) -> None:
    write()
    running.seal_once()
    (tmp_path / "file").touch()
    settings.AUDIT_PUBLISH = [*settings.AUDIT_PUBLISH, f"file://{tmp_path / 'file'}"]
    assert alarms.publication() is None, "it is not late yet"

    age("UPDATE audits.audit_batch SET sealed_at = now() - interval '4 minutes'")
    told = alarms.publication()
    assert told is not None
    assert f"have not reached file://{tmp_path / 'file'} for 4 minutes" in told

    settings.AUDIT_PUBLISH = ["ftp://old/"]
    assert "AUDIT_PUBLISH" in (alarms.publication() or "")


def test_entries_of_a_missing_month_are_told_and_put_in_their_place(
    administrator: Administrator, ring: keyring.Keyring
) -> None:
    write()
    administrator.execute("SET session_replication_role = replica")
    administrator.execute(
        "INSERT INTO audits.audit_log (created_at, action, payload)"
        " VALUES ('2019-05-05 12:00Z', 'setting.updated', '{\"a\":1}')"
    )
    leaves = administrator.execute("SELECT id, leaf FROM audits.audit_log ORDER BY id").fetchall()
    running.seal_once()
    assert "default partition" in (alarms.months() or "")

    assert partitions.recover_astray() == 1
    assert alarms.months() is None
    rows = administrator.execute(
        "SELECT id, leaf FROM audits.audit_log ORDER BY id LIMIT 2"
    ).fetchall()
    assert rows == leaves
    found = administrator.execute(
        "SELECT tableoid::regclass::text FROM audits.audit_log WHERE created_at < '2020-01-01'"
    ).fetchall()
    assert found == [("audits.audit_log_2019_05",)]
    told = administrator.execute(
        "SELECT payload FROM audits.audit_log WHERE action = 'audit_month.recovered'"
    ).fetchall()
    assert len(told) == 1
    assert '"entries":1' in told[0][0]
    assert partitions.recover_astray() == 0
    administrator.execute("DROP TABLE audits.audit_log_2019_05")


def test_a_month_that_will_be_missing_is_told(administrator: Administrator) -> None:
    row = administrator.execute(
        "SELECT 'audits.audit_log_' || to_char(now() AT TIME ZONE 'UTC' + interval '2 months',"
        " 'YYYY_MM')"
    ).fetchone()
    assert row is not None
    administrator.execute(f"DROP TABLE {row[0]}")

    assert f"has no partition {row[0]} yet" in (alarms.months() or "")
    assert row[0].partition(".")[2] in partitions.make_ahead()
    assert alarms.months() is None


def test_every_question_is_answered_along_an_index(administrator: Administrator) -> None:
    write()
    running.seal_once()
    for statement, parameters in ((alarms._OLDEST, []), (alarms._UNPUBLISHED, ["x"])):
        with connection.cursor() as cursor, transaction.atomic():
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
            cursor.execute("SET LOCAL enable_sort = off")
            cursor.execute(f"EXPLAIN {statement}", parameters)
            plan = "\n".join(row[0] for row in cursor.fetchall())
        assert "Seq Scan" not in plan
        assert "Sort  (" not in plan


def test_a_restored_log_says_so_for_a_week(age: Callable[[str], None]) -> None:
    write()
    running.seal_once()
    age("UPDATE audits.audit_era SET system_identifier = '1'")  # as in a copy on another server
    write()
    running.seal_once()

    told = alarms.restored()

    assert told is not None
    assert "was restored on this server" in told
    assert Entry.objects.filter(action="audit_log.restored").count() == 1
    age("UPDATE audits.audit_era SET started_at = started_at - interval '8 days'")
    assert alarms.restored() is None
