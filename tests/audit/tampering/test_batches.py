"""The seal itself changed: batches, eras, and the tables that they lie in."""

from __future__ import annotations

from typing import Final

import pytest

from tests.audit.tampering.sealed import Connection, SealedLog, assert_found

_FREE: Final = (
    "ALTER TABLE audits.audit_batch DROP CONSTRAINT audit_batch_sizes_check,"
    " DROP CONSTRAINT audit_batch_first_seq_key; "
)
# Every column of a batch: what it is set to, and what must be said.
COLUMNS: Final = {
    "batch_no": ("99", "batch 3 is missing"),
    "era": ("2", "its era 2 is unknown"),
    "xid_lo": ("xid_lo + 1", "its first xid is not the one that was sealed"),
    "xid_hi": ("xid_hi + 1", "its end xid is not the one that was sealed"),
    "first_seq": ("first_seq + 1000", "it begins at"),
    "entries": ("entries - 1", "its lists are not as long as it has entries"),
    "id_min": ("id_min - 1", "its lowest and highest numbers are not those of its entries"),
    "id_max": ("id_max + 1", "its lowest and highest numbers are not those of its entries"),
    "prev_hash": ("sha256('x')", "it is not linked to the batch before it"),
    "batch_hash": ("sha256('x')", "its hash is not that of its header"),
    "sealed_at": ("sealed_at - interval '1 microsecond'", "its sealed at is not the one"),
    "header": ("replace(header, 'batch 1', 'batch 2')", "its header cannot be read"),
    "root": ("sha256('x')", "the root beside its checkpoint is another"),
    "note": ("replace(note, E'\\n18\\n', E'\\n19\\n')", "is not signed by a trusted key"),
}
VALUES: Final = {
    "sealed_at, to no moment at all": ("sealed_at", "'infinity'", "its sealed at is not the one"),
    "sealed_at, to long ago": ("sealed_at", "'4000-01-01 BC'", "its sealed at is not the one"),
    "header, another moment": (
        "header",
        "regexp_replace(header, '\\.\\d{6}Z', '.000000Z')",
        "its hash is not that of",
    ),
    "header, another text": ("header", "'Lücke'", "its header cannot be read"),
    "header, nothing": ("header", "''", "its header cannot be read"),
    "note, nothing": ("note", "''", "is not signed by a trusted key"),
    "note, the next batch's": (
        "note",
        "(SELECT note FROM audits.audit_batch WHERE batch_no = 4)",
        "is signed for",
    ),
    "entries, none": ("entries", "0", "its lists are not as long as it has entries"),
    "entries, less than none": ("entries", "-1", "its lists are not as long as it has entries"),
    "batch_hash, a short one": ("batch_hash", "'\\x00'", "its hash is not that of its header"),
    "root, a short one": ("root", "'\\x00'", "the root beside its checkpoint is another"),
}


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_of_a_batch_is_sealed(
    column: str, log: SealedLog, intruder: Connection
) -> None:
    value, text = COLUMNS[column]
    change(intruder, column, value)

    if column == "batch_no":
        assert_found(log.verify(intruder), text, batch=4, entry=log.numbers["third_batch"])
    else:
        assert_found(log.verify(intruder), text, batch=3)


@pytest.mark.parametrize("name", VALUES)
def test_a_value_that_no_sealer_writes_is_found(
    name: str, log: SealedLog, intruder: Connection
) -> None:
    column, value, text = VALUES[name]
    change(intruder, column, value)

    assert_found(log.verify(intruder), text, batch=3)


def change(intruder: Connection, column: str, value: str) -> None:
    intruder.execute(f"{_FREE} UPDATE audits.audit_batch SET {column} = {value} WHERE batch_no = 3")


def test_a_changed_number_in_a_batch_names_the_entries(
    log: SealedLog, intruder: Connection
) -> None:
    intruder.execute(
        "UPDATE audits.audit_batch SET ids = overlay(ids PLACING int8send(900000) FROM 9 FOR 8)"
        " WHERE batch_no = 3"
    )

    report = log.verify(intruder)

    assert_found(report, "its ids hash is not the one", batch=3, entry=log.numbers["alpha"])
    assert any("never sealed" in one.text for one in report.findings)


def test_a_changed_leaf_in_a_batch_names_the_entry(log: SealedLog, intruder: Connection) -> None:
    intruder.execute(
        "UPDATE audits.audit_batch SET leaves = set_byte(leaves, 32, 255 - get_byte(leaves, 32))"
        " WHERE batch_no = 3"
    )

    assert_found(log.verify(intruder), "do not give the root", batch=3, entry=log.numbers["alpha"])


