"""The refusals of the queue, and what a handler may raise to say how its job ends."""

from __future__ import annotations


class LostLease(Exception):
    """The job is no longer this attempt's: another worker has it, or it has ended.

    A handler lets it pass. What it found may not be written; whoever holds the job now writes.
    """


class DuplicateJob(Exception):
    """A job with the same unique key already waits or runs."""


class UnknownQueue(LookupError):
    """No kind of job is registered for the queue."""


class TooManyUnowned(Exception):
    """So many stored files have no row that the database may be the wrong one."""

    permanent = True


class Cancelled(Exception):
    """Raised in a handler: the job was cancelled and has stopped."""


class GiveUp(Exception):
    """Raised in a handler: the job has failed, and trying again would not help.

    Any other exception class says the same of itself with ``permanent = True``.
    """


class RetryAfter(Exception):
    """Raised in a handler: try again, but not before ``seconds`` have passed."""

    def __init__(self, seconds: float, reason: str) -> None:
        if seconds < 0:
            raise ValueError(f"A job cannot be tried again in {seconds} seconds.")
        super().__init__(reason)
        self.seconds = seconds

    def __reduce__(self) -> tuple[type[RetryAfter], tuple[float, str]]:
        return type(self), (self.seconds, str(self))
