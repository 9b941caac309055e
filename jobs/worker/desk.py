"""What the worker tells the database about jobs, and what it hears."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import structlog
from django.db import (
    DEFAULT_DB_ALIAS,
    DataError,
    Error,
    InterfaceError,
    InternalError,
    OperationalError,
)

from jobs.claiming import Held, made, place_in, place_of
from jobs.models.job import Job
from jobs.models.queue import Queue
from jobs.outcomes import Outcome, Verdict
from jobs.querysets import Settled, exchange_in_text
from jobs.registry import JobKind
from jobs.statements.names import claimed_columns, has_person
from jobs.worker import clock
from jobs.worker.book import Book, Sent
from jobs.worker.limits import Limits
from jobs.worker.options import Timing
from jobs.worker.runners import Assignment, Ended
from jobs.worker.tally import Tally
from jobs.worker.wire import Answer

log = structlog.get_logger(__name__)

# Nothing is wrong with what was told: the server is away, or cannot write at all (some full disks
# are reported as an internal error). It is told again.
_AWAY = (OperationalError, InterfaceError, InternalError)
_INFO = logging.INFO


class Arrival(NamedTuple):
    """A claim that was answered; ``kind`` has that many places less from now on."""

    book: Book
    answer: Answer

    @property
    def kind(self) -> JobKind:
        """Whose jobs they are."""
        return self.book.kind


class Desk:
    """Every statement about jobs, and the books of what is still to be told.

    A method may fail with any database error. What it was told stays on the desk until the
    database has taken it; taking it twice has no effect, since the attempt has ended by then.
    """

    def __init__(self, kinds: Sequence[JobKind], worker: str, timing: Timing) -> None:
        self._kinds = kinds
        self._worker = worker
        self._timing = timing
        self._books = {kind.queue: Book(kind, timing) for kind in kinds}
        self._limits = {kind.queue: Limits(kind) for kind in kinds}
        self._ends: dict[UUID, Ended] = {}  # to be counted once their outcome is written
        self._tally = Tally()

    def book(self, kind: JobKind) -> Book:
        """What is known of the kind's queue."""
        return self._books[kind.queue]

    def take(self, ended: Iterable[Ended]) -> None:
        """Keep what is to be told."""
        for end in ended:
            self._books[end.kind.queue].take(end)
            outcome = end.outcome
            if outcome is None:
                if not end.asked and end.job.status == end.job.states.done:
                    self._tally.count([end], end.job.states.done)
            elif outcome is not Verdict.DONE and not outcome.is_plain:
                self._ends[end.job.id] = end

    def has_untold(self) -> bool:
        """Whether outcomes wait to be told."""
        return any(book.untold for book in self._books.values())

    def trade(self, kind: JobKind, slots: int) -> list[Job]:
        """Tell what has ended, and claim up to ``slots`` jobs.

        For kinds with many places the jobs come later, with ``answers``.
        """
        book = self._books[kind.queue]
        if book.ended:
            self._tell_ended(book)
        done = book.next_done()
        if not slots and not done:
            book.told(())
            return []
        terms = self._limits[kind.queue].terms(self._worker, slots, book)
        if slots and kind.executor == "async" and not terms.guarded:
            statement, parameters = exchange_in_text(kind.model, done, terms)
            book.wire.send(statement, parameters)
            book.sent = Sent(done, slots, clock.now())
            return []
        try:
            lost, claimed = kind.jobs.exchange(done, terms)
        except _AWAY:
            raise
        except Error:
            if not done:
                raise
            self._tell_each(book, done)
            return []
        self._told_done(book, done, lost)
        if slots:
            book.answered(len(claimed), slots)
            if len(claimed) >= slots and not terms.guarded:
                book.reached(place_of(claimed[-1]))
            self._claimed(book, claimed)
        return claimed

    def answers(self) -> Iterator[Arrival]:
        """What came of claims that were sent: first how many jobs, and later the jobs."""
        for book in self._books.values():
            if book.sent is None:
                continue
            if clock.now() - book.sent.at > self._timing.lapse:
                log.warning("a claim was never answered", queue=book.kind.queue)
                book.sent = None
                book.wire.close()
                continue
            try:
                answer = book.wire.answer()
            except _AWAY:
                book.sent = None
                raise
            except Error:
                sent, book.sent = book.sent, None
                with self.confined(book.kind):
                    if not sent.done:
                        raise
                    self._tell_each(book, sent.done)
                continue
            if answer is not None:
                yield self._arrived(book, answer)

    def read(self, arrival: Arrival) -> list[Job]:
        """The jobs of a claim that has been answered."""
        book, model = arrival.book, arrival.book.kind.model
        jobs = made(model, DEFAULT_DB_ALIAS, arrival.answer.rows(), self._worker)
        book.arriving = 0
        self._claimed(book, jobs)
        return jobs

    def hand_back(self, kind: JobKind, jobs: Iterable[Job], reason: str) -> None:
        """Have these jobs, which nobody here began, run by whoever claims them next."""
        for job in jobs:
            self._books[kind.queue].hand_back(Held(job.id, job.attempt), reason)

    @property
    def waits(self) -> bool:
        """Whether a claim is under way: what the database holds for us is not known until then."""
        return any(book.sent is not None for book in self._books.values())

    def waitables(self) -> list[int]:
        """What becomes readable when a claim is answered."""
        return [end for book in self._books.values() for end in book.wire.waitables()]

    def forget_claims(self) -> None:
        """Wait no longer for claims under way; what they took is handed back by ``compare``."""
        for book in self._books.values():
            book.sent = None
            book.wire.close()

    def hang_up(self, seconds: float) -> None:
        """The worker ends: hand back what claims under way still bring, and close."""
        for book in self._books.values():
            try:
                answer = book.wire.wait(seconds) if book.sent is not None else None
                if answer is not None:
                    jobs = self.read(self._arrived(book, answer))
                    self.hand_back(book.kind, jobs, "The worker was stopped.")
            except Error as error:
                log.warning("a claim under way was lost", error=str(error))
            book.sent = None
            book.wire.close()

    def _arrived(self, book: Book, answer: Answer) -> Arrival:
        sent, book.sent = book.sent, None
        assert sent is not None, "answered"
        lost = book.kind.jobs.not_done(sent.done, answer.number())
        self._told_done(book, sent.done, lost)
        book.arriving = answer.size if answer.has_jobs() else 0
        book.answered(book.arriving, sent.slots)
        if book.arriving >= sent.slots and (last := answer.last()) is not None:
            book.reached(place_in(book.kind.model, last))
        return Arrival(book, answer)

    def _claimed(self, book: Book, jobs: Sequence[Job]) -> None:
        book.claimed(jobs)
        for job in jobs if log.isEnabledFor(_INFO) else ():
            log.info("job claimed", queue=book.kind.queue, job_id=str(job.id), attempt=job.attempt)

    def promote(self) -> None:
        """Put jobs whose moment has come in line, and cancel those whose moment has passed."""
        for kind in self._kinds:
            with self.confined(kind):
                if kind.jobs.promote():
                    self._books[kind.queue].place = None
                if late := kind.jobs.expire():
                    log.warning("jobs were cancelled: too late", queue=kind.queue, jobs=late)

    def read_switches(self) -> None:
        """See which queues have a rate."""
        tables = {kind.model._meta.db_table: self._books[kind.queue] for kind in self._kinds}
        rated = Queue.objects.filter(table_name__in=tables).exclude(rate_limit=None)
        names = set(rated.values_list("table_name", flat=True))
        for table, book in tables.items():
            book.rated = table in names

    def advance(self) -> None:
        """Tell how far the lines have come."""
        for kind in self._kinds:
            book = self._books[kind.queue]
            turns, book.turns = book.turns, {}
            if turns and has_person(kind.model):
                with self.confined(kind):
                    kind.jobs.advance(turns)

    def flush(self) -> None:
        """Add what was counted to the statistics."""
        self._tally.flush()

    def rescue(self) -> None:
        """Take jobs from workers that stopped answering."""
        lease, overdue = timedelta(seconds=self._timing.lease), self._timing.overdue
        for kind in self._kinds:
            rescued: Settled = {}
            with self.confined(kind):
                rescued = kind.jobs.rescue(
                    lease=lease, overdue=timedelta(seconds=overdue), rule=kind.retry
                )
            for job_id, status in rescued.items():
                log.warning("job rescued", queue=kind.queue, job_id=str(job_id), status=status)

    def compare(self, held: Mapping[UUID, Assignment]) -> tuple[set[UUID], set[UUID]]:
        """Compare what the worker holds with what the database says it holds.

        Returns the jobs that were taken from it, and those that are to stop. Jobs that the database
        gave it in an answer it never got are handed back.
        """
        lost: set[UUID] = set()
        cancelled: set[UUID] = set()
        for kind in self._kinds:
            mine = {
                Held(job_id, assignment.job.attempt)
                for job_id, assignment in held.items()
                if assignment.kind is kind
            }
            with self.confined(kind):
                running = kind.jobs.running_with(self._worker)
                cancelled |= {key.id for key in mine if running.get(key)}
                for key in running.keys() - mine:
                    if not self._books[kind.queue].is_untold(key.id):
                        self._give_up_unless_readable(kind, key)
                gone = mine - running.keys()
                lost |= {key.id for key in gone} - self._finished(kind, gone)
        return lost, cancelled

    @contextmanager
    def confined(self, kind: JobKind) -> Iterator[None]:
        """What is wrong with one queue's table keeps no other queue from its jobs."""
        try:
            yield
        except _AWAY:
            raise
        except Error as error:
            book = self._books[kind.queue]
            book.failed()
            log.error(  # noqa: TRY400 - the sentence says it; it comes again and again
                "the queue's table refuses; it rests", queue=kind.queue, error=str(error)
            )

    def _give_up_unless_readable(self, kind: JobKind, held: Held) -> None:
        """The claim's answer was lost, or Python could not read this row of it."""
        book = self._books[kind.queue]
        columns = [attribute for _, attribute in claimed_columns(kind.model)]
        try:
            kind.jobs.filter(id=held.id).values_list(*columns).first()
        except DataError as error:
            reason = f"The job's row cannot be read: {error}"
            book.ended[held.id] = Outcome(*held, Verdict.FAILED, reason)
        else:
            book.hand_back(held, "The worker never got the job.")

    def work_is_left(self) -> bool:
        """Whether jobs wait or run, with whichever worker."""
        return any(kind.jobs.live().exists() for kind in self._kinds)

    def _finished(self, kind: JobKind, gone: set[Held]) -> set[UUID]:
        """Those of the jobs that their handlers have just finished themselves."""
        if not gone:
            return set()
        done = kind.jobs.filter(id__in=[key.id for key in gone], status=kind.model.states.done)
        return {key.id for key in gone & {Held(*row) for row in done.values_list("id", "attempt")}}

    def _tell_each(self, book: Book, done: Sequence[Held]) -> None:
        """One of them cannot be written. It must not keep the others from being told."""
        outcomes = [Outcome(*held, Verdict.DONE) for held in done]
        self._told(book, outcomes, self._settle_each(book.kind, outcomes))

    # --- Telling -----------------------------------------------------------------------------

    def _tell_ended(self, book: Book) -> None:
        kind, outcomes = book.kind, book.next_ended()
        try:
            settled = kind.jobs.settle(outcomes, rule=kind.retry)
        except _AWAY:
            raise
        except Error:
            settled = self._settle_each(kind, outcomes)
        self._told(book, outcomes, settled)

    def _settle_each(self, kind: JobKind, outcomes: Sequence[Outcome]) -> Settled:
        settled: Settled = {}
        for outcome in outcomes:
            try:
                settled |= kind.jobs.settle([outcome], rule=kind.retry)
            except _AWAY:
                raise
            except Error as error:
                settled |= self._settle_as_failure(kind, outcome, error)
        return settled

    def _settle_as_failure(self, kind: JobKind, outcome: Outcome, error: Error) -> Settled:
        """A trigger of the domain refuses the outcome: the job failed, in the very last step."""
        reason = f"The outcome ({outcome.verdict}) could not be written: {error}"
        failure = Outcome(outcome.id, outcome.attempt, Verdict.RETRY, reason)
        try:
            return kind.jobs.settle([failure], rule=kind.retry)
        except _AWAY:
            raise
        except Error:
            log.exception(
                "no outcome of the job can be written; it stays as it is until its deadline",
                queue=kind.queue,
                job_id=str(outcome.id),
            )
            return {}

    def _told_done(self, book: Book, done: Sequence[Held], lost: set[UUID]) -> None:
        kind = book.kind
        ends = book.told(done)
        if lost:
            for job_id in lost:
                log.warning("job had lost its lease", queue=kind.queue, job_id=str(job_id))
            ends = [end for end in ends if end.job.id not in lost]
        self._tally.count(ends, kind.model.states.done)
        for end in ends if log.isEnabledFor(_INFO) else ():
            self._say("job finished", kind, end, Verdict.DONE)

    def _told(self, book: Book, outcomes: Sequence[Outcome], settled: Settled) -> None:
        states = book.kind.model.states
        events = {
            states.done: "job finished",
            states.failed: "job failed",
            states.cancelled: "job cancelled",
            states.waiting: "job will be tried again",
        }
        told = book.told([Held(outcome.id, outcome.attempt) for outcome in outcomes])
        ends = {end.job.id: end for end in told}
        for outcome in outcomes:
            end = ends.get(outcome.id) or self._ends.pop(outcome.id, None)
            status = settled.get(outcome.id)
            if status is None:
                ids = {"job_id": str(outcome.id), "attempt": outcome.attempt}
                log.warning("job had lost its lease", queue=book.kind.queue, **ids)
            elif end is not None:
                self._tally.count([end], status)
                self._say(events[status], book.kind, end, outcome.verdict)

    def _say(self, event: str, kind: JobKind, end: Ended, verdict: Verdict) -> None:
        log.info(
            event,
            verdict=verdict,
            queue=kind.queue,
            job_id=str(end.job.id),
            attempt=end.job.attempt,
            ms=round(end.seconds * 1000),
        )
