"""The database's own clock, which is one for all hosts."""

from __future__ import annotations

from django.db.models import DateTimeField, Func


class ClockTimestamp(Func):
    """The moment at which it is read, also in the midst of a transaction."""

    template = "clock_timestamp()"
    output_field = DateTimeField()
