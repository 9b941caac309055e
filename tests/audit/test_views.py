"""The documented views over the log, and the documented statement that makes a month."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connection, transaction

from audit import context, keyring
from audit.models import Entry
from audit.recording import record
from audit.sealing.sealer import Sealer, connect
from database.connections import as_owner, own_connection
from tests.audit.logs import seal

pytestmark = pytest.mark.django_db(transaction=True)

HERE = context.Context(source="admin", ip_address="203.0.113.7", user_agent="Browser")
MONTH = "audit_log_2019_01"


def write(action: str = "setting.updated", **fields: Any) -> None:
    with context.within(HERE), transaction.atomic():
        record(action, **fields)


def rows(query: str) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_security_audit_has_the_documented_columns_and_words() -> None:
    user = uuid4()
    write(
        by=user,
        subject=("setting", "max_file_size"),
        before={"value": 1},
        after={"value": 2},
        outcome="failure",
        error="too large",
    )
    write("evidence.exported")
    write("audit_key.added")

    setting, export, key = rows("SELECT * FROM security_audit ORDER BY timestamp")

    assert list(setting) == [
        *("id", "user_id", "action", "resource_type", "resource_id", "status", "ip_address"),
        *("user_agent", "error_message", "changes_before", "changes_after", "timestamp"),
        "created_at",
    ]
    assert setting["id"] == Entry.objects.order_by("id")[0].entry_id
    assert (setting["user_id"], setting["action"]) == (user, "config_change")
    assert (setting["status"], setting["error_message"]) == ("failure", "too large")
    assert str(setting["ip_address"]) == "203.0.113.7"
    assert (export["action"], key["action"]) == ("export_data", "audit_key.added")


def test_audit_logs_has_the_documented_columns_and_no_resource_that_is_no_uuid() -> None:
    image = uuid4()
    write(subject=("image", str(image)), before={"a": 1}, after={"a": 2})
    write(subject=("setting", "max_file_size"))

    first, second = rows("SELECT * FROM audit_logs ORDER BY created_at")

    assert list(first) == [
        *("id", "user_id", "action", "resource_type", "resource_id", "changes", "ip_address"),
        *("user_agent", "created_at"),
    ]
    assert first["resource_id"] == image
    assert first["changes"] == '{"after": {"a": 2}, "before": {"a": 1}}'
    assert second["resource_id"] is None
    assert second["changes"] is None


def test_audit_log_details_shows_what_entries_carry() -> None:
    write(
        details={"event": "import", "success_count": 3, "failure_count": 1, "system": {"cpu": 2}},
        duration_ms=120,
    )
    write()

    [found] = rows("SELECT * FROM audit_log_details")

    assert found["audit_id"] == found["id"]
    assert (found["event_name"], found["duration_ms"]) == ("import", 120)
    assert (found["success_count"], found["failure_count"]) == (3, 1)
    assert found["event_description"] == "A row of setting was changed."
    assert found["system_state"] == '{"cpu": 2}'


def test_recent_audit_events_are_the_newest_thousand() -> None:
    with transaction.atomic():
        for _ in range(1005):
            record("setting.updated")

    found = rows("SELECT id FROM recent_audit_events")

    newest = Entry.objects.order_by("-id").values_list("id", flat=True)[:1000]
    assert [row["id"] for row in found] == list(newest)


def test_statistics_count_by_day_action_and_outcome() -> None:
    write(subject=("setting", "a"), duration_ms=10)
    write(subject=("setting", "b"), duration_ms=30)
    write(outcome="failure")

    found = rows("SELECT * FROM audits.audit_statistics ORDER BY outcome")

    assert [(row["outcome"], row["entries"]) for row in found] == [("failure", 1), ("success", 2)]
    assert (found[1]["resources"], found[1]["average_duration_ms"]) == (2, 20)


def test_prev_hash_is_the_leaf_before_and_null_until_sealed(ring: keyring.Keyring) -> None:
    with connect() as own:
        sealer = Sealer(own, ring)
        write()
        write()
        seal(sealer)
        write()
        seal(sealer)
        write()
    first, second, third, fourth = Entry.objects.order_by("id")
    [batch] = rows("SELECT batch_hash FROM audits.audit_batch WHERE batch_no = 1")

    before = [bytes(entry.prev_hash or b"") for entry in (first, second, third)]
    assert before == [bytes(32), bytes(first.leaf), bytes(batch["batch_hash"])]
    assert fourth.prev_hash is None
    [chain] = rows("SELECT batches, size, era, astray FROM audits.audit_chain")
    assert chain == {"batches": 2, "size": 5, "era": 1, "astray": 0}


def test_place_finds_every_entry_of_a_large_batch(tmp_path: Path, settings: Any) -> None:
    """Numbers whose bytes overlap with their neighbours' are the hard ones."""
    settings.AUDIT_KEYRING = tmp_path / "keyring.json"
    ring = keyring.create("tests.example/audit")
    with connect() as own:
        with transaction.atomic():
            for _ in range(700):
                record("setting.updated")
        seal(Sealer(own, ring))

    found = rows(
        "SELECT s.seq, row_number() OVER (ORDER BY l.id) - 1 AS expected"
        " FROM audits.audit_log l LEFT JOIN LATERAL audits.place(l.id, l.xid) s ON true"
    )

    assert len(found) == 700
    assert [row for row in found if row["seq"] != row["expected"]] == []


def test_the_documented_statement_makes_a_month_and_manage_partitions_guards_it(
    owner: psycopg.Connection[Any],
) -> None:
    owner.execute(
        f"CREATE TABLE audits.{MONTH} PARTITION OF audits.audit_log"
        " FOR VALUES FROM ('2019-01-01') TO ('2019-02-01')"
    )
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT audits.make_months('2019-01-01', 0)")
        owner.execute(
            "INSERT INTO audits.audit_log (action, created_at) VALUES ('a.b', '2019-01-05')"
        )
        for attempt in ("TRUNCATE audits.{}", "DELETE FROM audits.{}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                owner.execute(attempt.format(MONTH))
    finally:
        with as_owner(connection), own_connection() as other:
            other.execute(f"DROP TABLE audits.{MONTH}")
