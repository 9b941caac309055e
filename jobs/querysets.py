"""What can be done with many jobs: each statement takes effect only where its state still holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from django.db import IntegrityError, connections, models, transaction
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Now

from jobs import guarded
from jobs.claiming import Exchange, Held, Place, Terms, fetch, read_claim
from jobs.enqueueing import as_new, from_jobs, from_keywords, insert
from jobs.errors import DuplicateJob
from jobs.outcomes import Outcome, Verdict
from jobs.retry import RetryRule
from jobs.statements import claim as claim_statements
from jobs.statements import settle as settle_statements
from jobs.statements import upkeep

if TYPE_CHECKING:
    from jobs.models.job import Job, States

J = TypeVar("J", bound="Job", covariant=True)  # noqa: PLC0105 - J, as in Job

Settled = dict[UUID, str]


class JobQuerySet(models.QuerySet[J]):
    """The way of jobs through a queue.

    ``enqueue``, ``cancel`` and ``retry`` are for everybody and join the caller's transaction; the
    rest is the worker's.
    """

    @property
    def states(self) -> States:
        """What this table calls its states."""
        return self.model.states

    # --- Questions ---------------------------------------------------------------------------

    def live(self) -> JobQuerySet[J]:
        """Jobs that wait or run."""
        return self.filter(status__in=self.states.live)

    def ready(self) -> JobQuerySet[J]:
        """Jobs that the next free worker may claim."""
        return self.filter(status=self.states.ready, available_at=None)

    def running_with(self, worker: str) -> dict[Held, bool]:
        """The attempts that the database says this worker runs, and whether each is to stop."""
        found = self.filter(status=self.states.running, worker_id=worker)
        rows = found.values_list("id", "attempt", "cancel_requested")
        return {Held(key, attempt): cancelled for key, attempt, cancelled in rows}

    # --- For everybody -----------------------------------------------------------------------

    def enqueue(self, jobs: Iterable[J]) -> list[J]:
        """Insert the jobs, all or none, in the caller's transaction; return them.

        DuplicateJob, if one's unique key is that of a job which waits or runs.
        """
        made = list(jobs)
        fresh = as_new(self.model)
        for job in made:
            job.__dict__.update(fresh)
        with self._duplicates_refused(any(job.unique_key for job in made)):
            if len(made) < 2:
                return self.bulk_create(made)
            insert(self.model, from_jobs(self.model, made), self.db, skip_duplicates=False)
        for job in made:
            job._state.adding, job._state.db = False, self.db
        return made

    def enqueue_rows(self, *, skip_duplicates: bool = False, **columns: Any) -> list[UUID]:
        """Insert many jobs by column, in the caller's transaction; return their ids in order.

        A column is a list with a value for each job, or one value for all of them:
        ``enqueue_rows(image_id=[…], user_id=one, priority=7)``. DuplicateJob as for ``enqueue``,
        unless ``skip_duplicates``: then such jobs are left out, and out of the ids.
        """
        given = from_keywords(self.model, columns)
        if not given.rows:
            return []
        with self._duplicates_refused("unique_key" in columns):
            return insert(self.model, given, self.db, skip_duplicates=skip_duplicates)

    def cancel(self) -> int:
        """Cancel jobs that wait or have failed, ask running ones to stop; return how many."""
        states = self.states
        running = Q(status=states.running)
        return self.filter(status__in=(*states.live, states.failed)).update(
            status=Case(When(running, then=F("status")), default=Value(states.cancelled)),
            cancel_requested=Case(When(running, then=True), default=False),
            completed_at=Case(When(running, then=F("completed_at")), default=Now()),
            available_at=None,
        )

    def retry(self) -> int:
        """Put failed jobs in line once more, their retries counted anew; return how many.

        DuplicateJob, if a job with the same unique key waits or runs meanwhile.
        """
        with self._duplicates_refused():
            return self.filter(status=self.states.failed).update(
                status=self.states.waiting,
                available_at=Now(),
                retry_count=0,
                completed_at=None,
                expires_at=Case(When(expires_at__lte=Now(), then=None), default=F("expires_at")),
                worker_id=None,
                cancel_requested=False,
            )

    # --- For workers -------------------------------------------------------------------------

    def claim(
        self, worker: str, slots: int, *, time_limit: timedelta, place: Place | None = None
    ) -> list[J]:
        """Take up to ``slots`` jobs from the head of the line, or from after ``place``."""
        return self.exchange([], Terms(worker, slots, time_limit, place=place)).claimed

    def settle(self, outcomes: Sequence[Outcome], *, rule: RetryRule | None = None) -> Settled:
        """Write how attempts ended; return the new status of each job that was settled.

        A job that is missing from the answer was no longer that attempt's: it was rescued, or has
        ended, and the outcome had no effect.
        """
        if not outcomes:
            return {}
        outcomes = list({(outcome.id, outcome.attempt): outcome for outcome in outcomes}.values())
        parameters = [
            [outcome.id for outcome in outcomes],
            [outcome.attempt for outcome in outcomes],
            [outcome.verdict.value for outcome in outcomes],
            [outcome.error for outcome in outcomes],
            [outcome.delay for outcome in outcomes],
            *(rule or RetryRule()).as_parameters(),
        ]
        return self._settled(settle_statements.settle(self.model), parameters)

    def exchange(self, done: Sequence[Held], terms: Terms) -> Exchange[J]:
        """Mark attempts as done and claim what comes next: one statement, both or neither.

        With a limit for each person or a rate, claims wait for each other at the queue's row, and
        it takes a few statements in one transaction.
        """
        if terms.slots < 1:
            return Exchange(self.mark_done(done), [])
        if terms.guarded:
            with transaction.atomic(self.db):
                return guarded.exchange(self, done, terms)
        place = () if terms.place is None else terms.place
        parameters = [*_arrays(done), *place, terms.slots, *terms.as_parameters()]
        statement = claim_statements.exchange(self.model, further=terms.place is not None)
        ended, claimed = read_claim(self, statement, parameters, terms.worker)
        return Exchange(self.not_done(done, ended), claimed)

    def finish(self, job: Job) -> bool:
        """Mark the attempt as done; False if it had lost its lease."""
        return bool(fetch(self.db, claim_statements.finish(self.model), _arrays([_held(job)])))

    def fail(
        self,
        job: Job,
        error: str,
        *,
        permanent: bool = False,
        delay: float | None = None,
        rule: RetryRule | None = None,
    ) -> bool:
        """End the attempt with an error, to be retried while retries are left.

        False if it had lost its lease. ``permanent``: fail now, whatever is left.
        """
        verdict = Verdict.FAILED if permanent else Verdict.RETRY
        outcome = Outcome(job.id, job.attempt, verdict, error, delay)
        return job.id in self.settle([outcome], rule=rule)

    def rescue(
        self, *, lease: timedelta, overdue: timedelta, rule: RetryRule, limit: int = 500
    ) -> Settled:
        """Take jobs from workers silent for longer than ``lease``, to be retried or failed.

        Also from a worker that let a job run for ``overdue`` past its deadline. Any number of
        workers may do so at the same time.
        """
        silent, late = lease.total_seconds(), overdue.total_seconds()
        parameters = [silent, late, silent, late, limit, *rule.as_parameters()]
        return self._settled(settle_statements.rescue(self.model), parameters)

    def promote(self, limit: int = 500) -> int:
        """Put jobs whose moment to be tried has come in line; return how many."""
        with connections[self.db].cursor() as cursor:
            cursor.execute(upkeep.promote(self.model), [limit])
            return int(cursor.rowcount)

    def expire(self, limit: int = 500) -> int:
        """Cancel jobs that have not begun in time; return how many."""
        with connections[self.db].cursor() as cursor:
            cursor.execute(upkeep.expire(self.model), [limit])
            return int(cursor.rowcount)

    def advance(self, turns: Mapping[int, int]) -> None:
        """Tell how far the line has come: the turn claimed last, by priority."""
        with connections[self.db].cursor() as cursor:
            parameters = [list(turns.keys()), list(turns.values())]
            cursor.execute(claim_statements.advance(self.model), parameters)

    def not_done(self, told: Sequence[Held], marked: int) -> set[UUID]:
        """Which of the attempts are not marked as done, if fewer were than were told."""
        if marked == len(told):
            return set()
        ids = {held.id: held.attempt for held in told}
        rows = self.filter(id__in=ids, status=self.states.done).values_list("id", "attempt")
        return ids.keys() - {key for key, attempt in rows if ids[key] == attempt}

    def mark_done(self, told: Sequence[Held]) -> set[UUID]:
        """Mark attempts as done; the ids of those that had lost their lease."""
        if not told:
            return set()
        rows = fetch(self.db, claim_statements.finish(self.model), _arrays(told))
        return self.not_done(told, len(rows))

    # --- Parts -------------------------------------------------------------------------------

    def _settled(self, statement: str, parameters: Sequence[Any]) -> Settled:
        with connections[self.db].cursor() as cursor:
            cursor.execute(statement, parameters)
            return dict(cursor.fetchall())

    def _duplicates_refused(self, possible: bool = True) -> AbstractContextManager[None]:
        if not possible:
            return nullcontext()
        return _DuplicatesRefused(self.db, f"{self.model._meta.db_table}_unique_key_live")


def exchange_in_text(
    model: type[Job], done: Sequence[Held], terms: Terms
) -> tuple[str, list[str | None]]:
    """The statement of ``exchange``, and its parameters as literals: for who sends it himself."""
    place = () if terms.place is None else terms.place
    parameters = [*_arrays(done), *place, terms.slots, *terms.as_parameters()]
    statement = claim_statements.exchange(model, further=terms.place is not None)
    return statement, [None if value is None else str(value) for value in parameters]


def _held(job: Job) -> Held:
    return Held(job.id, job.attempt)


def _arrays(done: Sequence[Held]) -> list[Any]:
    """As two array literals: the driver would look at each element on its own."""
    ids = ",".join([held.id.hex for held in done])
    attempts = ",".join([str(held.attempt) for held in done])
    return [f"{{{ids}}}", f"{{{attempts}}}"]


class _DuplicatesRefused(AbstractContextManager[None]):
    """A savepoint that turns the violation of one unique index into DuplicateJob."""

    def __init__(self, alias: str, index: str) -> None:
        self._atomic = transaction.atomic(alias)
        self._index = index

    def __enter__(self) -> None:
        self._atomic.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        self._atomic.__exit__(kind, error, trace)  # type: ignore[arg-type] # as they came
        if isinstance(error, IntegrityError):
            diagnosis = getattr(error.__cause__, "diag", None)
            if getattr(diagnosis, "constraint_name", None) == self._index:
                raise DuplicateJob("The same job already waits or runs.") from error
