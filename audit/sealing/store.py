"""The sealed log as it lies in the database: batches, leaves and tiles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg

from audit.proofs.frontier import TILE_HEIGHT, TILE_WIDTH, Frontier
from audit.proofs.sources import TileSource

Connection = psycopg.Connection[Any]

_LAST: Final = """
    SELECT batch_no, era, xid_hi, first_seq + entries + 1, batch_hash, root, note, sealed_at
    FROM audits.audit_batch ORDER BY batch_no DESC LIMIT 1
"""
# The leaves from %(first)s on, and before %(end)s; a batch's header follows its entries.
_LEAVES: Final = """
    SELECT
        CASE WHEN first_seq < %(end)s AND first_seq + entries > %(first)s THEN substring(
            leaves FROM (32 * greatest(%(first)s - first_seq, 0) + 1)::integer
            FOR (
                32 * (least(%(end)s, first_seq + entries) - greatest(%(first)s, first_seq))
            )::integer
        ) ELSE ''::bytea END
        || CASE WHEN first_seq + entries BETWEEN %(first)s AND %(end)s - 1
            THEN batch_hash ELSE ''::bytea END
    FROM audits.audit_batch
    WHERE first_seq >= coalesce(
            (
                SELECT max(first_seq) FROM audits.audit_batch WHERE first_seq <= %(first)s
            ), 0
        )
        AND first_seq < %(end)s
    ORDER BY first_seq
"""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest batch, and what the next one is linked to."""

    batch_no: int
    era: int
    xid_hi: int
    size: int
    batch_hash: bytes
    root: bytes
    note: str
    sealed_at: datetime


def head(connection: Connection) -> Head | None:
    """The newest batch, or None before the first."""
    row = connection.execute(_LAST).fetchone()
    return Head(*row) if row else None


def leaves(connection: Connection, first: int, number: int) -> bytes:
    """The hashes of so many leaves, entries' and headers', from a sequence number on."""
    rows = connection.execute(_LEAVES, {"first": first, "end": first + number}).fetchall()
    return b"".join(row[0] for row in rows)


def tile(connection: Connection, level: int, index: int) -> bytes | None:
    """A full tile, or None while it is not full."""
    row = connection.execute(
        "SELECT hashes FROM audits.audit_tile WHERE level = %s AND idx = %s", [level, index]
    ).fetchone()
    return bytes(row[0]) if row else None


def source(connection: Connection, size: int) -> TileSource:
    """What proofs over the first ``size`` leaves are made from."""
    return TileSource(
        size,
        tile=lambda level, index: tile(connection, level, index),
        leaves=lambda first, number: leaves(connection, first, number),
    )


def frontier(connection: Connection, size: int) -> Frontier:
    """The growing edge of the tree of the first ``size`` leaves."""
    held = source(connection, size)
    state = [b"\x01", size.to_bytes(8, "big")]
    height, rest = 0, size
    while height == 0 or rest:
        rest, partial = divmod(rest, TILE_WIDTH)
        first = rest * TILE_WIDTH
        state += [held.subtree(height, first + number) for number in range(partial)]
        height += TILE_HEIGHT
    return Frontier.from_state(b"".join(state))
