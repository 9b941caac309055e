"""A sealed log of several batches, and an intruder who owns the database it lies in."""

from __future__ import annotations

import os
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from django.db import connection

from audit import keyring
from audit.proofs import entries
from audit.sealing.sealer import Sealer, connect
from audit.verification import Report, examine
from database.connections import as_admin, connection_parameters

Connection = psycopg.Connection[Any]

PARTITIONS: Final = ("audit_log_2021_01", "audit_log_2021_02")
ACTOR: Final = "0192f0c1-0000-7000-8000-000000000001"
_INSERT: Final = """
    INSERT INTO audits.audit_log (
        created_at, actor_id, action, resource_type, resource_id, duration_ms, payload, personal
    ) VALUES (
        coalesce(%(at)s::timestamptz, clock_timestamp()), %(actor)s, %(action)s, %(kind)s, %(key)s,
        %(ms)s, %(payload)s, %(personal)s
    ) RETURNING id, entry_id
"""
# Batches of transactions of entries, each with what is special about it.
_PLAN: Final[list[list[list[dict[str, Any]]]]] = [
    [[{"at": "2021-01-05"}, {"at": "2021-01-06"}, {"at": "2021-01-07"}], [{}, {}]],
    [[{}, {"actor": ACTOR}, {"kind": None, "key": None}, {}]],
    [[{}, {"key": "alpha"}, {"key": "beta"}, {"ms": 7}, {"private": "192.0.2.7"}, {}]],
    [[{"at": "2021-02-01"}, {"at": "2021-02-02"}, {"at": "2021-02-03"}], [{}, {}]],
    [[{}, {"at": "2019-05-01"}, {"private": "192.0.2.9"}]],
    [[{}, {}, {}], [{}, {}, {}]],
]
# The numbers of some entries by what they are good for, as places (batch, entry), from 0.
_NAMED: Final = {
    "first": (0, 0),
    "other_first": (0, 3),
    "second_batch": (1, 0),
    "actor": (1, 1),
    "null": (1, 2),
    "third_batch": (2, 0),
    "alpha": (2, 1),
    "beta": (2, 2),
    "timed": (2, 3),
    "private": (2, 4),
    "february": (3, 0),
    "fourth_batch": (3, 3),
    "default": (4, 1),
    "private_too": (4, 2),
    "fifth_batch": (4, 0),
    "last_batch": (5, 0),
    "last": (5, 5),
}


@dataclass(frozen=True, slots=True)
class SealedLog:
    """What an honest sealer has made, and what others have kept of it."""

    parameters: dict[str, Any]  # of a superuser's connection
    ring: keyring.Keyring
    numbers: dict[str, int]
    middle: str  # the checkpoint after the third batch
    end: str  # the checkpoint after the last batch
    size: int

    def intruder(self) -> Connection:
        """A superuser's connection, in a transaction in which no trigger of the log fires."""
        made = psycopg.connect(**self.parameters)
        made.execute("SET session_replication_role = replica")
        made.commit()
        made.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return made

    def verify(self, on: Connection, **options: Any) -> Report:
        """Everything, as the intruder's transaction has left it, by the log's own keys."""
        return examine(on, self.ring.pins(), **{"full": True, **options})


def make(folder: Path) -> SealedLog:
    """Write and seal the log in the test database, which must be empty."""
    ring = keyring.create("tests.example/audit", path=folder / "keyring.json")
    with as_admin(connection):
        parameters, _ = connection_parameters()
    notes = []
    found: list[list[int]] = []
    with (
        closing(psycopg.connect(**parameters, autocommit=True)) as admin,
        closing(connect()) as own,
    ):
        admin.execute("SELECT audits.make_months('2021-01-01', 1)")
        sealer = Sealer(own, ring)
        for batch in _PLAN:
            found.append([number for rows in batch for number in write(admin, rows)])
            wait(own)
            sealed = sealer.step()
            assert sealed is not None
            assert sealed.entries == len(found[-1])
            notes.append(sealed.note)
        write(admin, [{}, {}])
        wait(own)
        numbers = {name: found[batch][place] for name, (batch, place) in _NAMED.items()}
        return SealedLog(parameters, ring, numbers, notes[2], notes[-1], sealer.size)


