"""What can be done with many jobs: each statement takes effect only where its state still holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from uuid import UUID

from django.db import IntegrityError, connections, models, transaction
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Now

from jobs import statements
from jobs.errors import DuplicateJob
from jobs.outcomes import Outcome, Verdict
from jobs.retry import RetryRule

if TYPE_CHECKING:
    from jobs.models.job import Job, States

J = TypeVar("J", bound="Job", covariant=True)  # noqa: PLC0105 - a job

Settled = dict[UUID, str]


class Held(NamedTuple):
    """A job that the database counts as running with a worker."""

    id: UUID
    attempt: int
    cancel_requested: bool


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

    def running_with(self, worker: str) -> list[Held]:
        """The jobs that the database says this worker runs."""
        found = self.filter(status=self.states.running, worker_id=worker)
        return [Held(*row) for row in found.values_list("id", "attempt", "cancel_requested")]

    # --- For everybody -----------------------------------------------------------------------

    def enqueue(self, jobs: Iterable[J]) -> list[J]:
        """Insert the jobs, all or none, in the caller's transaction; return them.

        DuplicateJob, if one's unique key is that of a job which waits or runs.
        """
        made = list(jobs)
        for job in made:
            job.status = self.states.ready
        if not any(job.unique_key for job in made):
            return self.bulk_create(made)
        with self._duplicates_refused():
            return self.bulk_create(made)

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
                worker_id=None,
                cancel_requested=False,
            )

    # --- For workers -------------------------------------------------------------------------

    def claim(self, worker: str, slots: int, *, time_limit: timedelta) -> list[J]:
        """Take up to ``slots`` ready jobs, the most urgent and oldest first, and return them."""
        if slots < 1:
            return []
        parameters = [slots, worker, time_limit.total_seconds()]
        claimed = list(self.raw(statements.claim(self.model), parameters))
        return sorted(claimed, key=_place_in_line)

    def settle(self, outcomes: Sequence[Outcome], *, rule: RetryRule | None = None) -> Settled:
        """Write how attempts ended; return the new status of each job that was settled.

        A job that is missing from the answer was no longer that attempt's: it was rescued, or has
        ended, and the outcome had no effect.
        """
        if not outcomes:
            return {}
        parameters = [
            [outcome.id for outcome in outcomes],
            [outcome.attempt for outcome in outcomes],
            [outcome.verdict.value for outcome in outcomes],
            [outcome.error for outcome in outcomes],
            [outcome.delay for outcome in outcomes],
            *(rule or RetryRule()).as_parameters(),
        ]
        return self._settled(statements.settle(self.model), parameters)

    def exchange(
        self,
        outcomes: Sequence[Outcome],
        *,
        worker: str,
        slots: int,
        time_limit: timedelta,
        rule: RetryRule,
    ) -> tuple[Settled, list[J]]:
        """Settle what has ended and claim what comes next, both or neither."""
        if not outcomes:
            return {}, self.claim(worker, slots, time_limit=time_limit)
        if slots < 1:
            return self.settle(outcomes, rule=rule), []
        with transaction.atomic(self.db):
            settled = self.settle(outcomes, rule=rule)
            return settled, self.claim(worker, slots, time_limit=time_limit)

    def finish(self, job: Job) -> bool:
        """Mark the attempt as done; False if it had lost its lease."""
        return job.id in self.settle([Outcome(job.id, job.attempt, Verdict.DONE)])

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
        return self._settled(statements.rescue(self.model), parameters)

    def promote(self, limit: int = 500) -> int:
        """Put jobs whose moment to be tried has come in line; return how many."""
        with connections[self.db].cursor() as cursor:
            cursor.execute(statements.promote(self.model), [limit])
            return int(cursor.rowcount)

    # --- Parts -------------------------------------------------------------------------------

    def _settled(self, statement: str, parameters: Sequence[Any]) -> Settled:
        with connections[self.db].cursor() as cursor:
            cursor.execute(statement, parameters)
            return dict(cursor.fetchall())

    def _duplicates_refused(self) -> _DuplicatesRefused:
        return _DuplicatesRefused(self.db, f"{self.model._meta.db_table}_unique_key_live")


def _place_in_line(job: Job) -> tuple[int, datetime, UUID]:
    return -job.priority, job.created_at, job.id


class _DuplicatesRefused:
    """A savepoint that turns the violation of one unique index into DuplicateJob."""

    def __init__(self, alias: str, index: str) -> None:
        self._atomic = transaction.atomic(alias)
        self._index = index

    def __enter__(self) -> None:
        self._atomic.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        self._atomic.__exit__(kind, error, trace)  # type: ignore[arg-type]
        if isinstance(error, IntegrityError):
            diagnosis = getattr(error.__cause__, "diag", None)
            if getattr(diagnosis, "constraint_name", None) == self._index:
                raise DuplicateJob("The same job already waits or runs.") from error
