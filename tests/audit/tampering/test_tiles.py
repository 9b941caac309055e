"""Tiles changed, in a log that is long enough to have one."""

from __future__ import annotations

import pytest

from tests.audit.tampering.sealed import Connection, SealedLog, assert_found, reseal

_MANY = """
    INSERT INTO audits.audit_log (action, xid)
    SELECT 'setting.updated', (SELECT max(xid) FROM audits.audit_log)
    FROM generate_series(1, 65600)
"""
CHANGES = {
    "changed": (
        "UPDATE audits.audit_tile SET hashes = set_byte(hashes, 70, 255 - get_byte(hashes, 70))",
        "Tile 0 of level 1 does not follow from the leaves",
    ),
    "deleted": ("DELETE FROM audits.audit_tile", "Tile 0 of level 1 is missing"),
    "renumbered": ("UPDATE audits.audit_tile SET idx = 1", "Tile 0 of level 1 is missing"),
    "added beyond the end": (
        "INSERT INTO audits.audit_tile SELECT 1, 1, hashes FROM audits.audit_tile",
        "Tile 1 of level 1 stands beyond the log",
    ),
    "added above": (
        "INSERT INTO audits.audit_tile SELECT 2, 0, hashes FROM audits.audit_tile",
        "Tile 0 of level 2 stands beyond the log",
    ),
    "added before the beginning": (
        "INSERT INTO audits.audit_tile SELECT 1, -1, hashes FROM audits.audit_tile",
        "Tile -1 of level 1 stands beyond the log",
    ),
    "added at no level": (
        "ALTER TABLE audits.audit_tile DROP CONSTRAINT audit_tile_size_check;"
        " INSERT INTO audits.audit_tile SELECT 0, 0, hashes FROM audits.audit_tile",
        "Tile 0 of level 0 stands beyond the log",
    ),
    "added once more": (
        "ALTER TABLE audits.audit_tile DROP CONSTRAINT audit_tile_pkey;"
        " INSERT INTO audits.audit_tile SELECT * FROM audits.audit_tile",
        "holds 2 tiles",
    ),
}


def test_a_changed_tile_is_found(log: SealedLog, intruder: Connection) -> None:
    intruder.execute(_MANY)
    reseal(intruder, log.ring, from_batch=7, most=20_000)
    assert log.verify(intruder).findings == []

    for name, (statements, text) in CHANGES.items():
        intruder.execute("SAVEPOINT intact")
        intruder.execute(statements)
        report = log.verify(intruder)
        assert not report.ok, name
        assert_found(report, text)
        intruder.execute("ROLLBACK TO intact")


@pytest.mark.parametrize("level", [1, 8])
def test_a_tile_in_a_log_that_is_too_short_for_it_is_found(
    level: int, log: SealedLog, intruder: Connection
) -> None:
    intruder.execute(
        "INSERT INTO audits.audit_tile VALUES (%s, 0, decode(repeat('00', 8192), 'hex'))", [level]
    )

    assert_found(log.verify(intruder), f"Tile 0 of level {level} stands beyond the log")
