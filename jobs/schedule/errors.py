"""The refusals of the schedule."""

from __future__ import annotations


class WrongCron(ValueError):
    """A cron expression or its time zone cannot be read, or is never due."""


class UnknownEntry(LookupError):
    """The schedule has no entry of this name."""


class NotNow(Exception):
    """The entry cannot be run at this moment; the sentence says why."""
