"""Making the coming months' partitions, before anything is to be stored in them."""

from __future__ import annotations

from typing import Final

from django.db import connection

from audit import partitions as audit_partitions
from database import partitions

MONTHS_AHEAD: Final = 3

_BY_RANGE: Final = """
    SELECT c.relname
    FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid
    WHERE p.partstrat = 'r' AND NOT c.relispartition
        AND c.relnamespace = current_schema()::regnamespace
    ORDER BY c.relname
"""


def make_months_ahead(*, months: int = MONTHS_AHEAD) -> list[str]:
    """Make the coming months of every table that has a month already; return the new names.

    The audit log, which lies in a schema of its own, is among them. A table that is partitioned
    otherwise is left alone. Safe to repeat.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BY_RANGE)
        tables = [row[0] for row in cursor.fetchall()]
    made: list[str] = []
    for table in tables:
        if any(one.month is not None for one in partitions.list_partitions(table)):
            made += partitions.create_ahead(table, months=months)
    return made + audit_partitions.make_ahead(months=months)
