"""All the runners of a worker: who is free, who is late, who must be replaced."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings

from jobs.asynchronous import threads_given_up
from jobs.models.job import Job
from jobs.outcomes import Verdict
from jobs.registry import JobKind
from jobs.worker import clock, serving
from jobs.worker.eventloop import EventLoop
from jobs.worker.options import Options
from jobs.worker.runners import Assignment, Ended, Ending, ProcessRunner, Runner, ThreadRunner

log = structlog.get_logger(__name__)

_SECONDS_BETWEEN_WEIGHINGS = 0.5
_LONGEST_PAUSE = 30.0
# Job processes started in a row; a worker with many must hear signals in between.
_STARTS = 4
# Seconds without a look at the event loop after which its own silence says nothing.
_SLEPT = 2.0
# Loops and threads that handlers may keep for ever before the worker gives way to a new one.
_MOST_WORN = 8


class Crew:
    """Processes, threads and an event loop, as the worker's kinds need them.

    ``wake`` is called, from any thread, when there is something to collect.
    """

    def __init__(
        self, kinds: Sequence[JobKind], options: Options, *, wake: Callable[[], None]
    ) -> None:
        self._options = options
        self._wake = wake
        self._places = {kind.queue: kind.places(options.concurrency) for kind in kinds}
        self._queues = {
            executor: tuple(kind.queue for kind in kinds if kind.executor == executor)
            for executor in ("process", "thread", "async")
        }
        self._runners: list[Runner] = []
        self._loop: EventLoop | None = None
        self._worn: list[threading.Thread] = []  # that handlers keep, for ever perhaps
        self._context = multiprocessing.get_context("forkserver")
        self._failed_starts = 0
        self._start_at = 0.0
        self._weigh_at = 0.0
        self._looked_at = 0.0
        if self._queues["process"]:
            _prepare_fork_server(self._context, self._queues["process"])

    def waitables(self) -> list[Any]:
        """What becomes readable when there is something to collect."""
        return [waitable for runner in self._runners for waitable in runner.waitables()]

    def held(self) -> dict[UUID, Assignment]:
        """The jobs in somebody's hands."""
        found = (runner.assignment for runner in self._runners)
        held = {assignment.job.id: assignment for assignment in found if assignment is not None}
        on_loop = self._loop.held() if self._loop else ()
        return held | {assignment.job.id: assignment for assignment in on_loop}

    def holds(self) -> bool:
        """Whether any job is in somebody's hands."""
        return bool(self._loop and self._loop.busy()) or any(
            runner.assignment is not None for runner in self._runners
        )

    def busy(self) -> int:
        """How many jobs are in somebody's hands."""
        on_loop = self._loop.busy() if self._loop else 0
        return on_loop + sum(runner.assignment is not None for runner in self._runners)

    def free(self, kind: JobKind) -> int:
        """How many jobs of this kind could start now."""
        places = self._places[kind.queue]
        if kind.executor == "async":
            loop = self._loop
            return places - loop.count(kind) if loop is not None and loop.ready else 0
        idle = len(self._idle(kind.executor))
        if places < self._options.concurrency:
            held = (runner.assignment for runner in self._runners)
            busy = sum(each is not None and each.kind is kind for each in held)
            return max(0, min(idle, places - busy))
        return idle

    @property
    def worn_out(self) -> bool:
        """Whether too much of this process is lost to handlers that never return."""
        self._worn = [thread for thread in self._worn if thread.is_alive()]
        return len(self._worn) + threads_given_up() >= _MOST_WORN

    def assign(self, kind: JobKind, jobs: Sequence[Job]) -> Sequence[Job]:
        """Start the jobs; return those whose places are lost since ``free`` named them."""
        if kind.executor == "async":
            if self._loop is None:  # given up while the claim was under way
                return jobs
            self._loop.assign(kind, jobs)
            return ()
        idle = self._idle(kind.executor)
        for runner, job in zip(idle, jobs, strict=False):
            runner.assign(kind, job)
        return jobs[len(idle) :]

    def collect(self) -> list[Ended]:
        """What has ended since the last time."""
        ended = [end for runner in self._runners for end in runner.collect()]
        if self._loop is not None:
            ended += self._loop.collect()
        for runner in self._runners:
            # A job that could not be handed over: its runner is dead, or as good as dead.
            if runner.assignment is not None and runner.assignment.ending is not None:
                runner.end(runner.assignment.ending)
        return ended

    def replace(self) -> None:
        """Start runners for those that are missing."""
        self._count_failed_starts()
        self._runners = [runner for runner in self._runners if not runner.gone]
        if self._queues["async"] and self._loop is None:
            self._loop = EventLoop(self._queues["async"], wake=self._wake)
        if self._queues["thread"]:
            self._replace_stuck_threads()
            while self._count("thread") < self._options.concurrency:
                self._runners.append(ThreadRunner(self._queues["thread"]))
        if not self._queues["process"] or clock.now() < self._start_at:
            return
        for _ in range(_STARTS):
            if self._count("process") >= self._options.concurrency:
                return
            try:
                runner = ProcessRunner(self._context, self._queues["process"], self._options)
            except (OSError, EOFError) as error:
                # The fork server is away and the next try starts it: expected, so without a trace.
                log.error("a job process could not be started", error=str(error))  # noqa: TRY400
                self._pause_starts()
                return
            self._runners.append(runner)
        self._wake()  # for the rest, once the worker has looked at what else there is

    def keep_limits(self) -> list[Ended]:
        """End jobs that run too long, that do not stop when asked, or that eat memory.

        Returns the jobs that could only be let go.
        """
        now = clock.now()
        for runner in self._runners:
            if runner.assignment is not None and (ending := self._verdict(runner.assignment, now)):
                runner.end(ending)
        if now < self._weigh_at:
            return []
        self._weigh_at = now + _SECONDS_BETWEEN_WEIGHINGS
        self._weigh()
        return self._keep_limits_on_loop(now)

    def _verdict(self, assignment: Assignment, now: float) -> Ending | None:
        """Why the job must end now, if it must."""
        if assignment.ending is not None:
            return None
        grace = self._options.timing.cancel_grace
        if now >= assignment.ends_at:
            reason = f"The job ran longer than {assignment.limit:g} s and was stopped."
            return Ending(Verdict.RETRY, reason)
        if assignment.cancelled_at is not None and now >= assignment.cancelled_at + grace:
            reason = f"The job did not stop within {grace:g} s of being cancelled."
            return Ending(Verdict.CANCELLED, reason)
        return None

    def _keep_limits_on_loop(self, now: float) -> list[Ended]:
        loop = self._loop
        if loop is None:
            return []
        if now > self._looked_at + _SLEPT:
            loop.excuse()  # this thread did not turn either: the whole worker stood still
        self._looked_at = now
        if loop.blocked_for() > self._options.timing.stuck:
            self._worn.append(loop.thread)
            self._loop = None  # the next turn starts another
            return loop.abandon()
        grace = self._options.timing.cancel_grace
        let_go: list[Ended] = []
        for assignment in loop.held():
            if ending := self._verdict(assignment, now):
                loop.end(assignment, ending)
            elif assignment.ending and now > assignment.asked_at + grace:
                let_go.append(loop.let_go(assignment))
        return let_go

    def _replace_stuck_threads(self) -> None:
        """A thread that overran its job is replaced; it ends when its handler returns, if ever."""
        for runner in self._runners:
            if isinstance(runner, ThreadRunner) and runner.stuck and not runner.has_news:
                runner.retire()
                self._worn.append(runner.thread)
        self._runners = [runner for runner in self._runners if not runner.gone]

    def cancel(self, job_id: UUID) -> None:
        """Remember when the job was seen to be cancelled."""
        assignment = self.held().get(job_id)
        if assignment is not None and assignment.cancelled_at is None:
            assignment.cancelled_at = clock.now()

    def drop(self, job_id: UUID) -> None:
        """End a job that is no longer ours; nothing is written about it."""
        ending = Ending(None, "The job was taken from this worker.")
        for runner in self._runners:
            if runner.assignment is not None and runner.assignment.job.id == job_id:
                runner.end(ending)
        if self._loop is not None:
            for assignment in self._loop.held():
                if assignment.job.id == job_id:
                    self._loop.end(assignment, ending)

    def let_go(self, reason: str, *, threads: bool = False) -> None:
        """End every job that runs and hand it back; may be called from any thread.

        Those in threads cannot be stopped: unless ``threads``, they go on, and what they write in
        the end counts only if the lease still stands.
        """
        ending = Ending(Verdict.RELEASED, reason)
        for runner in list(self._runners):
            if runner.killable or threads:
                runner.end(ending)
        if self._loop is not None:
            for assignment in self._loop.held():
                self._loop.end(assignment, ending)

    def next_moment(self) -> float:
        """When a limit must be looked at again, on the worker's stopwatch."""
        grace = self._options.timing.cancel_grace
        moments = [clock.now() + 60]
        for runner in self._runners:
            if runner.assignment is not None:
                moments.append(runner.assignment.ends_at)
                if runner.assignment.cancelled_at is not None:
                    moments.append(runner.assignment.cancelled_at + grace)
        if self._loop is not None and self._loop.busy():
            moments.append(max(clock.now(), self._weigh_at))
        return min(moments)

    def dismiss(self) -> list[Ended]:
        """Kill and wait for every process, end the event loop; return what ended by that."""
        processes = [runner for runner in self._runners if isinstance(runner, ProcessRunner)]
        for runner in processes:
            runner.dismissed = True
            runner.kill()
        for runner in processes:
            runner.wait_for_end()
        if self._loop is not None:
            self._loop.stop()
        ended = self.collect()
        if self._loop is not None:
            ended += [self._loop.let_go(assignment) for assignment in self._loop.held()]
        return ended

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
