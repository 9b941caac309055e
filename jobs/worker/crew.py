"""All the runners of a worker: who is free, who is late, who must be replaced."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

import structlog
from django.conf import settings

from jobs.models.job import Job
from jobs.outcomes import Verdict
from jobs.registry import JobKind
from jobs.worker import clock, serving
from jobs.worker.options import Options
from jobs.worker.runners import Assignment, Ended, Ending, ProcessRunner, Runner, ThreadRunner

log = structlog.get_logger(__name__)

_SECONDS_BETWEEN_WEIGHINGS = 0.5
_LONGEST_PAUSE = 30.0


class Crew:
    """As many processes, and as many threads, as the worker may use, if its kinds need them."""

    def __init__(self, kinds: Sequence[JobKind], options: Options) -> None:
        self._options = options
        self._queues = {
            executor: tuple(kind.queue for kind in kinds if kind.executor == executor)
            for executor in ("process", "thread")
        }
        self._runners: list[Runner] = []
        self._context = multiprocessing.get_context("forkserver")
        self._failed_starts = 0
        self._start_at = 0.0
        self._weigh_at = 0.0
        if self._queues["process"]:
            _prepare_fork_server(self._context, self._queues["process"])

    def waitables(self) -> list[Any]:
        """What becomes readable when there is something to collect."""
        return [waitable for runner in self._runners for waitable in runner.waitables()]

    def held(self) -> dict[UUID, Assignment]:
        """The jobs in somebody's hands."""
        found = (runner.assignment for runner in self._runners)
        return {assignment.job.id: assignment for assignment in found if assignment is not None}

    def free(self, executor: Literal["process", "thread"]) -> int:
        """How many jobs of this kind could start now."""
        return len(self._idle(executor))

    def assign(self, kind: JobKind, jobs: Sequence[Job]) -> None:
        """Start the jobs; there are no more of them than ``free`` said."""
        for runner, job in zip(self._idle(kind.executor), jobs, strict=False):
            runner.assign(kind, job)

    def collect(self) -> list[Ended]:
        """What has ended since the last time."""
        ended = [end for runner in self._runners for end in runner.collect()]
        for runner in self._runners:
            # A job that could not be handed over: its runner is dead, or as good as dead.
            if runner.assignment is not None and runner.assignment.ending is not None:
                runner.end(runner.assignment.ending)
        return ended

    def replace(self) -> None:
        """Start runners for those that are missing."""
        self._count_failed_starts()
        self._runners = [runner for runner in self._runners if not runner.gone]
        if self._queues["thread"]:
            while self._count("thread") < self._options.concurrency:
                self._runners.append(ThreadRunner(self._queues["thread"]))
        if not self._queues["process"] or clock.now() < self._start_at:
            return
        while self._count("process") < self._options.concurrency:
            try:
                runner = ProcessRunner(self._context, self._queues["process"], self._options)
            except (OSError, EOFError) as error:  # the fork server is away; the next try starts it
                log.error("a job process could not be started", error=str(error))  # noqa: TRY400
                self._pause_starts()
                return
            self._runners.append(runner)

    def keep_limits(self) -> None:
        """End jobs that run too long, that do not stop when asked, or that eat memory."""
        now = clock.now()
        for runner in self._runners:
            assignment = runner.assignment
            if assignment is None or assignment.ending is not None:
                continue
            grace = self._options.timing.cancel_grace
            if now >= assignment.ends_at:
                reason = f"The job ran longer than {assignment.limit:g} s and was stopped."
                runner.end(Ending(Verdict.RETRY, reason))
            elif assignment.cancelled_at is not None and now >= assignment.cancelled_at + grace:
                reason = f"The job did not stop within {grace:g} s of being cancelled."
                runner.end(Ending(Verdict.CANCELLED, reason))
        if now >= self._weigh_at:
            self._weigh_at = now + _SECONDS_BETWEEN_WEIGHINGS
            self._weigh()

    def cancel(self, job_id: UUID) -> None:
        """Remember when the job was seen to be cancelled."""
        assignment = self.held().get(job_id)
        if assignment is not None and assignment.cancelled_at is None:
            assignment.cancelled_at = clock.now()

    def drop(self, job_id: UUID) -> None:
        """End a job that is no longer ours; nothing is written about it."""
        for runner in self._runners:
            if runner.assignment is not None and runner.assignment.job.id == job_id:
                runner.end(Ending(None, "The job was taken from this worker."))

    def let_go(self, reason: str, *, threads: bool = False) -> None:
        """End every job that runs and hand it back; may be called from any thread.

        Those in threads cannot be stopped: unless ``threads``, they go on, and what they write in
        the end counts only if the lease still stands.
        """
        for runner in list(self._runners):
            if runner.killable or threads:
                runner.end(Ending(Verdict.RELEASED, reason))

    def next_moment(self) -> float:
        """When a limit must be looked at again, on the worker's stopwatch."""
        grace = self._options.timing.cancel_grace
        moments = [clock.now() + 60]
        for assignment in self.held().values():
            moments.append(assignment.ends_at)
            if assignment.cancelled_at is not None:
                moments.append(assignment.cancelled_at + grace)
        return min(moments)

    def dismiss(self) -> list[Ended]:
        """Kill and wait for every process; return what ended by that."""
        processes = [runner for runner in self._runners if isinstance(runner, ProcessRunner)]
        for runner in processes:
            runner.dismissed = True
            runner.kill()
        for runner in processes:
            runner.wait_for_end()
        return self.collect()

    def _idle(self, executor: str) -> list[Runner]:
        return [
            runner
            for runner in self._runners
            if runner.ready and not runner.gone and runner.killable == (executor == "process")
        ]

    def _count(self, executor: str) -> int:
        return sum(runner.killable == (executor == "process") for runner in self._runners)

    def _weigh(self) -> None:
        for runner in self._runners:
            if not isinstance(runner, ProcessRunner) or runner.assignment is None:
                continue
            used = serving.memory_of(runner.pid)
            if used > self._options.memory_limit:
                runner.end(
                    Ending(
                        Verdict.RETRY,
                        f"The job used {used >> 20} MB of memory, more than the"
                        f" {self._options.memory_limit >> 20} MB it may, and was stopped.",
                    )
                )

    def _count_failed_starts(self) -> None:
        for runner in self._runners:
            if runner.was_ready:
                self._failed_starts = 0
            elif runner.gone:
                self._pause_starts()

    def _pause_starts(self) -> None:
        self._failed_starts += 1
        pause = min(0.25 * 2**self._failed_starts, _LONGEST_PAUSE)
        self._start_at = clock.now() + pause


def _prepare_fork_server(context: Any, queues: Sequence[str]) -> None:
    """Say what the fork server loads. It is started with the first child.

    It takes neither this process's import path nor its open files, so the project's directory is
    named in the environment.
    """
    os.environ["LACUNA_WORKER_QUEUES"] = ",".join(queues)
    known = os.environ.get("PYTHONPATH", "")
    if str(settings.BASE_DIR) not in known.split(os.pathsep):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(settings.BASE_DIR), known]))
    context.set_forkserver_preload(["jobs.worker.preload"])
