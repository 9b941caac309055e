"""What a queue is meant to do, in plain Python: the reference for the tests of its statements.

Moments are only ``past`` or ``future``: tests shift the rows' moments instead of waiting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple
from uuid import UUID

from jobs.claiming import Held, Place, Terms
from jobs.models import States

Moment = Literal["past", "future"]
EXPIRED = "The job was to begin before … and no worker was free."


class Spec(NamedTuple):
    """A job as a caller asks for it."""

    priority: int
    person: UUID | None
    key: str | None
    moments: tuple[Moment | None, Moment | None]  # not before, not after
    max_retries: int


@dataclass
class ModelJob:
    """One row."""

    id: UUID
    spec: Spec
    status: str
    priority: int
    turn: int
    due: Moment | None
    expires: Moment | None
    attempt: int = 0
    retries: int = 0
    worker: str | None = None
    cancel_requested: bool = False
    error: str | None = None

    @property
    def place(self) -> Place:
        return Place(-self.priority, self.turn, self.id)


class KeyTaken(Exception):
    """Two live jobs would have the same unique key."""


@dataclass
class QueueModel:
    """The rows of a queue, its switches and the history of its attempts."""

    states: States
    has_person: bool
    jobs: dict[UUID, ModelJob] = field(default_factory=dict)
    lines: dict[int, int] = field(default_factory=dict)
    attempts: list[tuple[UUID, int, str | None, str, str | None]] = field(default_factory=list)
    issued: list[Held] = field(default_factory=list)
    ended: set[Held] = field(default_factory=set)
    paused: bool = False
    rate: int | None = None
    tokens: int = 0

    # --- The line --------------------------------------------------------------------------------

    def in_line(self, job: ModelJob) -> bool:
        return job.status == self.states.ready and job.due is None

    def held_back(self, job: ModelJob) -> bool:
        return job.status in {self.states.ready, self.states.waiting} and not self.in_line(job)

    def line(self) -> list[ModelJob]:
        return sorted(filter(self.in_line, self.jobs.values()), key=lambda job: job.place)

    def last_turn(self, person: UUID | None, priority: int) -> int:
        own = [
            job.turn
            for job in self.jobs.values()
            if self.has_person
            and self.in_line(job)
            and (job.spec.person, job.priority) == (person, priority)
        ]
        return max([0, self.lines.get(priority, 0), *own])

    def with_status(self, status: str) -> list[ModelJob]:
        return [job for job in self.jobs.values() if job.status == status]

    def held(self) -> list[Held]:
        """The attempts that hold their jobs."""
        return [Held(job.id, job.attempt) for job in self.with_status(self.states.running)]

    def running(self, person: UUID) -> int:
        return sum(job.spec.person == person for job in self.with_status(self.states.running))

    def live_keys(self) -> list[str]:
        return [
            job.spec.key
            for job in self.jobs.values()
            if job.spec.key is not None and job.status in self.states.live
        ]

    # --- Coming in -------------------------------------------------------------------------------

    def accepted(self, specs: Sequence[Spec]) -> list[bool]:
        """Which of the jobs, in this order, find their unique key free."""
        taken = set(self.live_keys())
        answer = []
        for spec in specs:
            answer.append(spec.key is None or spec.key not in taken)
            if spec.key is not None:
                taken.add(spec.key)
        return answer

    def add_one_by_one(self, ids: Sequence[UUID], specs: Sequence[Spec]) -> None:
        """As the trigger does: each row takes the turn after what stands in the table."""
        for key, spec in zip(ids, specs, strict=True):
            self._add(key, spec, self.last_turn(spec.person, spec.priority) + 1)

    def add_together(self, ids: Sequence[UUID | None], specs: Sequence[Spec]) -> None:
        """As one statement does for many: consecutive turns; a row without an id is left out."""
        reached: dict[tuple[UUID | None, int], int] = {}
        made: list[tuple[UUID, Spec, int]] = []
        for key, spec in zip(ids, specs, strict=True):
            pair = (spec.person, spec.priority)
            turn = reached.get(pair, self.last_turn(*pair)) + 1
            if self.has_person:
                reached[pair] = turn
            if key is not None:
                made.append((key, spec, turn))
        for each in made:
            self._add(*each)

    def _add(self, key: UUID, spec: Spec, turn: int) -> None:
        ready = self.states.ready
        self.jobs[key] = ModelJob(key, spec, ready, spec.priority, turn, *spec.moments)

    def move(self, job: ModelJob, priority: int) -> None:
        if priority != job.priority:
            job.turn = self.last_turn(job.spec.person, priority) + 1
            job.priority = priority

    # --- Claims ----------------------------------------------------------------------------------

    def claim(self, terms: Terms) -> list[UUID]:
        """The jobs that a claim brings, in order; they run from now on."""
        place, limit = terms.place, terms.limit_per_person
        counted = terms.guarded and self.rate is not None
        room = min(terms.slots, self.tokens) if counted else terms.slots
        taken: list[ModelJob] = []
        for job in [] if self.paused else self.line():
            if len(taken) >= room or job.expires == "past":
                continue
            if place is not None and job.place <= place:
                continue
            person = job.spec.person
            if limit is not None and self.has_person and person is not None:
                mine = sum(other.spec.person == person for other in taken)
                if self.running(person) + mine >= limit:
                    continue
            taken.append(job)
        for job in taken:
            job.status, job.worker = self.states.running, terms.worker
            job.attempt += 1
            self.issued.append(Held(job.id, job.attempt))
        if counted:
            self.tokens -= len(taken)
        return [job.id for job in taken]

    # --- Ends ------------------------------------------------------------------------------------

    def settle(
        self,
        held: Held,
        verdict: str,
        error: str | None = None,
        *,
        due: Moment = "past",
    ) -> str | None:
        """The job's new status, or None: the attempt does not hold the job any more."""
        job = self.jobs[held.id]
        states = self.states
        if job.status != states.running or job.attempt != held.attempt:
            return None
        next_status = self._next(job, verdict)
        if verdict != "done":
            outcome = verdict if verdict in {"lost", "released"} else None
            if outcome is None and next_status == states.cancelled:
                outcome = "cancelled"
            if outcome is None:
                outcome = "gave_up" if verdict == "failed" else "failed"
            self.attempts.append((job.id, job.attempt, job.worker, outcome, error))
        waits = next_status == states.waiting
        if waits and verdict in {"retry", "lost"}:
            job.retries += 1
        if waits:
            job.worker = None
        job.status, job.cancel_requested = next_status, False
        job.due = due if waits else None
        job.error = job.error if error is None else error
        assert held not in self.ended, f"{held} has ended twice"
        self.ended.add(held)
        return next_status

    def _next(self, job: ModelJob, verdict: str) -> str:
        states = self.states
        if verdict in {"done", "cancelled"}:
            return states.done if verdict == "done" else states.cancelled
        if verdict != "failed":
            if job.cancel_requested:
                return states.cancelled
            if job.expires == "past":
                return states.failed
            if verdict == "released" or job.retries < job.spec.max_retries:
                return states.waiting
        return states.failed

    def rescue(self, silent: Iterable[str]) -> dict[UUID, str]:
        answer = {}
        for job in self.jobs.values():
            if job.status == self.states.running and job.worker in set(silent):
                error = f"The worker {job.worker} stopped answering."
                status = self.settle(Held(job.id, job.attempt), "lost", error)
                assert status is not None, "it runs"
                answer[job.id] = status
        return answer

    # --- By people and by the clock --------------------------------------------------------------

    def cancel(self, jobs: Iterable[ModelJob]) -> int:
        changed = 0
        for job in jobs:
            if job.status == self.states.running:
                job.cancel_requested = True
            elif job.status in {*self.states.live, self.states.failed}:
                job.status, job.due = self.states.cancelled, None
            else:
                continue
            changed += 1
        return changed

    def retry(self, jobs: Iterable[ModelJob]) -> int:
        """KeyTaken, and nothing is changed, where a job's like waits or runs."""
        failed = [job for job in jobs if job.status == self.states.failed]
        keys = [job.spec.key for job in failed if job.spec.key is not None] + self.live_keys()
        if len(keys) != len(set(keys)):
            raise KeyTaken
        for job in failed:
            job.status, job.due = self.states.waiting, "past"
            job.retries, job.worker = 0, None
            job.expires = None if job.expires == "past" else job.expires
        return len(failed)

    def promote(self) -> int:
        """New jobs go to the end of their person's line, others beside those served now."""
        due = [job for job in self.jobs.values() if self.held_back(job) and job.due != "future"]
        before = {
            (person, priority): (self.lines.get(priority, 0), self.last_turn(person, priority))
            for person, priority in {(job.spec.person, job.priority) for job in due}
        }
        steps: Counter[tuple[UUID | None, int, bool]] = Counter()
        for job in sorted(due, key=lambda job: (job.turn, job.id)):
            line, fresh = (job.spec.person, job.priority), job.attempt == 0
            steps[*line, fresh] += 1
            step = steps[*line, fresh] if self.has_person else 1
            job.turn = max(job.turn, before[line][fresh] + step)
        for job in due:
            job.status, job.due = self.states.ready, None
        return len(due)

    def expire(self) -> int:
        late = [
            job
            for job in self.jobs.values()
            if job.expires == "past" and (self.in_line(job) or self.held_back(job))
        ]
        for job in late:
            job.status, job.due = self.states.cancelled, None
            job.error = EXPIRED if job.error is None else f"{EXPIRED} {job.error}"
        return len(late)

    def let_time_pass(self) -> None:
        """Everything that lay in the future lies in the past."""
        for job in self.jobs.values():
            job.due = None if job.due is None else "past"
            job.expires = None if job.expires is None else "past"

    def advance(self, turns: dict[int, int]) -> None:
        for priority, turn in turns.items():
            self.lines[priority] = max(turn, self.lines.get(priority, turn))

    def refill(self, jobs: int) -> None:
        if self.rate is not None:
            self.tokens = min(self.rate, self.tokens + jobs)