def test_an_entry_changed_together_with_its_leaf_does_not_give_the_root(
    log: SealedLog, intruder: Connection
) -> None:
    intruder.execute(
        "UPDATE audits.audit_log SET payload = '{}' WHERE id = %s", [log.numbers["alpha"]]
    )
    intruder.execute(
        "UPDATE audits.audit_batch SET leaves = overlay(leaves PLACING"
        " (SELECT leaf FROM audits.audit_log WHERE id = %s) FROM 33 FOR 32) WHERE batch_no = 3",
        [log.numbers["alpha"]],
    )

    report = log.verify(intruder)

    assert_found(report, "from here on its entries do not give the root", batch=3)
    assert report.found == 1, "once is enough"


def test_two_entries_that_changed_places_in_their_batch_are_found(
    log: SealedLog, intruder: Connection
) -> None:
    intruder.execute(
        "UPDATE audits.audit_batch SET"
        " ids = substr(ids, 1, 8) || substr(ids, 17, 8) || substr(ids, 9, 8) || substr(ids, 25),"
        " leaves = substr(leaves, 1, 32) || substr(leaves, 65, 32) || substr(leaves, 33, 32)"
        " || substr(leaves, 97) WHERE batch_no = 3"
    )

    assert_found(
        log.verify(intruder), "is sealed in another place", batch=3, entry=log.numbers["alpha"]
    )


def test_an_entry_named_twice_in_its_batch_is_found(log: SealedLog, intruder: Connection) -> None:
    intruder.execute(
        "UPDATE audits.audit_batch SET ids = overlay(ids PLACING substr(ids, 1, 8) FROM 9 FOR 8),"
        " leaves = overlay(leaves PLACING substr(leaves, 1, 32) FROM 33 FOR 32)"
        " WHERE batch_no = 3"
    )

    report = log.verify(intruder)

    assert_found(report, "is sealed twice", batch=3, entry=log.numbers["alpha"] - 1)


@pytest.mark.parametrize(
    ("number", "entry", "text"),
    [
        (1, "first", "batch 1 is missing"),
        (2, "second_batch", "batch 2 is missing"),
        (5, "fifth_batch", "batch 5 is missing"),
    ],
)
def test_a_batch_deleted_leaves_a_gap_and_entries_without_a_seal(
    number: int, entry: str, text: str, log: SealedLog, intruder: Connection
) -> None:
    intruder.execute("DELETE FROM audits.audit_batch WHERE batch_no = %s", [number])

    assert_found(log.verify(intruder), text, entry=log.numbers[entry], batch=number + 1)


def test_a_batch_deleted_with_its_entries_leaves_a_gap(
    log: SealedLog, intruder: Connection
) -> None:
    intruder.execute(
        "DELETE FROM audits.audit_log l USING audits.audit_batch b"
        " WHERE b.batch_no = 3 AND l.xid >= b.xid_lo AND l.xid < b.xid_hi"
    )
    intruder.execute("DELETE FROM audits.audit_batch WHERE batch_no = 3")

    assert_found(log.verify(intruder), "batch 3 is missing", batch=4)


def test_batches_after_a_gap_that_were_renumbered_are_found(
    log: SealedLog, intruder: Connection
) -> None:
    intruder.execute(
        "DELETE FROM audits.audit_log l USING audits.audit_batch b"
        " WHERE b.batch_no = 3 AND l.xid >= b.xid_lo AND l.xid < b.xid_hi"
    )
    intruder.execute("DELETE FROM audits.audit_batch WHERE batch_no = 3")
    for number in (4, 5, 6):
        intruder.execute(
            "UPDATE audits.audit_batch SET batch_no = batch_no - 1 WHERE batch_no = %s", [number]
        )

    assert_found(log.verify(intruder), "it is not linked to the batch before it", batch=3)


def test_two_batches_that_changed_places_are_found(log: SealedLog, intruder: Connection) -> None:
    intruder.execute(
        "UPDATE audits.audit_batch SET batch_no = 9 WHERE batch_no = 3;"
        " UPDATE audits.audit_batch SET batch_no = 3 WHERE batch_no = 4;"
        " UPDATE audits.audit_batch SET batch_no = 4 WHERE batch_no = 9"
    )

    assert_found(log.verify(intruder), "not linked", batch=3, entry=log.numbers["third_batch"])


def test_a_batch_that_is_there_twice_is_found(log: SealedLog, intruder: Connection) -> None:
    intruder.execute(
        "ALTER TABLE audits.audit_batch DROP CONSTRAINT audit_batch_pkey,"
        " DROP CONSTRAINT audit_batch_first_seq_key;"
        " INSERT INTO audits.audit_batch SELECT * FROM audits.audit_batch WHERE batch_no = 3"
    )

    report = log.verify(intruder)

    assert not report.ok
    assert any(one.text == "Batch 3: its number is there twice." for one in report.findings)


