"""Tables partitioned by month: making months ahead, listing them, detaching old ones.

A partition of ``monitor_data`` for March 2026 is called ``monitor_data_2026_03``. Making is open to
the application (a SECURITY DEFINER function of the owner); detaching needs the owner.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

_MONTH = re.compile(r"_(\d{4})_(\d{2})\Z")


class PartitionError(Exception):
    """A partition cannot be made or detached as asked."""


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition; ``month`` is None for the default one, ``rows`` the planner's estimate."""

    name: str
    month: date | None
    rows: int
    size_bytes: int


def create_ahead(
    table: str, *, months: int, start: date | None = None, using: str = DEFAULT_DB_ALIAS
) -> list[str]:
    """Make this month's partition and those of the next ``months``; return the new names.

    Safe to repeat. ``start`` is any day of the first month (default: today, in UTC).
    """
    if months < 0:
        raise PartitionError(f"Months ahead must be 0 or more, not {months}.")
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT create_month_partitions(%s::regclass,"
            " coalesce(%s, (now() AT TIME ZONE 'UTC')::date), %s)",
            [table, start, months],
        )
        return [row[0] for row in cursor.fetchall()]


def list_partitions(table: str, *, using: str = DEFAULT_DB_ALIAS) -> list[Partition]:
    """The table's partitions, oldest month first, the default one last."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, greatest(c.reltuples, 0)::bigint, pg_total_relation_size(c.oid),"
            " pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT'"
            " FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = %s::regclass",
            [table],
        )
        found = [
            Partition(name, None if default else _month_of(name), rows, size)
            for name, rows, size, default in cursor.fetchall()
        ]
    return sorted(found, key=lambda one: (one.month is None, one.month or date.min, one.name))


def detach(table: str, partition: str, *, connection: BaseDatabaseWrapper) -> None:
    """Take one month out of the table without blocking its readers and writers.

    The rows stay, in a table of their own. ``connection`` acts as the owner, outside a transaction
    (DETACH PARTITION CONCURRENTLY refuses to run inside one). On a table with a default partition
    PostgreSQL refuses CONCURRENTLY; then the plain form is used, which locks the table briefly.
    """
    known = {one.name: one for one in list_partitions(table, using=connection.alias)}
    if partition not in known:
        raise PartitionError(f"{partition} is not a partition of {table}.")
    if connection.in_atomic_block:
        raise PartitionError(f"{partition} cannot be detached inside a transaction.")
    has_default = any(one.month is None for one in known.values())
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(
            f"ALTER TABLE {quote(table)} DETACH PARTITION {quote(partition)}"
            + ("" if has_default else " CONCURRENTLY")
        )


def _month_of(name: str) -> date | None:
    match = _MONTH.search(name)
    return date(int(match[1]), int(match[2]), 1) if match else None
