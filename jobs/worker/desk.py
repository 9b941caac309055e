"""What the worker tells the database about jobs, and what it hears."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import Error, InterfaceError, OperationalError

from jobs.models.job import Job
from jobs.outcomes import Outcome, Verdict
from jobs.querysets import Settled
from jobs.registry import JobKind
from jobs.worker import clock
from jobs.worker.options import Timing
from jobs.worker.runners import Assignment, Ended

log = structlog.get_logger(__name__)

# Outcomes told in one statement at most, and seconds for which a time limit is not read again.
_BATCH = 500
_LIMIT_KEPT = 5.0


class Desk:
    """Outcomes that are still to be told, and every statement about jobs.

    A method may fail with any database error. What it was told stays on the desk until the
    database has taken it; taking it twice has no effect, since the attempt has ended by then.
    """

    def __init__(self, kinds: Sequence[JobKind], worker: str, timing: Timing) -> None:
        self._kinds = kinds
        self._worker = worker
        self._timing = timing
        self._untold: dict[str, dict[UUID, Outcome]] = {kind.queue: {} for kind in kinds}
        self._limits: dict[str, tuple[float, timedelta]] = {}

    def take(self, ended: Iterable[Ended]) -> None:
        """Keep what is to be told."""
        for end in ended:
            if end.outcome is not None:
                self._untold[end.kind.queue][end.job.id] = end.outcome

    def has_untold(self, kind: JobKind | None = None) -> bool:
        """Whether outcomes wait to be told, of this kind or of any."""
        return bool(self._untold[kind.queue] if kind else any(self._untold.values()))

    def trade(self, kind: JobKind, slots: int) -> list[Job]:
        """Tell what has ended, and claim up to ``slots`` jobs."""
        outcomes = list(self._untold[kind.queue].values())[:_BATCH]
        try:
            settled, claimed = kind.jobs.exchange(
                outcomes,
                worker=self._worker,
                slots=slots,
                time_limit=self._limit(kind) if slots else timedelta(0),
                rule=kind.retry,
            )
        except (OperationalError, InterfaceError):
            raise
        except Error:
            if not outcomes:
                raise
            # One of them cannot be written. It must not keep the others from being told.
            settled, claimed = self._settle_each(kind, outcomes), []
        self._told(kind, outcomes, settled)
        for job in claimed:
            log.info("job claimed", queue=kind.queue, job_id=str(job.id), attempt=job.attempt)
        return claimed

    def promote(self) -> None:
        """Put jobs whose moment has come in line."""
        for kind in self._kinds:
            kind.jobs.promote()

    def rescue(self) -> None:
        """Take jobs from workers that stopped answering."""
        lease, overdue = timedelta(seconds=self._timing.lease), self._timing.overdue
        for kind in self._kinds:
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
                job_id: assignment.job
                for job_id, assignment in held.items()
                if assignment.kind is kind
            }
            running = {row.id: row for row in kind.jobs.running_with(self._worker)}
            for row in running.values():
                job = mine.get(row.id)
                if job is not None and job.attempt == row.attempt:
                    if row.cancel_requested:
                        cancelled.add(row.id)
                elif row.id not in self._untold[kind.queue]:
                    self._untold[kind.queue][row.id] = Outcome(
                        row.id, row.attempt, Verdict.RELEASED, "The worker never got the job."
                    )
            gone = {
                job_id: job
                for job_id, job in mine.items()
                if job_id not in running or running[job_id].attempt != job.attempt
            }
            lost |= gone.keys() - self._finished(kind, gone)
        return lost, cancelled

    def work_is_left(self) -> bool:
        """Whether jobs wait or run, with whichever worker."""
        return any(kind.jobs.live().exists() for kind in self._kinds)

    def _finished(self, kind: JobKind, jobs: Mapping[UUID, Job]) -> set[UUID]:
        """Those of the jobs that their handlers have just finished themselves."""
        if not jobs:
            return set()
        done = kind.jobs.filter(id__in=jobs, status=kind.model.states.done)
        return {
            job_id
            for job_id, attempt in done.values_list("id", "attempt")
            if jobs[job_id].attempt == attempt
        }

    def _limit(self, kind: JobKind) -> timedelta:
        read_at, limit = self._limits.get(kind.queue, (float("-inf"), timedelta(0)))
        if clock.now() - read_at > _LIMIT_KEPT:
            limit = kind.limit()
            self._limits[kind.queue] = (clock.now(), limit)
        return limit

    def _settle_each(self, kind: JobKind, outcomes: Sequence[Outcome]) -> Settled:
        settled: Settled = {}
        for outcome in outcomes:
            try:
                settled |= kind.jobs.settle([outcome], rule=kind.retry)
            except (OperationalError, InterfaceError):
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
        except (OperationalError, InterfaceError):
            raise
        except Error:
            log.exception(
                "no outcome of the job can be written; it stays as it is until its deadline",
                queue=kind.queue,
                job_id=str(outcome.id),
            )
            return {}

    def _told(self, kind: JobKind, outcomes: Sequence[Outcome], settled: Settled) -> None:
        states = kind.model.states
        events = {
            states.done: "job finished",
            states.failed: "job failed",
            states.cancelled: "job cancelled",
            states.waiting: "job will be tried again",
        }
        for outcome in outcomes:
            del self._untold[kind.queue][outcome.id]
            ids = {"queue": kind.queue, "job_id": str(outcome.id), "attempt": outcome.attempt}
            status = settled.get(outcome.id)
            if status is None:
                log.warning("job had lost its lease", verdict=outcome.verdict, **ids)
            else:
                log.info(events[status], verdict=outcome.verdict, **ids)