def test_an_empty_column_is_told_and_not_stumbled_over(
    log: SealedLog, intruder: Connection
) -> None:
    intruder.execute(
        "ALTER TABLE audits.audit_batch ALTER ids DROP NOT NULL;"
        " UPDATE audits.audit_batch SET ids = NULL WHERE batch_no = 3"
    )

    report = log.verify(intruder)

    assert not report.ok
    assert report.findings[0].text == "Batch 3: a part of it is missing."


def test_an_old_checkpoint_replayed_as_the_newest_is_found(
    log: SealedLog, intruder: Connection
) -> None:
    intruder.execute(
        "UPDATE audits.audit_batch b SET note = o.note, root = o.root FROM audits.audit_batch o"
        " WHERE b.batch_no = 6 AND o.batch_no = 5"
    )

    assert_found(log.verify(intruder), "its checkpoint is signed for", batch=6)


ERAS: Final = {
    "another server": (
        "UPDATE audits.audit_era SET system_identifier = '1'",
        "its system identifier is not the one that was sealed",
    ),
    "no server at all": (
        "UPDATE audits.audit_era SET system_identifier = 'x'",
        "its system identifier is not the one that was sealed",
    ),
    "a later beginning": (
        "UPDATE audits.audit_era SET first_id = first_id + 3",
        "cannot have been",
    ),
    "an earlier beginning": (
        "UPDATE audits.audit_era SET first_id = first_id - 3",
        "cannot have been",
    ),
    "another number": ("UPDATE audits.audit_era SET era = 2", "its era 1 is unknown"),
    "deleted": ("DELETE FROM audits.audit_era", "its era 1 is unknown"),
    "two eras more": (
        "INSERT INTO audits.audit_era VALUES (2, '1', 900000), (3, '2', 900000)",
        "era 2 has sealed nothing",
    ),
}


@pytest.mark.parametrize("name", ERAS)
def test_a_changed_era_is_found(name: str, log: SealedLog, intruder: Connection) -> None:
    statement, text = ERAS[name]
    intruder.execute(statement)

    assert_found(log.verify(intruder), text)


def test_an_era_that_cuts_the_log_in_two_makes_entries_missing(
    log: SealedLog, intruder: Connection
) -> None:
    intruder.execute(
        "INSERT INTO audits.audit_era VALUES (2, '1', %s)", [log.numbers["fourth_batch"]]
    )

    assert_found(log.verify(intruder), "is missing", entry=log.numbers["fourth_batch"])


TABLES: Final = {
    "a view in the table's place": (
        "ALTER TABLE audits.audit_batch RENAME TO audit_batch_hidden;"
        " CREATE VIEW audits.audit_batch AS SELECT * FROM audits.audit_batch_hidden",
        "audits.audit_batch is not the table",
    ),
    "row security on a month": (
        "ALTER TABLE audits.audit_log_2021_01 ENABLE ROW LEVEL SECURITY",
        "audits.audit_log_2021_01 has row security",
    ),
    "row security on all": (
        "ALTER TABLE audits.audit_log ENABLE ROW LEVEL SECURITY",
        "audits.audit_log has row security",
    ),
    "a table that inherits": (
        "CREATE TABLE audits.more () INHERITS (audits.audit_batch)",
        "audits.audit_batch is not the table",
    ),
    "a rule": (
        "CREATE RULE quiet AS ON INSERT TO audits.audit_tile DO INSTEAD NOTHING",
        "audits.audit_tile is not the table",
    ),
    "no table": (
        "ALTER TABLE audits.audit_tile RENAME TO audit_tiles",
        "audits.audit_tile is not the table",
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_shows_something_else_is_found(
    name: str, log: SealedLog, intruder: Connection
) -> None:
    statements, text = TABLES[name]
    intruder.execute(statements)

    assert_found(log.verify(intruder), text)


def test_a_month_under_another_name_is_a_month(log: SealedLog, intruder: Connection) -> None:
    intruder.execute("ALTER TABLE audits.audit_log_2021_01 RENAME TO january")

    assert log.verify(intruder).findings == []


def test_functions_laid_over_the_servers_own_are_not_called(
    log: SealedLog, intruder: Connection
) -> None:
    intruder.execute(
        "CREATE FUNCTION public.record_send(record) RETURNS bytea LANGUAGE plpgsql"
        " AS $$ BEGIN RETURN 'the same for every row'; END $$;"
        " SET LOCAL search_path = public, pg_catalog"
    )

    assert log.verify(intruder).findings == []
