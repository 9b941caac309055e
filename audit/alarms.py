"""Whether the log is sealed and published as it should be: a sentence each, or None.

Told by ``/readyz`` and on the staff's pages, as the application's own role. Every question is
answered along an index, however long the log.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection

from audit import partitions
from audit.errors import AuditError
from audit.publishing import targets
from config.health import ADVISORY

# The sealer says every 5 s that it lives.
_SEEN_WITHIN: Final = timedelta(seconds=60)
_SEALED_WITHIN: Final = timedelta(seconds=60)

# How long a restored log says so.
_RESTORED_WITHIN: Final = timedelta(days=7)

_SEALER: Final = """
    SELECT problem, clock_timestamp() - last_seen_at FROM audits.audit_sealer
"""
_RESTORED: Final = """
    SELECT clock_timestamp() - started_at FROM audits.audit_era
    WHERE era > 1 ORDER BY era DESC LIMIT 1
"""
# The first entry that is not sealed yet: of its era, from the transaction on that is next. Without
# an upper bound, transactions of an earlier server with higher numbers would be walked over.
_OLDEST: Final = """
    SELECT clock_timestamp() - l.created_at
    FROM (SELECT) AS always
    LEFT JOIN LATERAL (SELECT * FROM audits.audit_era ORDER BY era DESC LIMIT 1) e ON true
    LEFT JOIN LATERAL (SELECT * FROM audits.audit_batch ORDER BY batch_no DESC LIMIT 1) b
        ON b.era = e.era
    JOIN LATERAL (
        SELECT created_at FROM audits.audit_log
        WHERE xid >= coalesce(b.xid_hi, 0) AND id >= coalesce(e.first_id, 1)
            AND xid < pg_snapshot_xmax(pg_current_snapshot())::text::bigint
        ORDER BY xid LIMIT 1
    ) l ON true
"""
# The first batch that a target has not been given.
_UNPUBLISHED: Final = """
    SELECT clock_timestamp() - b.sealed_at
    FROM audits.audit_batch b
    WHERE b.first_seq >= coalesce((
        SELECT size FROM audits.audit_publication WHERE target = %s ORDER BY size DESC LIMIT 1
    ), 0)
    ORDER BY b.first_seq LIMIT 1
"""


def sealer() -> str | None:
    """What the sealer cannot do, or that nobody has seen it though there is work."""
    row = _row(_SEALER)
    waiting = _row(_OLDEST) is not None
    if row is None:
        return _start("No sealer has ever run, and entries wait to be sealed") if waiting else None
    problem, ago = row
    if ago > _SEEN_WITHIN and waiting:
        said = f" The last it said: {problem}" if problem else ""
        late = "Entries of the audit log wait to be sealed, but the sealer was last seen"
        return _start(f"{late} {_words(ago)} ago") + said
    if problem:
        return f"The sealer of the audit log says: {problem}"
    return None


def unsealed() -> str | None:
    """That an entry has waited too long for its seal."""
    row = _row(_OLDEST)
    if row is None or row[0] <= _SEALED_WITHIN:
        return None
    return (
        f"An entry of the audit log was written {_words(row[0])} ago and is not sealed yet. No"
        " sealer works (python manage.py seal_audit), or a transaction has been open for as long:"
        " SELECT pid, xact_start, application_name FROM pg_stat_activity ORDER BY xact_start"
    )


def publication() -> str | None:
    """That checkpoints do not leave the house."""
    try:
        names = targets.names()
    except AuditError as error:
        return str(error)
    late = timedelta(seconds=3 * settings.AUDIT_PUBLISH_SECONDS)
    waits = {name: row[0] for name in names if (row := _row(_UNPUBLISHED, [name]))}
    missing = {name: wait for name, wait in waits.items() if wait > late}
    if not missing:
        return None
    name = max(missing, key=lambda target: missing[target])
    return (
        f"Checkpoints of the audit log have not reached {name} for {_words(missing[name])}. What is"
        " not published could be rewritten unnoticed. The sealer's log says why."
    )


def months() -> str | None:
    """That a month is missing, or will be."""
    if partitions.are_astray():
        return (
            "Entries of the audit log lie in the default partition, because their month is missing."
            " Run: python manage.py manage_partitions"
        )
    now = datetime.now(UTC)
    year, month = divmod(now.year * 12 + now.month + 1, 12)  # the month after next, from 0
    name = f"audits.audit_log_{year:04d}_{month + 1:02d}"
    row = _row("SELECT to_regclass(%s) IS NOT NULL", [name])
    if row is not None and row[0]:
        return None
    return (
        f"The audit log has no partition {name} yet. The schedule makes it (make_partitions), or:"
        " python manage.py manage_partitions"
    )


def restored() -> str | None:
    """That the log lives on another server than it did a week ago."""
    row = _row(_RESTORED)
    if row is None or row[0] > _RESTORED_WITHIN:
        return None
    return (
        f"The audit log was restored on this server {_words(row[0])} ago. If nobody meant to, look"
        " who did; if somebody did, run: python manage.py verify_audit --full"
    )


def register() -> None:
    """Add the checks to those that are told."""
    ADVISORY["audit_sealer"] = sealer
    ADVISORY["audit_unsealed"] = unsealed
    ADVISORY["audit_publication"] = publication
    ADVISORY["audit_months"] = months
    ADVISORY["audit_restored"] = restored


def warnings() -> list[str]:
    """Every sentence that there is to tell, the most urgent first."""
    found = (check() for check in (sealer, publication, unsealed, restored, months))
    return [sentence for sentence in found if sentence is not None]


def _row(query: str, parameters: list[Any] | None = None) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row


def _start(sentence: str) -> str:
    return f"{sentence}. Start it: python manage.py seal_audit"


def _words(span: timedelta) -> str:
    """A span of time, roughly."""
    seconds = max(0, int(span.total_seconds()))
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"
