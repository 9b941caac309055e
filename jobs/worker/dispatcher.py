"""The worker's main loop: claims jobs for free runners and tells how they ended."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from types import FrameType

import structlog
from django.db import Error, connections

from jobs import registry
from jobs.worker import clock
from jobs.worker.bell import Bell
from jobs.worker.crew import Crew
from jobs.worker.desk import Desk
from jobs.worker.heart import Heart
from jobs.worker.options import Options

log = structlog.get_logger(__name__)

_STOPPED = "The worker was stopped before the job was done."
_UNREACHABLE = "The worker could not reach the database and stopped the job."


class Dispatcher:
    """One worker. ``run`` returns when it was told to stop, or when nothing is left to drain."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._timing = options.timing
        self._kinds = [registry.kind(queue) for queue in options.queues]
        self._ear, self._mouth = os.pipe()
        for end in (self._ear, self._mouth):
            os.set_blocking(end, False)
        self._crew = Crew(self._kinds, options)
        self._heart = Heart(options, on_lapse=self._lapsed, wake=self._wake)
        self._desk = Desk(self._kinds, self._heart.name, self._timing)
        self._bell = Bell()
        self._stop_by: float | None = None  # set when the worker is to stop
        self._rung = False  # the bell rang since the last glance
        self._hungry = False  # a claim may find something
        self._drained = False
        self._glanced_at = self._glance_at = self._rescue_at = self._database_at = 0.0
        self._pause = 0.0

    @property
    def name(self) -> str:
        """As it stands in ``job_workers`` and on the jobs it runs."""
        return self._heart.name

    def run(self) -> None:
        """Work until told to stop (SIGTERM, SIGINT), or until drained."""
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
            idle = not self._crew.held() and not self._desk.has_untold()
            return idle or clock.now() >= self._stop_by
        return self._options.drain and self._drained

    def _turn(self) -> None:
        """Wait for something to happen, and answer it."""
        self._crew.replace()
        self._wait()
        self._rung |= bool(self._bell.heard())
        was_free = self._free()
        self._desk.take(self._crew.collect())
        self._crew.keep_limits()
        self._hungry |= self._rung or self._free() > was_free
        if self._heart.beats and clock.now() >= self._database_at:
            self._speak_with_database()

    def _free(self) -> int:
        return self._crew.free("process") + self._crew.free("thread")

    def _wait(self) -> None:
        now = clock.now()
        moments = [now + 1.0, self._crew.next_moment()]
        if self._stop_by is not None:
            moments.append(self._stop_by)
        if self._heart.beats:
            due = now if self._desk.has_untold() or self._hungry else self._glance_at
            if self._rung:
                due = min(due, self._glanced_at + self._timing.glance)
            moments.append(max(due, self._database_at))
        waitables = [self._ear, *self._bell.waitables(), *self._crew.waitables()]
        if self._ear in wait(waitables, timeout=max(0.0, min(moments) - now)):
            while _read(self._ear):
                pass
            self._hungry = True

    # --- The database ------------------------------------------------------------------------

    def _speak_with_database(self) -> None:
        try:
            if self._bell.listen():
                self._glance_at = 0.0
            self._glance()
            self._trade()
            if clock.now() >= self._rescue_at:
                self._desk.rescue()
                self._rescue_at = clock.now() + self._timing.rescue * random.uniform(0.7, 1.1)  # noqa: S311
            self._pause = 0.0
        except Error as error:
            connections.close_all()
            self._pause = min(5.0, 2 * self._pause or 0.25)
            self._database_at = clock.now() + self._pause * random.uniform(0.5, 1.0)  # noqa: S311
            log.warning("the database did not take it; trying again", error=str(error))

    def _glance(self) -> None:
        """Look at what is not in line: jobs whose moment has come, cancelled ones, lost ones."""
        now = clock.now()
        rung = self._rung and now >= self._glanced_at + self._timing.glance
        if not rung and now < self._glance_at:
            return
        self._desk.promote()
        lost, cancelled = self._desk.compare(self._crew.held())
        for job_id in cancelled:
            self._crew.cancel(job_id)
        for job_id in lost:
            log.warning("job was taken from this worker", job_id=str(job_id))
            self._crew.drop(job_id)
        if self._options.drain and not self._crew.held() and not self._desk.has_untold():
            self._drained = not self._desk.work_is_left()
        self._rung = False
        self._hungry = True
        self._glanced_at = now
        self._glance_at = now + self._options.poll * random.uniform(0.8, 1.2)  # noqa: S311

    def _trade(self) -> None:
        """Tell what has ended, and claim for whoever is free; another kind is first each time."""
        self._kinds = [*self._kinds[1:], *self._kinds[:1]]
        claims = self._hungry and self._stop_by is None
        for kind in self._kinds:
            slots = self._crew.free(kind.executor) if claims and self._heart.beats else 0
            if slots or self._desk.has_untold(kind):
                self._crew.assign(kind, self._desk.trade(kind, slots))
        self._hungry = False

    # --- The end -----------------------------------------------------------------------------

    def _end(self) -> None:
        """Hand back what still runs, tell the last outcomes, and leave."""
        self._crew.let_go(_STOPPED, threads=True)
        self._desk.take(self._crew.dismiss())
        last = clock.now() + self._timing.last_words
        while self._desk.has_untold() and clock.now() < last:
            try:
                for kind in self._kinds:
                    self._desk.trade(kind, 0)
            except Error as error:
                connections.close_all()
                log.warning("the last outcomes could not be told yet", error=str(error))
                wait([self._ear], timeout=0.5)
        self._bell.close()
        self._heart.stop()
        connections.close_all()
        log.info("worker has stopped", worker=self.name)

    def _lapsed(self) -> None:
        """Called by the heart's watch, from its thread."""
        self._crew.let_go(_UNREACHABLE)

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
