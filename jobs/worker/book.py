"""What a worker keeps in mind about one of its queues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from jobs.claiming import Held, Place
from jobs.models.job import Job
from jobs.outcomes import Outcome, Verdict
from jobs.registry import JobKind
from jobs.worker import clock
from jobs.worker.options import Timing
from jobs.worker.runners import Ended
from jobs.worker.wire import Wire

# Outcomes that are told together, if they come within ``Timing.batch``; and in one statement.
BATCH = 100
_MOST = 1000
# Seconds for which a queue rests whose statements fail, doubled each time.
_REST, _LONGEST_REST = 1.0, 30.0


class Sent(NamedTuple):
    """An exchange under way."""

    done: list[Held]
    slots: int
    at: float  # on the worker's stopwatch


@dataclass(slots=True)
class Book:
    """Outcomes that are still to be told, and where the next claim is to look.

    ``hungry``: a claim may find something; ``rung``: it probably will, so it does not wait.
    """

    kind: JobKind
    timing: Timing
    done: dict[UUID, Ended] = field(default_factory=dict)
    ended: dict[UUID, Outcome] = field(default_factory=dict)
    ends: int = 0  # jobs that ended since the last trade, those that told it themselves included
    since: float | None = None  # when the first of them did
    hungry: bool = True
    rung: bool = True
    rated: bool = False
    place: Place | None = None
    place_until: float = 0.0
    turns: dict[int, int] = field(default_factory=dict)  # by priority, not yet told
    wire: Wire = field(default_factory=Wire)  # for kinds with many places
    sent: Sent | None = None  # what the wire was given
    arriving: int = 0  # jobs claimed, whose rows are not read yet
    rest: float = 0.0  # seconds
    rest_until: float = 0.0

    def take(self, end: Ended) -> None:
        """A job of this kind has ended."""
        self.ends += 1
        if self.rated or self.kind.limit_per_person:
            self.hungry = True  # somebody who had all he may is free for more
        if self.since is None:
            self.since = clock.now()
        outcome = end.outcome
        if outcome is Verdict.DONE or (outcome is not None and outcome.is_plain):
            self.done[end.job.id] = end
        elif outcome is not None:
            self.ended[outcome.id] = outcome

    def hand_back(self, held: Held, reason: str) -> None:
        """An attempt that was claimed and never begun."""
        self.ended[held.id] = Outcome(*held, Verdict.RELEASED, reason)
        self.since = self.since or clock.now()

    def failed(self) -> None:
        """A statement on this queue's table was refused: leave the queue alone for a while."""
        self.rest = min(2 * self.rest or _REST, _LONGEST_REST)
        self.rest_until = clock.now() + self.rest

    @property
    def untold(self) -> int:
        """How many outcomes the database does not have yet."""
        return len(self.done) + len(self.ended)

    def is_untold(self, job_id: UUID) -> bool:
        """Whether this job's outcome waits here."""
        return job_id in self.done or job_id in self.ended

    def due_at(self, free: int, *, at_once: bool) -> float | None:
        """When to speak with the database: 0 for now, None for not before something happens.

        A place that stands empty is filled at once. Where places are many (``at_once`` is false),
        ends are gathered: 100 of them, or those of 10 ms, whichever comes first.
        """
        if self.sent is not None:
            return None
        if clock.now() < self.rest_until:
            return self.rest_until
        if self.hungry and free and (at_once or self.rung or self.since is None):
            return 0.0
        if self.since is None or not (self.untold or (self.hungry and free)):
            return None
        return 0.0 if self.ends >= BATCH else self.since + self.timing.batch

    def next_done(self) -> list[Held]:
        """Attempts to be marked as done in one statement."""
        return [Held(end.job.id, end.job.attempt) for end in islice(self.done.values(), _MOST)]

    def next_ended(self) -> list[Outcome]:
        """Outcomes of other kinds, to be written in one statement."""
        return list(self.ended.values())[:_MOST]

    def told(self, attempts: Sequence[Held]) -> list[Ended]:
        """The database has the outcomes of these attempts; those of them that were done."""
        done = self.done
        ends = [end for job_id, _ in attempts if (end := done.pop(job_id, None)) is not None]
        for job_id, _ in attempts if self.ended else ():
            self.ended.pop(job_id, None)
        if not self.untold:
            self.ends, self.since = 0, None
        return ends

    def look_from(self) -> Place | None:
        """The place after which to look, while nobody can have come in before it for long."""
        if self.place is not None and clock.now() >= self.place_until:
            self.place = None
        return self.place

    def reached(self, place: Place) -> None:
        """Note how far down the line a full claim went."""
        if self.place is None:
            self.place_until = clock.now() + self.timing.further
        self.place = place

    def claimed(self, jobs: Sequence[Job]) -> None:
        """Note the turns that are taken."""
        for job in jobs:
            turn = job.turn or 0
            if turn > self.turns.get(job.priority, -1):
                self.turns[job.priority] = turn

    def answered(self, jobs: int, slots: int) -> None:
        """Note how many jobs a claim of so many slots brought."""
        full = jobs >= slots
        self.rest = 0.0
        # From further down the line nothing came: there may be something at its head.
        self.hungry = full or self.place is not None
        self.rung = not full and self.place is not None
        if not full:
            self.place = None
