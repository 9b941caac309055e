"""The log's months: made before anything is to be stored in them, and mended when that failed."""

from __future__ import annotations

from typing import Final

from django.db import connection, transaction

from audit.recording import record

MONTHS_AHEAD: Final = 3
# Whoever waits for the whole table keeps every writer waiting behind it.
_PATIENCE: Final = "5s"


def make_ahead(*, months: int = MONTHS_AHEAD) -> list[str]:
    """Make the partitions of this month and the next ``months``; return the new names.

    Safe to repeat. Partitions made by hand get what is missing to them, too.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT audits.make_months((now() AT TIME ZONE 'UTC')::date, %s)", [months])
        return [row[0] for row in cursor.fetchall()]


def are_astray() -> bool:
    """Whether entries lie in the default partition, because their month is missing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM audits.audit_log_default)")
        return bool(cursor.fetchone()[0])


@transaction.atomic
def recover_astray() -> int:
    """Make the missing months of entries that went astray, and move them there; how many.

    Their bytes stay the same, and so does what is sealed of them. The table is locked meanwhile;
    OperationalError when that is not possible within 5 seconds.
    """
    if not are_astray():
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [_PATIENCE])
        cursor.execute("SELECT audits.empty_default()")
        moved = int(cursor.fetchone()[0])
        cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
    if moved:
        record("audit_month.recovered", subject=("audit_log", ""), details={"entries": moved})
    return moved
