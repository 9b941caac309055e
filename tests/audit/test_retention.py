"""Retiring months: exported, recorded, detached; old proofs still verify."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from audit import evidence, keyring, lacuna_verify, retention
from audit.errors import EvidenceRefused, RetentionRefused
from audit.models import Entry
from audit.recording import record
from audit.sealing.sealer import Sealer, connect
from audit.verification import verify
from database import partitions
from database.connections import as_owner, own_connection
from tests.audit.logs import seal_all

pytestmark = pytest.mark.django_db(transaction=True)

OLD, OLDER = "audit_log_2021_03", "audit_log_2021_02"


@pytest.fixture
def months() -> Iterator[None]:
    """Two months of long ago, and their tables gone at the end, detached or not."""
    with as_owner(connection), own_connection() as owner:
        owner.execute("SELECT audits.make_months('2021-02-01', 1)")
    yield
    with as_owner(connection), own_connection() as owner:
        for name in (OLD, OLDER):
            owner.execute(f"DROP TABLE IF EXISTS audits.{name}")


@pytest.fixture
def write_then(
    months: None, administrator: psycopg.Connection[Any]
) -> Callable[[str, int], list[int]]:
    """Writes entries of a day long ago, as they would have been written then."""

    def write(day: str, number: int) -> list[int]:
        rows = administrator.execute(
            "INSERT INTO audits.audit_log (created_at, action, resource_type, resource_id)"
            " SELECT %s::timestamptz, 'setting.updated', 'setting', n::text"
            " FROM generate_series(1, %s) AS n RETURNING id",
            [day, number],
        )
        return [row[0] for row in rows]

    return write


def publish(sealer: Sealer) -> None:
    assert sealer.head is not None
    with connect() as own:
        own.execute(
            "INSERT INTO audits.audit_publication (target, size, note) VALUES ('test', %s, %s)",
            [sealer.size, sealer.head.note],
        )


def seal_and_publish(sealer: Sealer) -> None:
    seal_all(sealer)
    publish(sealer)


def test_a_retired_month_is_in_its_file_and_the_log_still_verifies(
    sealer: Sealer,
    ring: keyring.Keyring,
    write_then: Callable[[str, int], list[int]],
    tmp_path: Path,
) -> None:
    old = write_then("2021-03-05", 5)
    with transaction.atomic():
        record("setting.updated", subject=("setting", "now"))
    seal_and_publish(sealer)
    proof = io.BytesIO()
    evidence.write(proof, entries=old[:1])

    retired = retention.retire(OLD, tmp_path / "archive")
    seal_and_publish(sealer)

    assert (retired.entries, retired.file.name) == (5, f"{OLD}.jsonl")
    key = str(ring.keys[0].public)
    assert lacuna_verify.main([str(retired.file), "--key", key]) == 0
    earlier = tmp_path / "earlier"
    earlier.write_bytes(proof.getvalue())
    assert lacuna_verify.main([str(earlier), "--key", key]) == 0
    report = verify(ring.pins(), full=True)
    assert report.findings == []
    assert (report.entries, report.retired) == (7, 5)
    assert Entry.objects.filter(id__in=old).count() == 0
    [entry] = Entry.objects.filter(action="audit_month.retired")
    assert entry.resource_id == OLD
    assert entry.details["file_sha256"] == retired.sha256
    with pytest.raises(EvidenceRefused, match="the file of that month has it"):
        evidence.write(io.BytesIO(), entries=old)


def test_the_detached_table_is_still_guarded(
    sealer: Sealer,
    write_then: Callable[[str, int], list[int]],
    owner: psycopg.Connection[Any],
    tmp_path: Path,
) -> None:
    write_then("2021-03-05", 2)
    seal_and_publish(sealer)
    retention.retire(OLD, tmp_path)

    for attempt in (
        "UPDATE audits.{} SET action = 'a.b'",
        "DELETE FROM audits.{}",
        "TRUNCATE audits.{}",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            owner.execute(attempt.format(OLD))


def test_a_month_that_is_not_sealed_or_not_published_stays(
    sealer: Sealer, write_then: Callable[[str, int], list[int]], tmp_path: Path
) -> None:
    write_then("2021-03-05", 1)
    seal_all(sealer)
    with pytest.raises(RetentionRefused, match="no checkpoint that covers them is published"):
        retention.retire(OLD, tmp_path)
    publish(sealer)
    write_then("2021-03-06", 1)
    with pytest.raises(RetentionRefused, match="1 of its entries are not sealed yet"):
        retention.retire(OLD, tmp_path)

    assert list(tmp_path.glob("*.jsonl")) == []
    assert OLD in [one.name for one in partitions.list_partitions("audits.audit_log")]


def test_what_the_log_does_not_say_was_retired_is_missing(
    sealer: Sealer,
    ring: keyring.Keyring,
    write_then: Callable[[str, int], list[int]],
    owner: psycopg.Connection[Any],
) -> None:
    old = write_then("2021-03-05", 3)
    seal_and_publish(sealer)
    owner.execute(f"ALTER TABLE audits.audit_log DETACH PARTITION audits.{OLD}")
    owner.execute(
        "INSERT INTO audits.audit_retired (partition, entries, ids, file_name, file_sha256)"
        " VALUES (%s, 3, int8multirange(int8range(%s, %s)), 'x', 'y')",
        [OLD, old[0], old[-1] + 1],
    )

    report = verify(ring.pins(), full=True)

    assert report.first_bad_entry == old[0]
    assert [one.text for one in report.findings][1:] == [f"Entry {n} is missing." for n in old]


def test_a_month_that_attests_earlier_ones_says_so_anew(
    sealer: Sealer,
    ring: keyring.Keyring,
    write_then: Callable[[str, int], list[int]],
    administrator: psycopg.Connection[Any],
    tmp_path: Path,
) -> None:
    write_then("2021-02-05", 2)
    seal_and_publish(sealer)
    retention.retire(OLDER, tmp_path)
    # As if that had been done in March.
    administrator.execute("SET session_replication_role = replica")
    administrator.execute(
        "UPDATE audits.audit_log SET created_at = '2021-03-20' WHERE action = 'audit_month.retired'"
    )
    administrator.execute("SET session_replication_role = origin")
    seal_and_publish(sealer)

    retention.retire(OLD, tmp_path)
    seal_and_publish(sealer)

    assert Entry.objects.filter(action="audit_month.retired").count() == 2
    report = verify(ring.pins(), full=True)
    assert report.findings == []
    assert report.retired == 3


def test_the_command_retires_what_is_old_enough(
    sealer: Sealer, write_then: Callable[[str, int], list[int]], tmp_path: Path
) -> None:
    write_then("2021-03-05", 2)
    seal_and_publish(sealer)
    out = io.StringIO()

    call_command("retire_audit", "--dry-run", stdout=out)
    assert out.getvalue() == f"Would retire {OLDER}, {OLD}.\n"

    out = io.StringIO()
    call_command("retire_audit", "--folder", str(tmp_path), "--json", stdout=out)
    told = json.loads(out.getvalue())["retired"]
    assert [(one["partition"], one["entries"]) for one in told] == [(OLDER, 0), (OLD, 2)]

    out = io.StringIO()
    call_command("retire_audit", stdout=out)
    assert out.getvalue() == "No month is old enough.\n"


def test_the_command_says_which_month_it_could_not_retire(
    write_then: Callable[[str, int], list[int]], tmp_path: Path, ring: keyring.Keyring
) -> None:
    write_then("2021-03-05", 2)
    with pytest.raises(CommandError, match="Retired before it: audit_log_2021_02"):
        call_command("retire_audit", "--folder", str(tmp_path))
