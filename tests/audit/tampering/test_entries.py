"""Entries changed, removed, added and moved by somebody who owns the database."""

from __future__ import annotations

from typing import Final

import pytest

from tests.audit.tampering.sealed import Connection, SealedLog, assert_found

CHANGED: Final = "is not as it was sealed"
MISSING: Final = "is missing"
ADDED: Final = "was never sealed"
_ROW: Final = """
    entry_id, v, xid, actor_id, action, resource_type, resource_id, outcome, duration_ms, payload,
    personal
"""

# What is done: the statement, what must be said, and the entry that must be named first.
FIELDS: Final = {
    "v": (
        "ALTER TABLE audits.audit_log DROP CONSTRAINT audit_log_version_check;"
        " UPDATE audits.audit_log SET v = 2 WHERE id = %(alpha)s"
    ),
    "entry_id": "UPDATE audits.audit_log SET entry_id = new_key() WHERE id = %(alpha)s",
    "xid, within its batch": (
        "UPDATE audits.audit_log SET xid = (SELECT xid_lo FROM audits.audit_batch"
        " WHERE batch_no = 3) WHERE id = %(alpha)s"
    ),
    "created_at, by a microsecond": (
        "UPDATE audits.audit_log SET created_at = created_at + interval '1 microsecond'"
        " WHERE id = %(alpha)s"
    ),
    "actor_id, to nobody": "UPDATE audits.audit_log SET actor_id = NULL WHERE id = %(actor)s",
    "actor_id, to somebody else": (
        "UPDATE audits.audit_log SET actor_id = new_key() WHERE id = %(actor)s"
    ),
    "action": "UPDATE audits.audit_log SET action = 'setting.deleted' WHERE id = %(alpha)s",
    "resource_type": "UPDATE audits.audit_log SET resource_type = 'image' WHERE id = %(alpha)s",
    "resource_id": "UPDATE audits.audit_log SET resource_id = 'alphb' WHERE id = %(alpha)s",
    "resource_id, NULL made empty": (
        "UPDATE audits.audit_log SET resource_id = '' WHERE id = %(null)s"
    ),
    "outcome": "UPDATE audits.audit_log SET outcome = 'failure' WHERE id = %(alpha)s",
    "duration_ms": "UPDATE audits.audit_log SET duration_ms = 8 WHERE id = %(timed)s",
    "duration_ms, 7 made NULL": (
        "UPDATE audits.audit_log SET duration_ms = NULL WHERE id = %(timed)s"
    ),
    "payload": "UPDATE audits.audit_log SET payload = '{}' WHERE id = %(alpha)s",
    "payload, white space alone": (
        "UPDATE audits.audit_log SET payload = payload || ' ' WHERE id = %(alpha)s"
    ),
    "personal": ("UPDATE audits.audit_log SET personal = sha256('x'::bytea) WHERE id = %(alpha)s"),
    "personal, made NULL": "UPDATE audits.audit_log SET personal = NULL WHERE id = %(private)s",
    "bytes moved from one column to the next": (
        "UPDATE audits.audit_log SET resource_type = 'settinga', resource_id = 'lpha'"
        " WHERE id = %(alpha)s"
    ),
    "contents of two entries exchanged": (
        "UPDATE audits.audit_log l SET resource_id = o.resource_id FROM audits.audit_log o"
        " WHERE (l.id, o.id) IN ((%(alpha)s, %(beta)s), (%(beta)s, %(alpha)s))"
    ),
    "trigger's leaf kept and row changed": (
        "ALTER TABLE audits.audit_log ALTER leaf DROP EXPRESSION;"
        " UPDATE audits.audit_log SET payload = '{}' WHERE id = %(alpha)s"
    ),
}
OF_FIELD: Final = {
    "actor": "actor",
    "duration_ms": "timed",
    "resource_id, NULL": "null",
    "personal, made": "private",
}


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_of_an_entry_is_sealed(name: str, log: SealedLog, intruder: Connection) -> None:
    run(intruder, FIELDS[name], log)

    named = next((entry for start, entry in OF_FIELD.items() if name.startswith(start)), "alpha")
    assert_found(log.verify(intruder), CHANGED, entry=log.numbers[named])


