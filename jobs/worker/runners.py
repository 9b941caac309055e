"""Those who run the jobs: a child process that can be killed, or a thread that cannot."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from typing import Any, ClassVar, Literal, NamedTuple

import structlog

from jobs.models.job import Job
from jobs.outcomes import Outcome, Verdict
from jobs.registry import JobKind
from jobs.worker import clock, entry, serving
from jobs.worker.messages import Ready, Report, Task
from jobs.worker.options import Options

log = structlog.get_logger(__name__)


class Ending(NamedTuple):
    """Why the worker ends a job itself; without a verdict, nothing is written about it."""

    verdict: Verdict | None
    reason: str


class Ended(NamedTuple):
    """A job that no longer runs, what is to be written about it, if anything, and how long it ran.

    An outcome of which there is no more to say is Verdict.DONE alone. ``asked``: the worker itself
    ended it.
    """

    kind: JobKind
    job: Job
    outcome: Outcome | Literal[Verdict.DONE] | None
    seconds: float
    asked: bool = False


@dataclass(slots=True, eq=False)
class Assignment:
    """A job in somebody's hands."""

    kind: JobKind
    job: Job
    began_at: float  # on the worker's stopwatch, as the other moments
    limit: float  # seconds
    cancelled_at: float | None = None
    ending: Ending | None = None
    asked_at: float = 0.0  # when a handler that cannot be killed was asked to end
    task: asyncio.Task[None] | None = None  # of a coroutine handler, while it runs

    @classmethod
    def begin(cls, kind: JobKind, job: Job) -> Assignment:
        """The job begins now."""
        assert job.deadline_at is not None, "not claimed"
        assert job.started_at is not None, "not claimed"
        return cls(kind, job, clock.now(), (job.deadline_at - job.started_at).total_seconds())

    @property
    def ends_at(self) -> float:
        """When it must have ended."""
        return self.began_at + self.limit

    def ended(
        self,
        outcome: Outcome | Literal[Verdict.DONE] | None,
        at: float | None = None,
        *,
        asked: bool = False,
    ) -> Ended:
        seconds = (clock.now() if at is None else at) - self.began_at
        return Ended(self.kind, self.job, outcome, seconds, asked)

    def ended_by_worker(self, ending: Ending) -> Ended:
        """As the worker decided."""
        if ending.verdict is None:
            return self.ended(None, asked=True)
        job = self.job
        return self.ended(Outcome(job.id, job.attempt, ending.verdict, ending.reason), asked=True)


class Runner(ABC):
    """Runs one job at a time. Only ``end`` may be called outside the worker's main thread."""

    killable: ClassVar[bool]
    calling: ClassVar[str]

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.assignment: Assignment | None = None
        self.was_ready = False
        self.ready = False
        self.gone = False
        self.stuck = False  # its job was let go, but still runs
        self._lock = threading.Lock()

    def assign(self, kind: JobKind, job: Job) -> None:
        """Start the job."""
        self.ready = False
        self.assignment = Assignment.begin(kind, job)
        try:
            self.connection.send(Task(kind.queue, job))
        except OSError:  # it died while it was idle: the job has not begun
            self.assignment.ending = Ending(Verdict.RELEASED, "The job could not be handed over.")

    def collect(self) -> list[Ended]:
        """What has ended since the last time; never waits long."""
        ended: list[Ended] = []
        try:
            while not self.gone and self.connection.poll():
                ended += self._heard(self.connection.recv())
        except (EOFError, OSError):
            self._vanished(ended)
        return ended

    def _heard(self, message: Ready | Report) -> list[Ended]:
        if isinstance(message, Ready):
            self.was_ready = self.ready = True
            return []
        assignment, self.assignment = self.assignment, None
        self.ready = not message.retiring
        self.stuck = False
        if assignment is None:
            return []
        if message.written:
            assignment.job.status = assignment.job.states.done
        return [assignment.ended(message.outcome)]

    def _vanished(self, ended: list[Ended]) -> None:
        self.gone, self.ready = True, False
        self.connection.close()
        crash = Ending(Verdict.RETRY, f"The {self.calling} that ran the job {self._manner()}.")
        assignment, self.assignment = self.assignment, None
        if assignment is not None:
            ended.append(assignment.ended_by_worker(assignment.ending or crash))

    def _manner(self) -> str:
        return "ended"

    def waitables(self) -> list[Any]:
        """What becomes readable when there is something to collect."""
        return [] if self.gone else [self.connection]

    @abstractmethod
    def end(self, ending: Ending) -> None:
        """End the job that runs, if one does, for this reason; may be called from any thread."""


