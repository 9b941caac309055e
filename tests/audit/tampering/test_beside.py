"""What lies beside the entries: personal data, retired months, a restored server."""

from __future__ import annotations

import pytest

from audit.proofs import canonical
from audit.retention_record import ids_digest
from audit.sealing.sealer import Sealer
from tests.audit.tampering.sealed import Connection, SealedLog, assert_found

OTHER = "is shown with personal data that is not its own"
DETAILS = {"entries": 3, "file_sha256": "f" * 64}


def entry_id(intruder: Connection, number: int) -> str:
    row = intruder.execute(
        "SELECT entry_id::text FROM audits.audit_log WHERE id = %s", [number]
    ).fetchone()
    assert row is not None
    return str(row[0])


def test_erased_personal_data_leaves_the_log_intact(log: SealedLog, intruder: Connection) -> None:
    key = entry_id(intruder, log.numbers["private"])
    erased = intruder.execute(
        "SELECT audits.erase_personal(ARRAY[%s]::uuid[], 'asked for')", [key]
    ).fetchone()

    assert erased == (1,)
    assert log.verify(intruder).findings == []


@pytest.mark.parametrize(
    "change",
    [
        """data = '{"ip_address":"198.51.100.1"}'""",
        "data = data || ' '",
        "salt = sha256('x')",
    ],
)
def test_forged_personal_data_does_not_fit_its_entry(
    change: str, log: SealedLog, intruder: Connection
) -> None:
    key = entry_id(intruder, log.numbers["private"])
    intruder.execute(f"UPDATE audits.audit_personal SET {change} WHERE entry_id = %s", [key])

    assert_found(log.verify(intruder), OTHER, entry=log.numbers["private"])


@pytest.mark.parametrize("column", ["ip_address = '198.51.100.1'", "user_agent = 'another'"])
def test_a_shown_column_of_personal_data_is_compared(
    column: str, log: SealedLog, intruder: Connection
) -> None:
    key = entry_id(intruder, log.numbers["private"])
    name = column.split(maxsplit=1)[0]
    intruder.execute(f"ALTER TABLE audits.audit_personal ALTER {name} DROP EXPRESSION")
    intruder.execute(f"UPDATE audits.audit_personal SET {column} WHERE entry_id = %s", [key])

    assert_found(log.verify(intruder), OTHER, entry=log.numbers["private"])


def test_personal_data_given_to_an_entry_without_any_is_found(
    log: SealedLog, intruder: Connection
) -> None:
    intruder.execute(
        "INSERT INTO audits.audit_personal (entry_id, salt, data)"
        " SELECT entry_id, sha256('x'), '{}' FROM audits.audit_log WHERE id = %s",
        [log.numbers["alpha"]],
    )

    assert_found(log.verify(intruder), OTHER, entry=log.numbers["alpha"])


def test_personal_data_exchanged_between_entries_is_found(
    log: SealedLog, intruder: Connection
) -> None:
    intruder.execute("ALTER TABLE audits.audit_personal DROP CONSTRAINT audit_personal_pkey")
    intruder.execute(
        "UPDATE audits.audit_personal SET entry_id = CASE entry_id WHEN %(a)s THEN %(b)s::uuid"
        " ELSE %(a)s::uuid END",
        {
            "a": entry_id(intruder, log.numbers["private"]),
            "b": entry_id(intruder, log.numbers["private_too"]),
        },
    )

    report = log.verify(intruder)

    assert_found(report, OTHER, entry=log.numbers["private"])
    assert report.found == 2


def test_personal_data_of_no_entry_is_found(log: SealedLog, intruder: Connection) -> None:
    intruder.execute(
        "INSERT INTO audits.audit_personal (entry_id, salt, data)"
        " VALUES (new_key(), sha256('x'), '{}')"
    )

    assert_found(log.verify(intruder), "without an entry")


# --- Retired months -----------------------------------------------------------------------------


def pretend(intruder: Connection) -> str:
    """Remove a month and say that it was retired; the numbers of its entries."""
    row = intruder.execute(
        "SELECT range_agg(int8range(id, id + 1))::text FROM audits.audit_log_2021_02"
    ).fetchone()
    assert row is not None
    intruder.execute("DROP TABLE audits.audit_log_2021_02")
    intruder.execute(
        "INSERT INTO audits.audit_retired (partition, entries, ids, file_name, file_sha256)"
        " VALUES ('audit_log_2021_02', 3, %s::int8multirange, 'x', %s)",
        [row[0], DETAILS["file_sha256"]],
    )
    return str(row[0])


def attest(intruder: Connection, payload: str, *, xid: str = "DEFAULT") -> None:
    intruder.execute(
        "INSERT INTO audits.audit_log (action, resource_type, resource_id, payload, xid)"
        f" VALUES ('audit_month.retired', 'audit_month', 'audit_log_2021_02', %s, {xid})",
        [payload],
    )


def test_a_month_called_retired_without_an_entry_is_missing(
    log: SealedLog, intruder: Connection
) -> None:
    pretend(intruder)

    report = log.verify(intruder)

    assert_found(report, "no entry of the log says so", entry=log.numbers["february"])
    assert report.retired == 0


