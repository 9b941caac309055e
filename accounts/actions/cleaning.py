"""Deleting what opens nothing any more: old sessions, links, and what is remembered of requests.

A session that has ended or expired stays for a while, so that its owner can see where they were.
Its refresh tokens go with it; those of a living session go when it is refreshed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction

from database.actor import acting_as_system

# So long are sessions and links kept when they are over; what is remembered of requests, a day.
KEPT: Final = timedelta(days=30)
_REQUESTS_KEPT: Final = timedelta(days=1)

# What of each table is old, and the key of its rows; the parameters are those of _parameters().
_OLD: Final = {
    "sessions": (
        "id",
        "ended_at < now() - %(kept)s OR expires_at < now() - %(kept)s"
        " OR last_used_at < now() - %(kept)s"
        " - CASE kind WHEN 'browser' THEN %(browser_idle)s ELSE %(program_idle)s END",
    ),
    "django_session": ("session_key", "expire_date < now()"),
    "password_resets": ("id", "coalesce(used_at, expires_at) < now() - %(kept)s"),
    "idempotency_keys": ("id", "created_at < now() - %(requests_kept)s"),
    "throttles": ("id", "window_started_at < now() - %(requests_kept)s"),
}


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step deleted, or would have."""

    table: str
    rows: int


def clean_up(
    *, kept: timedelta = KEPT, batch_size: int = 1000, dry_run: bool = False
) -> Iterator[Batch]:
    """Delete old rows, table by table, ``batch_size`` in one transaction.

    The walk may be left and begun again at any point. A row that somebody has locked, such as the
    key of a request that runs, is left alone.
    """
    parameters = _parameters(kept)
    for table, (key, is_old) in _OLD.items():
        if dry_run:
            yield Batch(table, _count(f"SELECT count(*) FROM {table} WHERE {is_old}", parameters))
            continue
        statement = f"""
            WITH old AS (
                SELECT {key} FROM {table} WHERE {is_old} LIMIT %(limit)s FOR UPDATE SKIP LOCKED
            ), gone AS (
                DELETE FROM {table} t USING old WHERE t.{key} = old.{key} RETURNING 1
            )
            SELECT count(*) FROM gone
        """
        rows = batch_size
        while rows == batch_size:
            rows = _count(statement, {**parameters, "limit": batch_size})
            yield Batch(table, rows)


def _parameters(kept: timedelta) -> dict[str, Any]:
    return {
        "kept": kept,
        "requests_kept": _REQUESTS_KEPT,
        "browser_idle": timedelta(hours=settings.SESSION_IDLE_HOURS),
        "program_idle": timedelta(days=settings.REFRESH_IDLE_DAYS),
    }


def _count(statement: str, parameters: dict[str, Any]) -> int:
    with acting_as_system(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        (rows,) = cursor.fetchone()
    return int(rows)