def test_a_column_of_another_type_gives_other_leaves(log: SealedLog, intruder: Connection) -> None:
    views = intruder.execute(
        "SELECT format('%I.%I', schemaname, viewname) FROM pg_views"
        " WHERE schemaname IN ('public', 'audits')"
    ).fetchall()
    for (view,) in views:
        intruder.execute(f"DROP VIEW IF EXISTS {view} CASCADE")
    intruder.execute("ALTER TABLE audits.audit_log ALTER leaf DROP EXPRESSION")
    intruder.execute("ALTER TABLE audits.audit_log ALTER duration_ms TYPE bigint")

    assert_found(log.verify(intruder), CHANGED, entry=log.numbers["first"])


ROWS: Final = {
    "the number of an entry changed": (
        "ALTER TABLE audits.audit_log ALTER id DROP IDENTITY;"
        " UPDATE audits.audit_log SET id = 900000 WHERE id = %(alpha)s",
        MISSING,
        "alpha",
    ),
    "the numbers of two entries exchanged": (
        "ALTER TABLE audits.audit_log ALTER id DROP IDENTITY;"
        " UPDATE audits.audit_log SET id = 900000 WHERE id = %(alpha)s;"
        " UPDATE audits.audit_log SET id = %(alpha)s WHERE id = %(beta)s;"
        " UPDATE audits.audit_log SET id = %(beta)s WHERE id = 900000",
        CHANGED,
        "alpha",
    ),
    "the first entry deleted": (
        "DELETE FROM audits.audit_log WHERE id = %(first)s",
        MISSING,
        "first",
    ),
    "an entry in the middle deleted": (
        "DELETE FROM audits.audit_log WHERE id = %(alpha)s",
        MISSING,
        "alpha",
    ),
    "the last sealed entry deleted": (
        "DELETE FROM audits.audit_log WHERE id = %(last)s",
        MISSING,
        "last",
    ),
    "all entries of a transaction deleted": (
        "DELETE FROM audits.audit_log WHERE xid ="
        " (SELECT xid FROM audits.audit_log WHERE id = %(february)s)",
        MISSING,
        "february",
    ),
    "an entry of the default partition deleted": (
        "DELETE FROM audits.audit_log_default WHERE id = %(default)s",
        MISSING,
        "default",
    ),
    "an entry's transaction moved beyond what is sealed": (
        "UPDATE audits.audit_log SET xid = (SELECT max(xid) FROM audits.audit_log)"
        " WHERE id = %(alpha)s",
        MISSING,
        "alpha",
    ),
    "an entry's transaction moved into another batch": (
        "UPDATE audits.audit_log SET xid = (SELECT xid FROM audits.audit_log"
        " WHERE id = %(second_batch)s) WHERE id = %(alpha)s",
        CHANGED,
        "alpha",
    ),
    "an entry moved to another month": (
        "UPDATE audits.audit_log SET created_at = '2021-01-20' WHERE id = %(alpha)s",
        CHANGED,
        "alpha",
    ),
    "an entry moved to the default partition": (
        "UPDATE audits.audit_log SET created_at = '2018-01-20' WHERE id = %(alpha)s",
        CHANGED,
        "alpha",
    ),
    "a month detached": (
        "ALTER TABLE audits.audit_log DETACH PARTITION audits.audit_log_2021_01",
        MISSING,
        "first",
    ),
    "a month dropped": ("DROP TABLE audits.audit_log_2021_02", MISSING, "february"),
    "a month emptied": ("TRUNCATE audits.audit_log_2021_02", MISSING, "february"),
    "the whole table emptied": ("TRUNCATE audits.audit_log", MISSING, "first"),
    "the leaf beside an entry changed": (
        "ALTER TABLE audits.audit_log ALTER leaf DROP EXPRESSION;"
        " UPDATE audits.audit_log SET leaf = sha256('x') WHERE id = %(alpha)s",
        "a leaf that is not its own",
        "alpha",
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_an_entry_removed_or_moved_is_named(
    name: str, log: SealedLog, intruder: Connection
) -> None:
    statements, text, entry = ROWS[name]
    run(intruder, statements, log)

    assert_found(log.verify(intruder), text, entry=log.numbers[entry])


ADDITIONS: Final = {
    "with the transaction of a sealed one": ("900000", "xid", "created_at", ADDED),
    "with a transaction between two batches": (
        "900000",
        "(SELECT xid_hi - 1 FROM audits.audit_batch WHERE batch_no = 2)",
        "created_at",
        ADDED,
    ),
    "with a transaction before all": ("900000", "1", "created_at", ADDED),
    "with a negative transaction": ("900000", "-5", "created_at", ADDED),
    "with a negative number": ("-5", "xid", "created_at", ADDED),
    "with a number not yet drawn, in another month": ("900000", "xid", "'2021-02-05'", ADDED),
    "with a transaction that never was": (
        "900000",
        "10::bigint ^ 15",
        "created_at",
        "has not begun yet",
    ),
    "under the number of another": (
        "id",
        "xid",
        "created_at + interval '1 s'",
        "is there 2 times",
    ),
    "as the very same row in another month": ("id", "xid", "'2021-02-05'", "is there 2 times"),
}


@pytest.mark.parametrize("name", ADDITIONS)
def test_an_entry_put_into_the_sealed_part_is_named(
    name: str, log: SealedLog, intruder: Connection
) -> None:
    number, xid, created_at, text = ADDITIONS[name]
    row = _ROW.replace("xid", xid, 1) if xid != "xid" else _ROW
    intruder.execute(
        f"INSERT INTO audits.audit_log (id, created_at, {_ROW}) OVERRIDING SYSTEM VALUE"
        f" SELECT {number}, {created_at}, {row} FROM audits.audit_log WHERE id = %s",
        [log.numbers["alpha"]],
    )

    entry = log.numbers["alpha"] if number == "id" else int(number)
    assert_found(log.verify(intruder), text, entry=entry)


def test_an_entry_that_the_index_does_not_show_is_found(
    log: SealedLog, intruder: Connection
) -> None:
    intruder.execute(
        "UPDATE pg_index SET indisvalid = false, indisready = false"
        " WHERE indrelid = 'audits.audit_log_2021_01'::regclass"
    )
    intruder.execute(
        f"INSERT INTO audits.audit_log (id, created_at, {_ROW}) OVERRIDING SYSTEM VALUE"
        f" SELECT 900000, created_at, {_ROW} FROM audits.audit_log WHERE id = %s",
        [log.numbers["first"]],
    )
    intruder.execute(
        "UPDATE pg_index SET indisvalid = true, indisready = true"
        " WHERE indrelid = 'audits.audit_log_2021_01'::regclass"
    )

    assert_found(log.verify(intruder), "something lies beside the log")


def test_a_log_whose_entries_lie_elsewhere_but_are_the_same_verifies(
    log: SealedLog, intruder: Connection
) -> None:
    row = f"id, created_at, {_ROW}"
    intruder.execute("ALTER TABLE audits.audit_log DETACH PARTITION audits.audit_log_default")
    intruder.execute("SELECT audits.make_months('2019-05-01', 0)")
    intruder.execute(
        f"INSERT INTO audits.audit_log ({row}) OVERRIDING SYSTEM VALUE"
        f" SELECT {row} FROM audits.audit_log_default"
    )

    assert log.verify(intruder).findings == []


def run(intruder: Connection, statements: str, log: SealedLog) -> None:
    """Several statements, with the numbers of entries in their places."""
    for statement in statements.split(";"):
        done = intruder.execute(statement, log.numbers)
        assert done.rowcount != 0, f"nothing was done by: {statement}"
