"""Entries that no batch has: those that wait to be sealed, and those that never can be."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import numpy as np

from audit.sealing import store
from audit.verification.chain import Chain, Era
from audit.verification.report import MOST, Report

_WAITING: Final = """
    SELECT count(*) FROM audits.audit_log
    WHERE xid >= %(hi)s AND id >= %(first)s AND (%(end)s::bigint IS NULL OR id < %(end)s)
"""
_BEHIND: Final = """
    SELECT id FROM audits.audit_log WHERE xid >= %(hi)s AND id >= %(first)s AND id < %(end)s
    ORDER BY id
"""
_BY_NUMBER: Final = """
    SELECT ids FROM audits.audit_batch WHERE era > %(era)s AND xid_hi = 0 AND id_min < %(end)s
"""
# Transaction numbers of this server; on another one, before a new era, they mean nothing.
_NOT_BEGUN: Final = f"""
    SELECT id FROM audits.audit_log
    WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
        AND xid IS DISTINCT FROM pg_current_xact_id_if_assigned()::text::bigint
        AND id >= %(first)s
        AND (SELECT system_identifier::text FROM pg_control_system()) = %(server)s
    ORDER BY id LIMIT {MOST}
"""


def check(connection: store.Connection, chain: Chain, report: Report) -> None:
    """Look at the entries that the spans of the chain leave out, and count those that wait.

    Of an era that is over nothing may be left but what a later one has sealed by number. In the
    newest era entries wait, if their transactions can have been.
    """
    eras = sorted(chain.eras.values(), key=lambda era: era.era)
    for era, later in pairwise(eras):
        if chain.place.era >= later.era:
            _check_behind(connection, chain, era, later, report)
        elif chain.place.era == era.era:
            report.waiting += _count(connection, chain.place.xid_hi, era.first_id, later.first_id)
    if not eras:
        report.waiting += _count(connection, 0, 0, None)
        return
    newest = eras[-1]
    here = newest.era == chain.place.era
    report.waiting += _count(connection, chain.place.xid_hi if here else 0, newest.first_id, None)
    rows = connection.execute(
        _NOT_BEGUN, {"first": newest.first_id, "server": newest.system_identifier}
    ).fetchall()
    report.add_entries(
        [row[0] for row in rows],
        "Entry {} bears the number of a transaction that has not begun yet: it would never be"
        " sealed.",
    )


def _count(connection: store.Connection, hi: int, first: int, end: int | None) -> int:
    row = connection.execute(_WAITING, {"hi": hi, "first": first, "end": end}).fetchone()
    return int(row[0]) if row else 0


def _check_behind(
    connection: store.Connection, chain: Chain, era: Era, later: Era, report: Report
) -> None:
    last = connection.execute(
        "SELECT max(xid_hi) FROM audits.audit_batch WHERE era = %s", [era.era]
    ).fetchone()
    bounds: dict[str, Any] = {
        "hi": (last[0] if last else None) or 0,
        "first": era.first_id,
        "end": later.first_id,
        "era": era.era,
    }
    there = np.array([row[0] for row in connection.execute(_BEHIND, bounds)], np.int64)
    if not there.size:
        return
    parts = [
        np.frombuffer(row[0], ">i8") for row in connection.execute(_BY_NUMBER, bounds, binary=True)
    ]
    sealed = np.concatenate(parts) if parts else np.empty(0, ">i8")
    report.add_entries(
        there[~np.isin(there, sealed)].tolist(),
        "Entry {} was never sealed, though its era is over: it was put there afterwards.",
    )