def test_an_entry_that_is_not_sealed_retires_nothing(log: SealedLog, intruder: Connection) -> None:
    ids = pretend(intruder)
    attest(intruder, canonical.dumps({"details": {**DETAILS, "ids_sha256": ids_digest(ids)}}))

    assert_found(log.verify(intruder), "is not sealed", entry=log.numbers["february"])


def test_an_entry_slipped_under_the_seal_retires_nothing(
    log: SealedLog, intruder: Connection
) -> None:
    ids = pretend(intruder)
    attest(
        intruder,
        canonical.dumps({"details": {**DETAILS, "ids_sha256": ids_digest(ids)}}),
        xid="(SELECT xid_lo FROM audits.audit_batch WHERE batch_no = 2)",
    )

    report = log.verify(intruder)

    assert_found(report, "is not sealed", entry=log.numbers["february"])
    assert any("never sealed" in one.text for one in report.findings)


@pytest.mark.parametrize(
    "payload", ['{"details":{"entries":3}}', '{"details":[]}', "{}", '{"details":{"entries":4}}']
)
def test_an_entry_that_says_something_else_retires_nothing(
    payload: str, log: SealedLog, intruder: Connection
) -> None:
    pretend(intruder)
    attest(intruder, payload)

    assert_found(log.verify(intruder), "no entry of the log says so", entry=log.numbers["february"])


# --- A restored server --------------------------------------------------------------------------


def restore(log: SealedLog, intruder: Connection) -> int:
    """Let the log go on in a second era, as after a restore; a number that nobody has drawn.

    The server is the same; that the era is over is what matters. Transactions count from 1.
    """
    row = intruder.execute(
        "INSERT INTO audits.audit_era (era, system_identifier, first_id)"
        " SELECT 2, system_identifier::text, (SELECT max(id) + 100 FROM audits.audit_log)"
        " FROM pg_control_system() RETURNING first_id"
    ).fetchone()
    assert row is not None
    intruder.execute(
        "INSERT INTO audits.audit_log (id, action, payload, xid) OVERRIDING SYSTEM VALUE VALUES"
        """ (%(first)s, 'audit_log.restored', '{"details":{"era":2}}', 5),"""
        " (%(first)s + 1, 'setting.updated', '{}', 7)",
        {"first": row[0]},
    )
    sealer = Sealer(intruder, log.ring)
    assert sum(sealed.entries for sealed in sealer.drain()) == 4
    intruder.execute("SELECT pg_advisory_unlock_all()")
    return int(row[0]) - 50


def test_a_restored_log_verifies_as_one(log: SealedLog, intruder: Connection) -> None:
    restore(log, intruder)

    report = log.verify(intruder)

    assert report.findings == []
    assert (report.batches, report.waiting) == (8, 0)


_SMUGGLED = (
    "INSERT INTO audits.audit_log (id, action, xid) OVERRIDING SYSTEM VALUE"
    " SELECT %s, 'setting.updated', "
)


@pytest.mark.parametrize(
    ("xid", "text"),
    [
        ("(SELECT max(xid) FROM audits.audit_log)", "though its era is over"),
        ("(SELECT max(xid) + 5 FROM audits.audit_log)", "though its era is over"),
        ("6", "lies in the sealed part"),
    ],
)
def test_an_entry_smuggled_in_between_two_eras_is_named(
    xid: str, text: str, log: SealedLog, intruder: Connection
) -> None:
    number = restore(log, intruder)
    intruder.execute(_SMUGGLED + xid, [number])

    assert_found(log.verify(intruder), text, entry=number)


def test_the_function_that_places_entries_is_not_believed(
    log: SealedLog, intruder: Connection
) -> None:
    number = restore(log, intruder)
    intruder.execute(_SMUGGLED + "(SELECT max(xid) + 5 FROM audits.audit_log)", [number])
    intruder.execute(
        "CREATE OR REPLACE FUNCTION audits.place(entry bigint, transaction bigint)"
        " RETURNS TABLE (batch_no bigint, seq bigint, prev_hash bytea, sealed_at timestamptz)"
        " LANGUAGE sql AS $$ SELECT 1::bigint, 0::bigint, ''::bytea, now() $$"
    )

    assert_found(log.verify(intruder), "though its era is over", entry=number)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            "UPDATE audits.audit_log SET outcome = 'failure' WHERE id = %s",
            "is not as it was sealed",
        ),
        ("DELETE FROM audits.audit_log WHERE id = %s", "is missing"),
    ],
)
def test_an_entry_that_was_sealed_by_number_is_sealed_as_well(
    change: str, text: str, log: SealedLog, intruder: Connection
) -> None:
    restore(log, intruder)
    number = log.numbers["last"] + 1
    intruder.execute(change, [number])

    assert_found(log.verify(intruder), text, entry=number)


@pytest.mark.parametrize("first", ["first_id - 101", "first_id + 1"])
def test_a_moved_border_between_two_eras_is_found(
    first: str, log: SealedLog, intruder: Connection
) -> None:
    restore(log, intruder)
    intruder.execute(f"UPDATE audits.audit_era SET first_id = {first} WHERE era = 2")

    report = log.verify(intruder)

    assert not report.ok
    assert report.first_bad_entry is not None
