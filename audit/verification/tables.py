"""The tables as tables: what is read must be rows, all of them, and the same for everybody."""

from __future__ import annotations

from typing import Final

from audit.sealing import store
from audit.verification.report import Finding, Report

_NAMES: Final = (
    "audit_log",
    "audit_personal",
    "audit_era",
    "audit_batch",
    "audit_tile",
    "audit_retired",
)
_SHAPE: Final = """
    WITH tables AS (
        SELECT name, to_regclass('audits.' || name) AS oid, name = 'audit_log' AS whole
        FROM unnest(%s::text[]) AS wanted (name)
    ), parts AS (
        SELECT i.inhrelid::regclass AS oid FROM pg_inherits i JOIN tables t ON t.oid = i.inhparent
        WHERE t.whole
    )
    SELECT told.name,
        c.oid IS NOT NULL AND c.relkind = told.kind
            AND NOT EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid)
            AND (told.kind = 'p'
                OR NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid)),
        c.relrowsecurity OR c.relforcerowsecurity
    FROM (
        SELECT 'audits.' || name AS name, oid, CASE WHEN whole THEN 'p' ELSE 'r' END AS kind
        FROM tables
        UNION ALL
        SELECT oid::text, oid, 'r' FROM parts
    ) AS told
    LEFT JOIN pg_class c ON c.oid = told.oid
    ORDER BY 1
"""
_TILES: Final = """
    SELECT level, idx FROM audits.audit_tile
    WHERE level < 1 OR level > 7 OR idx < 0
        OR (idx + 1)::numeric * 256::numeric ^ (level + 1) > %s
    ORDER BY level, idx LIMIT 10
"""
_NO_INDEX: Final = """
    SET LOCAL enable_seqscan = on;
    SET LOCAL enable_indexscan = off;
    SET LOCAL enable_indexonlyscan = off;
    SET LOCAL enable_bitmapscan = off
"""
_INDEX_AGAIN: Final = """
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_indexscan = on;
    SET LOCAL enable_indexonlyscan = on;
    SET LOCAL enable_bitmapscan = on
"""
_COUNT: Final = """
    SELECT (SELECT count(*) FROM audits.audit_log), (SELECT count(*) FROM audits.audit_batch),
        (SELECT count(*) FROM audits.audit_tile)
"""


def check_shape(connection: store.Connection, report: Report) -> bool:
    """Whether the tables are tables: no view, no rule and no row security shows something else."""
    for name, sound, hides in connection.execute(_SHAPE, [list(_NAMES)]).fetchall():
        if not sound:
            report.add(Finding(f"{name} is not the table that was migrated."))
        elif hides:
            report.add(
                Finding(f"{name} has row security, so that not everybody sees the same rows.")
            )
    return report.ok


def check_tiles_beyond(connection: store.Connection, size: int, report: Report) -> None:
    """No tile may stand where the tree has not come yet."""
    for level, index in connection.execute(_TILES, [size]).fetchall():
        report.add(Finding(f"Tile {index} of level {level} stands beyond the log."))


def check_counts(connection: store.Connection, entries: int, batches: int, report: Report) -> None:
    """Read the tables from end to end: nothing may lie there that the indexes do not show.

    ``entries`` and ``batches`` are how many were met by way of the indexes, those that wait to be
    sealed among them; of tiles there are as many as the tree has filled.
    """
    connection.execute(_NO_INDEX)
    row = connection.execute(_COUNT).fetchone()
    connection.execute(_INDEX_AGAIN)
    assert row is not None, "an aggregate has a row"
    tiles = sum(report.size >> 8 * level for level in range(2, 8))
    for what, there, met in zip(
        ("entries", "batches", "tiles"), row, (entries, batches, tiles), strict=True
    ):
        if there != met:
            report.add(
                Finding(
                    f"The table holds {there} {what}, but {met} are found where they belong:"
                    " something lies beside the log, or an index is damaged."
                )
            )
