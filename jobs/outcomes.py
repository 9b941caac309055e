"""How one attempt at a job ended, as told to the database."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

# A message longer than this helps nobody and would bloat the table.
_LONGEST_ERROR = 4000


class Verdict(StrEnum):
    """What is to become of the job."""

    DONE = "done"
    RETRY = "retry"  # the job failed; tried again while it has retries left
    RELEASED = "released"  # nobody's fault: back in line, and no retry is counted
    FAILED = "failed"  # the job failed for good
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of attempt number ``attempt``; it has no effect once that attempt lost its lease.

    ``delay`` (seconds) takes the place of the retry rule's.
    """

    id: UUID
    attempt: int
    verdict: Verdict
    error: str | None = None
    delay: float | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the attempt is simply done."""
        return self.verdict is Verdict.DONE and self.error is None

    def __post_init__(self) -> None:
        if self.error is not None:
            object.__setattr__(self, "error", storable(self.error))


def storable(text: str) -> str:
    """The text as PostgreSQL can hold it: no NUL, no lone surrogate, no more than is useful."""
    clean = text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    return clean if len(clean) <= _LONGEST_ERROR else clean[: _LONGEST_ERROR - 1] + "…"
