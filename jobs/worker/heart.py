"""The worker's heartbeat: one row in ``job_workers``, on which all its leases hang."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable

import psycopg
import structlog

from database.connections import hang_up, own_connection
from database.fields import uuid7
from jobs.worker import clock
from jobs.worker.options import Options

log = structlog.get_logger(__name__)

_BEAT = (
    "UPDATE job_workers SET last_seen_at = now(), stopped_at = NULL, busy = %s, listens = %s"
    " WHERE name = %s"
)
_BEGIN = (
    "INSERT INTO job_workers (id, name, hostname, pid, queues, concurrency)"
    " VALUES (%s, %s, %s, %s, %s::jsonb, %s)"
)
_STOP = "UPDATE job_workers SET stopped_at = now(), last_seen_at = now(), busy = 0 WHERE name = %s"
_FORGET = (
    "DELETE FROM job_workers WHERE coalesce(stopped_at, last_seen_at) < now() - interval '30 days'"
)


class Heart:
    """Beats on a connection and in a thread of its own, whatever the worker is busy with.

    A second thread watches the first, which may hang with a vanished server: after
    ``timing.lapse`` seconds without a beat it calls ``on_lapse``, again and again until the heart
    beats, from its own thread. ``wake`` is called when the heart has begun to beat (again).
    ``state`` says how many jobs the worker has in hand, and whether it hears of new ones;
    ``on_watch`` is called all the time, from the watching thread.
    """

    def __init__(
        self,
        options: Options,
        *,
        on_lapse: Callable[[], None],
        wake: Callable[[], None],
        state: Callable[[], tuple[int, bool]] = lambda: (0, True),
        on_watch: Callable[[], None] = lambda: None,
    ) -> None:
        self.id = uuid7()
        self.hostname = socket.gethostname()
        # The key's random end: process ids and host names come back.
        self.name = f"{self.hostname}:{os.getpid()}:{self.id.hex[-12:]}"
        self._options = options
        self._timing = options.timing
        self._on_lapse, self._wake, self._state = on_lapse, wake, state
        self._on_watch = on_watch
        self._last_beat: float | None = None
        self._lapsed = False
        self._stopping = threading.Event()
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None
        self._threads = [
            threading.Thread(target=self._beat_on, name="heartbeat", daemon=True),
            threading.Thread(target=self._watch, name="heart watch", daemon=True),
        ]

    @property
    def beats(self) -> bool:
        """Whether the worker may claim: its last beat is no older than ``timing.lapse``."""
        last = self._last_beat
        return last is not None and clock.now() - last < self._timing.lapse

    def start(self) -> None:
        """Begin to beat; returns at once, also without a server."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop beating and, if the server can be reached, say that the worker has ended."""
        self._stopping.set()
        self._threads[0].join(timeout=2 * self._timing.heartbeat)
        if self._threads[0].is_alive():
            return  # it hangs with the server; the lease will run out
        try:
            self._connected().execute(_STOP, [self.name])
        except (psycopg.Error, OSError) as error:
            log.warning("could not say that the worker has stopped", error=str(error))
        self._close()

    def _beat_on(self) -> None:
        while not self._stopping.is_set():
            try:
                began = self._beat()
            except Exception as error:  # the server is away in one of many ways; it will be back
                log.warning("heartbeat failed", error=str(error))
                self._close()
                self._stopping.wait(min(1.0, self._timing.heartbeat))
                continue
            if began:
                log.info("worker is seen", worker=self.name)
                self._wake()
            self._stopping.wait(self._timing.heartbeat)

    def _beat(self) -> bool:
        """Beat once; True if the heart did not beat before."""
        sent = clock.now()  # the lease counts from before the database's own moment, never after
        connection = self._connected()
        if connection.execute(_BEAT, [*self._state(), self.name]).rowcount == 0:
            queues = json.dumps(list(self._options.queues))
            values = (self.id, self.name, self.hostname, os.getpid(), queues)
            connection.execute(_BEGIN, [*values, self._options.concurrency])
            connection.execute(_FORGET)
        began = not self.beats
        if began and self._last_beat is not None:
            self._lapse()  # if the whole worker stood still, the watch may not have seen it
        self._last_beat = sent
        return began

    def _watch(self) -> None:
        cut_at = 0.0
        while not self._stopping.wait(self._timing.lapse / 30):
            self._on_watch()
            if self._last_beat is None or self.beats:
                self._lapsed = False
                continue
            if clock.now() >= cut_at:  # the beat may wait for an answer that never comes
                hang_up(self._connection)
                cut_at = clock.now() + self._timing.lapse
            self._lapse()

    def _lapse(self) -> None:
        """The worker's jobs may be others' by now."""
        if not self._lapsed:
            log.error("worker cannot reach the database and stops its jobs", worker=self.name)
        self._lapsed = True
        self._on_lapse()

    def _connected(self) -> psycopg.Connection[tuple[object, ...]]:
        if self._connection is None:
            self._connection = own_connection(application_name="lacuna heartbeat")
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
