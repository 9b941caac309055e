"""The worker's main loop: claims jobs for free runners and tells how they ended."""

from __future__ import annotations

import gc
import os
import random
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from types import FrameType

import structlog
from django.db import DEFAULT_DB_ALIAS, Error, connections

from database.connections import hang_up
from jobs import registry, schedule
from jobs.models.job import Job
from jobs.registry import JobKind
from jobs.worker import clock
from jobs.worker.bell import Bell
from jobs.worker.crew import Crew
from jobs.worker.desk import Desk
from jobs.worker.heart import Heart
from jobs.worker.options import Options

log = structlog.get_logger(__name__)

_STOPPED = "The worker was stopped before the job was done."
# As sysexits.h: an internal error. A service manager then starts another worker.
_WORN_OUT = 70
_SWITCH = 0.0005
_COLLECT = (20_000, 20, 20)
_UNREACHABLE = "The worker could not reach the database and stopped the job."


class Dispatcher:
    """One worker. ``run`` returns when it was told to stop, or when nothing is left to drain."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._timing = options.timing
        self._kinds = [registry.kind(queue) for queue in options.queues]
        # Many places are filled by halves: while one half runs, the other is told and claimed.
        self._most = {
            kind.queue: max(1, kind.places(options.concurrency) // 2)
            if kind.executor == "async"
            else kind.places(options.concurrency)
            for kind in self._kinds
        }
        self._ear, self._mouth = os.pipe()
        for end in (self._ear, self._mouth):
            os.set_blocking(end, False)
        self._crew = Crew(self._kinds, options, wake=self._wake)
        self._heart = Heart(
            options,
            on_lapse=self._lapsed,
            wake=self._wake,
            state=self._state,
            on_watch=self._watched,
        )
        self._desk = Desk(self._kinds, self._heart.name, self._timing)
        self._bell = Bell()
        self.exit_code = 0
        self._stop_by: float | None = None  # set when the worker is to stop
        self._glance_soon = False  # the bell rang since the last glance
        self._line = connections[DEFAULT_DB_ALIAS]  # the main thread's
        self._speaking_since: float | None = None
        self._cut_off = False  # the heart has stopped since the last look
        self._glance_waits = False  # for claims under way; none is sent meanwhile
        self._drained = False
        self._glanced_at = self._glance_at = self._rescue_at = self._database_at = 0.0
        self._advance_at = self._tick_at = 0.0
        self._synchronise_at = 0.0  # when to tell the database again what recurs
        self._flush_at = clock.now() + self._timing.flush
        self._pause = 0.0

    @property
    def name(self) -> str:
        """As it stands in ``job_workers`` and on the jobs it runs."""
        return self._heart.name

    def run(self) -> None:
        """Work until told to stop (SIGTERM, SIGINT), or until drained."""
        # Two threads share this interpreter; each waits for the other no longer than it must.
        sys.setswitchinterval(_SWITCH)
        # What was loaded stays; what jobs leave behind is looked for less often.
        gc.freeze()
        gc.set_threshold(*_COLLECT)
        log.info("worker starts", worker=self.name, queues=self._options.queues)
        with self._signals():
            self._heart.start()
            try:
                while not self._finished():
                    self._turn()
            finally:
                self._end()

    def _finished(self) -> bool:
        if self._stop_by is not None:
            busy = self._crew.holds() or self._desk.waits
            idle = not busy and not self._desk.has_untold()
            return idle or clock.now() >= self._stop_by
        return self._options.drain and self._drained

    def _turn(self) -> None:
        """Wait for something to happen, and answer it."""
        if self._stop_by is None:
            self._crew.replace()
        self._wait()
        if self._bell.heard():
            self._glance_soon = True
            for kind in self._kinds:
                self._desk.book(kind).hungry = self._desk.book(kind).rung = True
        self._desk.take(self._crew.collect())
        self._desk.take(self._crew.keep_limits())
        if self._crew.worn_out and self._stop_by is None:
            log.error("too many handlers never return; the worker ends, start another")
            self.exit_code = _WORN_OUT
            self._stop_by = clock.now() + self._options.grace
        if self._cut_off and self._heart.beats:
            self._cut_off = False
            self._connect_anew()
        if self._heart.beats and clock.now() >= self._database_at:
            self._speak_with_database()

    def _connect_anew(self) -> None:
        """The server can be reached again: no connection from before is worth waiting for."""
        self._bell.close()
        self._desk.forget_claims()
        connections.close_all()
        self._glance_at = 0.0

    def _wait(self) -> None:
        now = clock.now()
        moments = [now + 1.0, self._crew.next_moment()]
        if self._stop_by is not None:
            moments.append(self._stop_by)
        if self._heart.beats:
            due = now + 1.0 if self._glance_waits else self._glance_at
            if self._glance_soon and not self._glance_waits:
                due = min(due, self._glanced_at + self._timing.glance)
            trades = (self._trade_at(kind) for kind in self._kinds)
            due = min([due, *(moment for moment in trades if moment is not None)])
            moments.append(max(due, self._database_at))
        waitables = [
            self._ear,
            *self._bell.waitables(),
            *self._desk.waitables(),
            *self._crew.waitables(),
        ]
        if self._ear in wait(waitables, timeout=max(0.0, min(moments) - now)):
            while _read(self._ear):
                pass

    # --- The database ------------------------------------------------------------------------

    def _speak_with_database(self) -> None:
        self._speaking_since = clock.now()
        try:
            if self._bell.listen():
                self._glance_at = 0.0
            for arrival in self._desk.answers():
                # The next claim first: the server works on it while the rows are read.
                try:
                    self._trade()
                finally:
                    self._assign(arrival.kind, self._desk.read(arrival))
            self._trade()
            self._glance()
            self._keep_house()
            self._pause = 0.0
        except Error as error:
            connections.close_all()
            self._synchronise_at = 0.0
            self._pause = min(5.0, 2 * self._pause or 0.25)
            self._database_at = clock.now() + self._pause * random.uniform(0.5, 1.0)
            log.warning("the database did not take it; trying again", error=str(error))
        finally:
            self._speaking_since = None

    def _glance(self) -> None:
        """Look at what is not in line: jobs whose moment has come, cancelled ones, lost ones."""
        now = clock.now()
        rung = self._glance_soon and now >= self._glanced_at + self._timing.glance
        if not rung and now < self._glance_at:
            return
        # What is under way must have come in before what we hold can be compared.
        self._glance_waits = self._desk.waits
        if self._glance_waits:
            return
        self._desk.promote()
        self._desk.read_switches()
        lost, cancelled = self._desk.compare(self._crew.held())
        for job_id in cancelled:
            self._crew.cancel(job_id)
        for job_id in lost:
            log.warning("job was taken from this worker", job_id=str(job_id))
            self._crew.drop(job_id)
        if self._options.drain and not self._crew.holds() and not self._desk.has_untold():
            self._drained = not self._desk.work_is_left()
        self._glance_soon = False
        for kind in self._kinds:
            self._desk.book(kind).hungry = self._desk.book(kind).rung = True
        self._glanced_at = now
        self._glance_at = now + self._options.poll * random.uniform(0.8, 1.2)

    def _free(self, kind: JobKind) -> int:
        """How many jobs of the kind may be claimed now."""
        if self._stop_by is not None or not self._heart.beats:
            return 0
        book = self._desk.book(kind)
        if not book.hungry:
            return 0
        return max(0, min(self._crew.free(kind) - book.arriving, self._most[kind.queue]))

    def _trade_at(self, kind: JobKind) -> float | None:
        """When to tell and claim next; 0 for now."""
        if self._glance_waits:
            return None
        at_once = kind.executor != "async"
        return self._desk.book(kind).due_at(self._free(kind), at_once=at_once)

    def _trade(self) -> None:
        """Tell what has ended, and claim for whoever is free; another kind is first each time."""
        self._kinds = [*self._kinds[1:], *self._kinds[:1]]
        for kind in self._kinds:
            moment = self._trade_at(kind)
            if moment is None or moment > clock.now():
                continue
            with self._desk.confined(kind):
                self._assign(kind, self._desk.trade(kind, self._free(kind)))

    def _assign(self, kind: JobKind, jobs: Sequence[Job]) -> None:
        left = self._crew.assign(kind, jobs)
        self._desk.hand_back(kind, left, "The worker had no place left for the job.")

    def _keep_house(self) -> None:
        """What needs no haste: lost jobs, the lines' virtual time, statistics."""
        now = clock.now()
        # The next time is set first: a chore that fails must not keep the others from theirs.
        if now >= self._advance_at:
            self._advance_at = now + self._timing.glance
            self._desk.advance()
        if now >= self._rescue_at:
            self._rescue_at = now + self._timing.rescue * random.uniform(0.7, 1.1)
            self._desk.rescue()
        if now >= self._tick_at and not self._options.drain:
            self._tick_at = now + self._timing.tick
            if now >= self._synchronise_at:
                schedule.synchronise()
                self._synchronise_at = now + self._timing.synchronise
            schedule.tick()
        if now >= self._flush_at:
            self._flush_at = now + self._timing.flush
            self._desk.flush()

    # --- The end -----------------------------------------------------------------------------

    def _end(self) -> None:
        """Hand back what still runs, tell the last outcomes, and leave."""
        self._crew.let_go(_STOPPED, threads=True)
        self._desk.take(self._crew.dismiss())
        self._desk.hang_up(self._timing.last_words)
        last = clock.now() + self._timing.last_words
        told = False
        while not told and clock.now() < last:
            try:
                while self._desk.has_untold():
                    for kind in self._kinds:
                        self._desk.trade(kind, 0)
                self._desk.advance()
                self._desk.flush()
                told = True
            except Error as error:
                connections.close_all()
                log.warning("the last outcomes could not be told yet", error=str(error))
                wait([self._ear], timeout=0.5)
        self._bell.close()
        self._heart.stop()
        connections.close_all()
        log.info("worker has stopped", worker=self.name)

    def _state(self) -> tuple[int, bool]:
        """What the heartbeat tells; called from its thread."""
        return self._crew.busy(), self._bell.rings

    def _watched(self) -> None:
        """The main thread may wait for an answer that never comes; called by the heart's watch."""
        since = self._speaking_since
        if since is not None and clock.now() - since > self._timing.lapse:
            hang_up(self._line.connection)

    def _lapsed(self) -> None:
        """Called by the heart's watch, from its thread."""
        self._crew.let_go(_UNREACHABLE)
        self._cut_off = True

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # then there is more than enough to read
            os.write(self._mouth, b"!")

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """The first signal stops claiming, the second ends the grace, the third ends at once."""

        def stop(_number: int, _frame: FrameType | None) -> None:
            if self._stop_by is None:
                self._stop_by = clock.now() + self._options.grace
                log.info("worker stops", worker=self.name, grace=self._options.grace)
                return
            self._stop_by = clock.now()
            for each in before:
                signal.signal(each, signal.SIG_DFL)

        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        for number in before:
            signal.signal(number, stop)
        woken = signal.set_wakeup_fd(self._mouth, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(woken)
            for number, handler in before.items():
                signal.signal(number, handler)


def _read(pipe: int) -> bytes:
    try:
        return os.read(pipe, 4096)
    except BlockingIOError:
        return b""
