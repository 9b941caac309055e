"""Entries without a row: their month was retired, as the log itself says, or they are missing."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

import numpy as np

from audit.retention_record import ids_digest
from audit.sealing import store
from audit.verification.report import Finding, Report
from audit.verification.rows import CONTENT, Numbers

_RETIRED: Final = """
    SELECT r.partition, r.entries, r.file_sha256, r.ids::text,
        ARRAY(SELECT lower(part) FROM unnest(r.ids) AS part),
        ARRAY(SELECT upper(part) FROM unnest(r.ids) AS part)
    FROM audits.audit_retired r ORDER BY r.partition
"""
_ATTESTED: Final = f"""
    SELECT id, xid, payload, {CONTENT} FROM audits.audit_log
    WHERE action = 'audit_month.retired' AND resource_id = %s AND outcome = 'success'
    ORDER BY id
"""
_BATCHES: Final = """
    SELECT ids, leaves FROM audits.audit_batch
    WHERE %(id)s BETWEEN id_min AND id_max
        AND (xid_hi = 0 OR (xid_lo <= %(xid)s AND %(xid)s < xid_hi))
"""


def account_for(connection: store.Connection, absent: Numbers, report: Report) -> None:
    """Tell retired entries from missing ones."""
    left = np.sort(absent)
    months = connection.execute(_RETIRED).fetchall()
    for name, entries, file_sha256, ids, lows, highs in months:
        problem = _problem(connection, name, entries, file_sha256, ids)
        if problem:
            report.add(Finding(f"The month {name} is called retired, but {problem}"))
            continue
        inside = _within(left, np.array(lows, np.int64), np.array(highs, np.int64))
        report.retired += int(np.count_nonzero(inside))
        left = left[~inside]
    report.add_entries(left.tolist(), "Entry {} is missing.")


def _within(numbers: Numbers, lows: Numbers, highs: Numbers) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which of the numbers lie in one of the ranges; these are sorted and do not touch."""
    if not len(lows):
        return np.zeros(len(numbers), np.bool_)
    at = np.searchsorted(lows, numbers, side="right") - 1
    return (at >= 0) & (numbers < highs[at])


def _problem(
    connection: store.Connection, name: str, entries: int, file_sha256: str, ids: str
) -> str:
    """Why no sealed entry tells of this month, this file and these numbers; empty if one does."""
    wanted: dict[str, Any] = {
        "entries": entries,
        "file_sha256": file_sha256,
        "ids_sha256": ids_digest(ids),
    }
    waiting = None
    for number, xid, payload, content in connection.execute(_ATTESTED, [name], binary=True):
        details = _details(payload)
        if any(details.get(key) != value for key, value in wanted.items()):
            continue
        if _sealed(connection, number, xid, hashlib.sha256(content).digest()):
            return ""
        waiting = number
    if waiting is not None:
        return (
            f"entry {waiting}, which says so, is not sealed. If it is new, verify again when it is."
        )
    return "no entry of the log says so in these words."


def _details(payload: str) -> dict[str, Any]:
    """What an entry says in particular; nothing, when it is not what an action writes."""
    try:
        details = json.loads(payload)["details"]
    except (ValueError, KeyError, TypeError):
        return {}
    return details if isinstance(details, dict) else {}


def _sealed(connection: store.Connection, number: int, xid: int, leaf: bytes) -> bool:
    """Whether a batch has the entry, with this leaf."""
    batches = connection.execute(_BATCHES, {"id": number, "xid": xid}, binary=True).fetchall()
    return any(
        leaves[32 * place : 32 * place + 32] == leaf
        for ids, leaves in batches
        for place in np.flatnonzero(np.frombuffer(ids, ">i8") == number).tolist()
    )
