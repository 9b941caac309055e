"""The entries themselves: every row of a span gives the leaf that was sealed in its place."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from audit.sealing import store
from audit.verification.chain import Span
from audit.verification.report import Finding, Findings

Numbers = NDArray[np.int64]

# As docs/audit-formats.md has it: what is hashed is what the server sends of the row.
CONTENT: Final = """
    '\\x00'::bytea || record_send(ROW(
        v, id, entry_id, xid, created_at, actor_id, action, resource_type, resource_id, outcome,
        duration_ms, payload, personal
    ))
"""
_BY_TRANSACTION: Final = f"""
    SELECT id, {CONTENT}, leaf FROM audits.audit_log
    WHERE xid >= %(lo)s AND xid < %(hi)s AND id >= %(first_id)s
        AND (%(end_id)s::bigint IS NULL OR id < %(end_id)s)
    ORDER BY xid, id
"""
_BY_NUMBER: Final = f"""
    SELECT id, {CONTENT}, leaf FROM audits.audit_log WHERE id = ANY (%(ids)s) ORDER BY id
"""
_SEALED: Final = """
    SELECT ids, leaves FROM audits.audit_batch
    WHERE batch_no BETWEEN %s AND %s ORDER BY batch_no
"""
# Rows held at a time: an entry may have a megabyte.
_AT_ONCE: Final = 1_000


@dataclass(slots=True)
class Outcome(Findings):
    """What came of a span; ``absent`` are sealed entries of which there is no row."""

    rows: int = 0
    absent: Numbers = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(slots=True)
class _Rows:
    """What the rows give, in their order: numbers, leaves computed here, leaves kept beside."""

    numbers: list[int] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    kept: list[bytes] = field(default_factory=list)


def check(connection: store.Connection, span: Span) -> Outcome:
    """Compare the rows of a span with its leaves, one by one."""
    sealed = connection.execute(
        _SEALED, [span.first_batch, span.last_batch], binary=True
    ).fetchall()
    ids = b"".join([row[0][: len(row[0]) & -8] for row in sealed])
    leaves = b"".join([row[1] for row in sealed])
    numbers = np.frombuffer(ids, ">i8").astype(np.int64)
    rows = _read(connection, span, numbers)
    outcome = Outcome(rows=len(rows.numbers))
    computed = b"".join(rows.leaves)
    if computed == leaves and np.array_equal(rows.numbers, numbers):
        if b"".join(rows.kept) != computed:
            _check_kept(outcome, rows)
        return outcome
    if not rows.numbers:
        outcome.absent = np.unique(numbers)
        return outcome
    _tell_apart(outcome, numbers.tolist(), leaves, rows)
    _check_kept(outcome, rows)
    return outcome


def _read(connection: store.Connection, span: Span, numbers: Numbers) -> _Rows:
    rows = _Rows()
    sha256 = hashlib.sha256
    with connection.cursor("audit_entries", binary=True) as cursor:
        if span.by_number:
            cursor.execute(_BY_NUMBER, {"ids": numbers.tolist()})
        else:
            cursor.execute(
                _BY_TRANSACTION,
                {
                    "lo": span.lo,
                    "hi": span.hi,
                    "first_id": span.first_id,
                    "end_id": span.end_id,
                },
            )
        while some := cursor.fetchmany(_AT_ONCE):
            rows.numbers += [row[0] for row in some]
            rows.leaves += [sha256(row[1]).digest() for row in some]
            rows.kept += [row[2] for row in some]
    return rows


def _check_kept(outcome: Outcome, rows: _Rows) -> None:
    """The leaf that is shown beside an entry is the one that it gives."""
    wrong = [
        number
        for number, leaf, kept in zip(rows.numbers, rows.leaves, rows.kept, strict=True)
        if leaf != kept
    ]
    outcome.add_entries(wrong, "Entry {} is shown with a leaf that is not its own.")


def _tell_apart(outcome: Outcome, numbers: list[int], leaves: bytes, rows: _Rows) -> None:
    """Name each entry that is missing, changed, added or out of place."""
    sealed: dict[int, bytes] = {}
    for place, number in enumerate(numbers):
        if number in sealed:
            outcome.add(Finding(f"Entry {number} is sealed twice.", entry=number))
        sealed[number] = leaves[32 * place : 32 * place + 32]
    times = Counter(rows.numbers)
    for number, leaf in zip(rows.numbers, rows.leaves, strict=True):
        if number not in sealed:
            outcome.add(
                Finding(
                    f"Entry {number} was never sealed, though its transaction lies in the sealed"
                    " part: it was put there afterwards, or its transaction's number was changed.",
                    entry=number,
                )
            )
        elif times[number] > 1:
            outcome.add(Finding(f"Entry {number} is there {times[number]} times.", entry=number))
        elif leaf != sealed[number]:
            outcome.add(Finding(f"Entry {number} is not as it was sealed.", entry=number))
    outcome.absent = np.array([one for one in sealed if one not in times], np.int64)
    if outcome.ok:
        _check_order(outcome, [one for one in numbers if one in times], rows.numbers)


def _check_order(outcome: Outcome, sealed: list[int], there: list[int]) -> None:
    for one, other in zip(sealed, there, strict=False):
        if one != other:
            outcome.add(
                Finding(
                    f"Entry {other} is sealed in another place: from there on the order is not"
                    " that of the transactions.",
                    entry=other,
                )
            )
            return
