"""When a job that failed is tried again.

A handler steers it with the exceptions that stand in ``jobs.errors`` and are named here too.
"""

from __future__ import annotations

from dataclasses import dataclass

from jobs.errors import Cancelled, GiveUp, RetryAfter

__all__ = ["Cancelled", "GiveUp", "RetryAfter", "RetryRule"]

# Powers beyond this one exceed every cap, and would overflow in the database.
_MOST_DOUBLINGS = 60


@dataclass(frozen=True, slots=True)
class RetryRule:
    """Exponential backoff with jitter, in seconds.

    Retry number n (from 0) waits ``min(cap, base * factor ** n)``, of which a random part of up to
    ``jitter`` (0 to 1) is taken away, so that jobs that failed together do not return together.
    The database computes it, where the retries are counted.
    """

    base: float = 5.0
    factor: float = 2.0
    cap: float = 900.0
    jitter: float = 0.25

    def __post_init__(self) -> None:
        if self.base < 0 or self.cap < 0:
            raise ValueError("A retry rule's base and cap are seconds, 0 or more.")
        if not 1 <= self.factor <= 10:
            raise ValueError(f"A retry rule's factor must be from 1 to 10, not {self.factor}.")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"A retry rule's jitter must be from 0 to 1, not {self.jitter}.")

    # Takes the parameters of as_parameters(); {count} is the number of retries so far.
    SQL = (
        "least(%s::float8, %s::float8 * power(%s::float8, least({count}, "
        f"{_MOST_DOUBLINGS}))) * (1 - %s::float8 * random())"
    )

    def as_parameters(self) -> list[float]:
        """The parameters of ``SQL``, in its order."""
        return [self.cap, self.base, self.factor, self.jitter]
