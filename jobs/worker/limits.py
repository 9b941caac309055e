"""What a claim of one queue may take, as last read from the settings and the statistics."""

from __future__ import annotations

from datetime import timedelta

from database import system_settings
from jobs.claiming import Terms
from jobs.registry import JobKind
from jobs.statements.names import has_person
from jobs.worker import clock
from jobs.worker.book import Book
from jobs.worker.tally import usual_seconds

# Seconds for which limits are not read again, and the usual duration of jobs.
_LIMITS_KEPT = 5.0
_USUAL_KEPT = 60.0


class Limits:
    """The terms of one queue's claims."""

    def __init__(self, kind: JobKind) -> None:
        self._kind = kind
        self._time = timedelta(0)
        self._per_person: int | None = None
        self._usual: float | None = None
        self._read_at = self._usual_at = float("-inf")

    def terms(self, worker: str, slots: int, book: Book) -> Terms:
        """The terms of a claim of so many slots."""
        kind = self._kind
        if slots and clock.now() - self._read_at > _LIMITS_KEPT:
            self._time = kind.limit()
            if kind.limit_per_person and has_person(kind.model):
                self._per_person = system_settings.get("max_concurrent_jobs")
            self._read_at = clock.now()
        if slots and clock.now() - self._usual_at > _USUAL_KEPT:
            self._usual = usual_seconds(kind)
            self._usual_at = clock.now()
        return Terms(
            worker,
            slots,
            self._time,
            usual=self._usual,
            place=book.look_from(),
            limit_per_person=self._per_person,
            rated=book.rated,
        )
