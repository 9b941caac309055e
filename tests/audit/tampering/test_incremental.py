"""What a verification from the last one on finds, and what only a full one finds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from audit.verification import examine, state
from tests.audit.tampering.sealed import Connection, SealedLog, assert_found, reseal


def remember(log: SealedLog, intruder: Connection, batch: int) -> None:
    """Let a verification end well at this batch, as if the log had gone no further."""
    intruder.execute("SAVEPOINT whole")
    intruder.execute("DELETE FROM audits.audit_batch WHERE batch_no > %s", [batch])
    assert log.verify(intruder).ok
    intruder.execute("ROLLBACK TO whole")


CHANGE = "UPDATE audits.audit_log SET payload = '{}' WHERE id = %s"


@pytest.mark.parametrize("entry", ["february", "default", "last"])
def test_a_change_of_what_is_new_is_found(entry: str, log: SealedLog, intruder: Connection) -> None:
    remember(log, intruder, 3)
    intruder.execute(CHANGE, [log.numbers[entry]])

    report = log.verify(intruder, full=False)

    assert_found(report, "is not as it was sealed", entry=log.numbers[entry])
    assert (report.from_batch, report.batches) == (4, 3)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audits.audit_log SET payload = '{}' WHERE id = %(alpha)s",
        "DELETE FROM audits.audit_log WHERE id = %(alpha)s",
        "UPDATE audits.audit_batch SET root = sha256('x') WHERE batch_no = 2",
        "INSERT INTO audits.audit_log (action, xid) SELECT 'setting.updated', xid"
        " FROM audits.audit_log WHERE id = %(alpha)s",
        "UPDATE audits.audit_personal SET data = '{}'",
    ],
)
def test_a_change_of_what_was_verified_before_is_found_by_a_full_verification(
    statement: str, log: SealedLog, intruder: Connection
) -> None:
    remember(log, intruder, 3)
    intruder.execute(statement, log.numbers if "%" in statement else None)

    assert log.verify(intruder, full=False).ok
    assert not log.verify(intruder, full=True).ok


@pytest.mark.parametrize("column", ["batch_hash = sha256('x')", "xid_hi = xid_hi + 1"])
def test_a_change_of_the_batch_where_the_last_one_ended_is_found(
    column: str, log: SealedLog, intruder: Connection
) -> None:
    remember(log, intruder, 3)
    intruder.execute(f"UPDATE audits.audit_batch SET {column} WHERE batch_no = 3")

    report = log.verify(intruder, full=False)

    assert_found(report, "up to which the log was verified before", batch=3)
    assert report.from_batch == 1, "then everything is looked at"


def test_a_history_that_was_resealed_is_found(log: SealedLog, intruder: Connection) -> None:
    remember(log, intruder, 3)
    intruder.execute(CHANGE, [log.numbers["alpha"]])
    reseal(intruder, log.ring, from_batch=3)

    assert_found(
        log.verify(intruder, full=False), "up to which the log was verified before", batch=3
    )


def test_an_older_checkpoint_of_a_witness_is_compared_as_well(
    log: SealedLog, intruder: Connection
) -> None:
    remember(log, intruder, 4)
    intruder.execute(
        "UPDATE audits.audit_batch SET leaves = set_byte(leaves, 0, 255 - get_byte(leaves, 0))"
        " WHERE batch_no = 2"
    )

    assert log.verify(intruder, full=False).ok
    assert_found(
        log.verify(intruder, full=False, notes=[("a witness", log.middle)]),
        "One of the two was rewritten",
    )


def test_a_verification_that_found_something_remembers_nothing(
    log: SealedLog, intruder: Connection
) -> None:
    remember(log, intruder, 3)
    intruder.execute(CHANGE, [log.numbers["last"]])

    for _ in range(2):
        assert log.verify(intruder, full=False).from_batch == 4


def test_a_verification_since_a_moment_does_not_move_where_the_next_one_begins(
    log: SealedLog, intruder: Connection
) -> None:
    remember(log, intruder, 2)
    row = intruder.execute("SELECT sealed_at FROM audits.audit_batch WHERE batch_no = 5").fetchone()
    assert row is not None

    report = examine(intruder, log.ring.pins(), since=row[0])

    assert report.ok
    assert (report.from_batch, report.batches) == (5, 2)
    known = state.read(intruder.info.dbname)
    assert known is not None
    assert known.batch_no == 2


def test_a_verification_since_a_moment_believes_only_a_signed_beginning(
    log: SealedLog, intruder: Connection
) -> None:
    intruder.execute(
        "UPDATE audits.audit_batch SET leaves = set_byte(leaves, 0, 255 - get_byte(leaves, 0))"
        " WHERE batch_no = 2"
    )

    report = examine(intruder, log.ring.pins(), since=datetime(2100, 1, 1, tzinfo=UTC))

    assert_found(report, "does not give the root", entry=log.numbers["second_batch"])


def test_a_damaged_memory_is_told_and_replaced_by_a_full_verification(
    log: SealedLog, intruder: Connection
) -> None:
    file = state.path(intruder.info.dbname)
    file.parent.mkdir()
    file.write_text("{}", encoding="ascii")

    with pytest.raises(state.StateDamaged, match="--full"):
        log.verify(intruder, full=False)

    assert log.verify(intruder).ok
    known = state.read(intruder.info.dbname)
    assert known is not None
    assert known.batch_no == 6
