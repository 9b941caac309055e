"""Runs coroutine handlers, many at a time, on an event loop in a thread of the worker."""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from typing import Literal

import structlog

from jobs.models.job import Job
from jobs.outcomes import Outcome, Verdict
from jobs.registry import JobKind
from jobs.worker import clock, serving
from jobs.worker.runners import Assignment, Ended, Ending
from jobs.worker.serving import CoroutineHandler

log = structlog.get_logger(__name__)

# Jobs that end without ever waiting are run in a row at most so often before others get a turn.
_IN_A_ROW = 50
_TICK = 0.25


class EventLoop:
    """One loop. Its jobs share it: one that blocks holds up all others.

    A loop that has not turned for ``Timing.stuck`` seconds is given up by the crew: the job that
    blocks it has failed, the others are handed back, and a new loop takes over. The methods are
    for the worker's main thread; ``wake`` is called from the loop's.
    """

    def __init__(self, queues: tuple[str, ...], *, wake: Callable[[], None]) -> None:
        self._queues = queues
        self._wake = wake
        self._held: set[Assignment] = set()
        self._given_up: set[Assignment] = set()  # let go, but their handlers still run
        self._waiting: deque[Assignment] = deque()
        self._ended: deque[tuple[Assignment, Outcome | Literal[Verdict.DONE] | None]] = deque()
        self._handlers: dict[str, CoroutineHandler] = {}
        self._tasks: dict[asyncio.Task[None], Assignment | None] = {}  # the slots
        self._idle = 0
        self._coming = False  # a slot is on its way to take what waits
        self._doorbell = asyncio.Semaphore(0)
        self.abandoned = False
        self.ready = False
        self._loop = asyncio.new_event_loop()
        self._ticked = clock.now()
        self.thread = threading.Thread(target=self._run, name="lacuna loop", daemon=True)
        self.thread.start()

    # --- For the worker's main thread ----------------------------------------------------------

    def held(self) -> Iterable[Assignment]:
        """The jobs that run here."""
        return tuple(self._held)

    def busy(self) -> int:
        """How many jobs run here."""
        return len(self._held)

    def count(self, kind: JobKind) -> int:
        """How many places the jobs of this kind take."""
        if len(self._queues) == 1:
            return len(self._held) + len(self._given_up)
        return sum(assignment.kind is kind for assignment in self._held | self._given_up)

    def assign(self, kind: JobKind, jobs: Iterable[Job]) -> None:
        """Start the jobs."""
        begun = [Assignment.begin(kind, job) for job in jobs]
        self._held.update(begun)
        self._waiting.extend(begun)
        if begun:
            self._call(self._open_slots)

    def collect(self) -> list[Ended]:
        """What has ended since the last time."""
        ended: list[Ended] = []
        now = clock.now()
        while self._ended:
            assignment, outcome = self._ended.popleft()
            if assignment in self._held:
                self._held.discard(assignment)
                if assignment.ending is None or outcome is not None:
                    ended.append(assignment.ended(outcome, now))
                else:
                    ended.append(assignment.ended_by_worker(assignment.ending))
            else:
                self._given_up.discard(assignment)  # its end was told when it was let go
        return ended

    def end(self, assignment: Assignment, ending: Ending) -> None:
        """Ask the job's handler to stop, by cancelling its task; from any thread."""
        if assignment.ending is None:
            assignment.ending, assignment.asked_at = ending, clock.now()
            self._call(self._cancel, assignment)

    def let_go(self, assignment: Assignment) -> Ended:
        """Stop waiting for a job that was asked to stop; it keeps its place until it ends."""
        assert assignment.ending is not None, "only a job that was asked to stop"
        self._held.discard(assignment)
        self._given_up.add(assignment)
        return assignment.ended_by_worker(assignment.ending)

    def blocked_for(self) -> float:
        """Seconds since the loop last turned; 0 while nothing runs."""
        return clock.now() - self._ticked if self._held else 0.0

    def excuse(self) -> None:
        """Count its silence from now on."""
        self._ticked = clock.now()

    def abandon(self) -> list[Ended]:
        """Give the loop up, with the job that blocks it failed and the others handed back."""
        self.abandoned = True
        culprit = self._running_now()
        frame = sys._current_frames().get(self.thread.ident or 0)
        frames = "".join(traceback.format_stack(frame)) if frame else ""
        name = str(culprit.job.id) if culprit else "unknown"
        log.error("a job blocks the event loop", job_id=name, frames=frames)
        blamed = Ending(
            Verdict.RETRY,
            f"The job blocked the event loop for {self.blocked_for():.0f} s. An async handler must"
            " await whatever takes long, or be a kind that runs in processes.",
        )
        others = Ending(Verdict.RELEASED, f"Job {name} blocked the event loop of this worker.")
        ended = self.collect()
        for assignment in self._held:
            ending = assignment.ending or (blamed if assignment is culprit else others)
            ended.append(assignment.ended_by_worker(ending))
        self._held.clear()
        self._waiting.clear()
        self._call(self._loop.stop)
        return ended

    def stop(self) -> None:
        """End the loop; handlers that still run are cancelled."""
        self._call(self._loop.stop)
        self.thread.join(timeout=1)

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)

    def _running_now(self) -> Assignment | None:
        """The job whose step the loop is taking at this moment."""
        try:
            running = asyncio.current_task(self._loop)
        except RuntimeError:
            return None
        return self._tasks.get(running) if running is not None else None

    # --- In the loop's thread ------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        serving.prepare(self._queues)
        self._handlers = {queue: serving.coroutine_handler(queue) for queue in self._queues}
        self._tick()
        self.ready = True
        self._wake()
        try:
            self._loop.run_forever()
            if not self.abandoned:
                self._cancel_all()
        finally:
            self._loop.close()

    def _cancel_all(self) -> None:
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self._loop.run_until_complete(asyncio.wait(tasks, timeout=0.5))

    def _tick(self) -> None:
        self._ticked = clock.now()
        self._loop.call_later(_TICK, self._tick)

    def _open_slots(self) -> None:
        """See that a slot comes to take what waits: one that is idle, or a new one.

        One is enough: before it runs its job it sends for the next. A job that ends without ever
        waiting thus costs neither a task nor a turn of the loop.
        """
        if not self._waiting or self._coming:
            return
        self._coming = True
        if self._idle:
            self._idle -= 1
            self._doorbell.release()
        else:
            slot = self._loop.create_task(self._serve())
            self._tasks[slot] = None
            slot.add_done_callback(self._tasks.pop)

    async def _serve(self) -> None:
        """One slot: runs jobs one after another, and waits for more."""
        task = asyncio.current_task()
        assert task is not None, "a slot is a task"
        while not self.abandoned:
            self._coming = False
            in_a_row = 0
            while self._waiting:
                assignment = self._waiting.popleft()
                self._open_slots()
                self._tasks[task] = assignment
                await self._serve_one(assignment, task)
                in_a_row += 1
                if in_a_row % _IN_A_ROW == 0:
                    await asyncio.sleep(0)
            self._tasks[task] = None
            self._idle += 1
            await self._doorbell.acquire()

    async def _serve_one(self, assignment: Assignment, task: asyncio.Task[None]) -> None:
        outcome: Outcome | Literal[Verdict.DONE] | None = None
        if assignment.ending is None:
            queue = assignment.kind.queue
            assignment.task = task
            try:
                outcome = await serving.run_async(queue, self._handlers[queue], assignment.job)
            except asyncio.CancelledError:
                if assignment.ending is None:
                    raise  # the slot itself is being ended
            finally:
                assignment.task = None
                if assignment.ending is not None:
                    while task.cancelling():
                        task.uncancel()
        first = not self._ended
        self._ended.append((assignment, outcome))
        if first:
            self._wake()

    def _cancel(self, assignment: Assignment) -> None:
        if assignment.task is not None:
            assignment.task.cancel()
