"""Locks by name that a transaction holds until it ends, however it ends.

They keep apart those that ask for the same name, whatever the rows: two uploads of the same bytes,
two invitations of the same address.
"""

from __future__ import annotations

from django.db import connection


def hold(name: str) -> None:
    """Wait until nobody else holds the name, and hold it until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def try_to_hold(name: str) -> bool:
    """Hold the name until the transaction ends; False, at once, if somebody else does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        held: bool = cursor.fetchone()[0]
    return held