def write(admin: Connection, rows: list[dict[str, Any]]) -> list[int]:
    """Write entries in one transaction, as they come from actions; their numbers."""
    numbers = []
    with admin.transaction():
        for row in rows:
            salt, data = os.urandom(32), f'{{"ip_address":"{row.get("private")}"}}'
            made = admin.execute(
                _INSERT,
                {
                    "at": row.get("at"),
                    "actor": row.get("actor"),
                    "action": row.get("action", "setting.updated"),
                    "kind": row.get("kind", "setting"),
                    "key": row.get("key", "x"),
                    "ms": row.get("ms"),
                    "payload": row.get("payload", '{"source":"system"}'),
                    "personal": entries.commitment(salt, data) if "private" in row else None,
                },
            ).fetchone()
            assert made is not None
            numbers.append(made[0])
            if "private" in row:
                admin.execute(
                    "INSERT INTO audits.audit_personal (entry_id, salt, data) VALUES (%s, %s, %s)",
                    [made[1], salt, data],
                )
    return numbers


def wait(own: Connection, seconds: float = 60.0) -> None:
    """Until every transaction that wrote entries is behind all that are still open."""
    until = time.monotonic() + seconds
    query = (
        "SELECT coalesce(max(xid), 0) < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
        " FROM audits.audit_log"
    )
    while True:
        row = own.execute(query).fetchone()
        if row is not None and row[0]:
            return
        assert time.monotonic() < until, "a transaction elsewhere on the server does not end"
        time.sleep(0.02)


def empty(log: SealedLog) -> None:
    """Leave nothing of it in the test database."""
    with closing(psycopg.connect(**log.parameters, autocommit=True)) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "TRUNCATE audits.audit_log, audits.audit_personal, audits.audit_batch,"
            " audits.audit_tile, audits.audit_era, audits.audit_retired, audits.audit_sealer"
            " CASCADE"
        )
        for name in PARTITIONS:
            admin.execute(f"DROP TABLE IF EXISTS audits.{name}")


def reseal(on: Connection, ring: keyring.Keyring, *, from_batch: int = 1, most: int = 6) -> Sealer:
    """Take the seal away from a batch on, and seal what is there now, as the sealer would."""
    on.execute("DELETE FROM audits.audit_batch WHERE batch_no >= %s", [from_batch])
    on.execute("DELETE FROM audits.audit_tile")
    sealer = Sealer(on, ring, most=most)
    for _ in sealer.drain():
        pass
    on.execute("SELECT pg_advisory_unlock_all()")
    return sealer


def cut(on: Connection, batch: int) -> None:
    """Take away the batches from this one on, and every entry that they or nobody sealed."""
    on.execute(
        "WITH gone AS (DELETE FROM audits.audit_log WHERE xid >="
        " (SELECT xid_lo FROM audits.audit_batch WHERE batch_no = %s) RETURNING entry_id)"
        " DELETE FROM audits.audit_personal p USING gone WHERE p.entry_id = gone.entry_id",
        [batch],
    )
    on.execute("DELETE FROM audits.audit_batch WHERE batch_no >= %s", [batch])


def assert_found(
    report: Report, text: str, *, entry: int | None = None, batch: int | None = None
) -> None:
    """That a finding says so, and that the entry or the batch is named rightly."""
    assert not report.ok, "nothing was found"
    told = [one for one in report.findings if text in one.text]
    assert told, [one.text for one in report.findings]
    assert report.first_bad_entry == entry, [one.text for one in report.findings]
    if entry is not None:
        assert any(f"Entry {entry} " in one.text for one in report.findings)
    if batch is not None:
        assert min(one.batch for one in report.findings if one.batch is not None) == batch
