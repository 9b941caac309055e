"""Counting of requests for the API's limits, across all processes."""

from __future__ import annotations

from django.db import connection

# As long as the columns of the table.
_SCOPE, _SUBJECT = 50, 100


def count_request(scope: str, subject: str, *, most: int, seconds: int) -> int:
    """Count one request; the seconds to wait, 0 while at most ``most`` came in the window.

    One statement, committed at once where no transaction is open: ``count_request()`` in SQL.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count_request(%s, %s, %s, %s)",
            [scope[:_SCOPE], subject[:_SUBJECT], most, seconds],
        )
        (wait,) = cursor.fetchone()
    return int(wait)