class ProcessRunner(Runner):
    """A child of the fork server."""

    killable = True
    calling = "process"

    def __init__(self, context: ForkServerContext, queues: Sequence[str], options: Options) -> None:
        ours, theirs = context.Pipe()
        super().__init__(ours)
        self._process = context.Process(
            target=entry.main,
            args=(theirs, tuple(queues), options.recycle_after, options.recycle_above),
            name="lacuna job",
            daemon=True,
        )
        self.dismissed = False
        try:
            self._process.start()
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid or 0

    def waitables(self) -> list[Any]:
        return [] if self.gone else [self.connection, self._process.sentinel]

    def collect(self) -> list[Ended]:
        ended = super().collect()
        if not self.gone and self._process.exitcode is not None:
            ended += super().collect()  # what it said just before
            self._vanished(ended)
        return ended

    def end(self, ending: Ending) -> None:
        with self._lock:
            if self.assignment is None:
                return
            if self.assignment.ending is None:
                self.assignment.ending = ending
        self.kill()

    def kill(self) -> None:
        """Kill the child and all that it started."""
        if self.gone or not self.pid:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self.pid, signal.SIGKILL)
        self._kill_group()

    def wait_for_end(self) -> None:
        """Wait for the killed child."""
        self._process.join(timeout=5)

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _vanished(self, ended: list[Ended]) -> None:
        if self.gone:
            return
        self._process.join(timeout=1)
        if self._process.exitcode is None:  # it closed the pipe, but lives
            self.kill()
            self._process.join(timeout=5)
        self._kill_group()
        well = self.dismissed or (self.was_ready and self._process.exitcode == 0)
        if self.assignment is None and not well:
            log.error("an idle job process ended", pid=self.pid, manner=self._manner())
        super()._vanished(ended)

    def _manner(self) -> str:
        return manner_of_ending(self._process.exitcode)


class ThreadRunner(Runner):
    """A thread of the worker. A job that overruns is let go; the thread is busy until it ends."""

    killable = False
    calling = "thread"
    _preparing: ClassVar[threading.Lock] = threading.Lock()
    _prepared: ClassVar[set[str]] = set()

    def __init__(self, queues: Sequence[str]) -> None:
        ours, theirs = Pipe()
        super().__init__(ours)
        self._queues = tuple(queues)
        self._let_go: list[Ended] = []
        self.thread = threading.Thread(
            target=self._serve, args=(theirs,), name="lacuna job", daemon=True
        )
        self.thread.start()

    def collect(self) -> list[Ended]:
        with self._lock:
            ended, self._let_go = self._let_go, []
        return ended + super().collect()

    def end(self, ending: Ending) -> None:
        with self._lock:
            assignment, self.assignment = self.assignment, None
            if assignment is not None:
                self.stuck = True
                self._let_go.append(assignment.ended_by_worker(ending))

    @property
    def has_news(self) -> bool:
        """Whether ``collect`` would bring the end of a job that was let go."""
        return bool(self._let_go)

    def retire(self) -> None:
        """Take no more jobs; the thread ends when its handler returns."""
        self.gone, self.ready = True, False
        self.connection.close()

    def _serve(self, connection: Connection) -> None:
        with self._preparing:
            missing = [queue for queue in self._queues if queue not in self._prepared]
            serving.prepare(missing)
            self._prepared.update(missing)
        with connection:
            serving.serve(connection)


def manner_of_ending(exit_code: int | None) -> str:
    """How a process ended, in words."""
    if exit_code is None:
        return "did not answer any more"
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    hint = ", perhaps because memory ran out" if -exit_code == signal.SIGKILL else ""
    return f"was killed by {name}{hint}"
