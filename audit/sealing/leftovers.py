"""After a restore: entries that were not sealed yet on the server they come from.

Transaction numbers of another server mean nothing here, so they are found by comparing every number
with those that are sealed, and sealed in the order of their numbers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from audit.sealing.store import Connection

_ENTRIES: Final = """
    SELECT count(*), 0::bigint, string_agg(int8send(id), ''::bytea ORDER BY id),
        string_agg(leaf, ''::bytea ORDER BY id), min(created_at), min(id), max(id),
        clock_timestamp()
    FROM audits.audit_log WHERE id = ANY (%s)
"""


def unsealed(
    connection: Connection, first_id: int, most: int
) -> tuple[int, int, bytes, bytes, datetime, int, int, datetime] | None:
    """Up to ``most`` entries before ``first_id`` that no batch has, as a batch's parts."""
    missing = _missing(connection, first_id)[:most]
    if not len(missing):
        return None
    row: Any = connection.execute(_ENTRIES, [missing.tolist()], binary=True).fetchone()
    return (*row,)


def _missing(connection: Connection, first_id: int) -> NDArray[np.int64]:
    sealed = _numbers(connection, "SELECT ids FROM audits.audit_batch")
    there = _numbers(
        connection,
        "SELECT string_agg(int8send(id), ''::bytea) FROM audits.audit_log WHERE id < %s"
        " GROUP BY id / 1000000",
        [first_id],
    )
    return np.setdiff1d(there, sealed)


def _numbers(
    connection: Connection, query: str, parameters: list[Any] | None = None
) -> NDArray[np.int64]:
    """All numbers of 8 bytes in the rows' one column."""
    with connection.cursor(binary=True) as cursor:
        cursor.execute(query, parameters)
        parts = [np.frombuffer(row[0], dtype=">i8") for row in cursor]
    return np.concatenate(parts).astype(np.int64) if parts else np.empty(0, np.int64)


def restoration_recorded(connection: Connection, era: int) -> bool:
    """Whether the log says already that this era began."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM audits.audit_log WHERE action = 'audit_log.restored'"
        " AND (payload::jsonb -> 'details' ->> 'era')::integer = %s)",
        [era],
    ).fetchone()
    return bool(row and row[0])
