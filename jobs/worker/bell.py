"""Hears when there is work: LISTEN on the channel that the queues' triggers notify."""

from __future__ import annotations

from typing import Final

import psycopg
import structlog

from database.connections import is_pooled, own_connection
from jobs.worker import clock

log = structlog.get_logger(__name__)

CHANNEL: Final = "lacuna_jobs"

_LONGEST_PAUSE = 30.0
# Seconds in which a notification of our own comes back, if any does.
_ECHO = 1.0
_TRIES = 3


class Bell:
    """A connection that listens. While there is none, the worker's poll finds the work."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None
        self._next_try = 0.0
        self._pause = 1.0
        self._deaf = False  # behind a pooler that lends sessions for one transaction each

    @property
    def rings(self) -> bool:
        """Whether it would be heard."""
        return self._connection is not None

    def waitables(self) -> list[int]:
        """What becomes readable when the bell rings."""
        return [] if self._connection is None else [self._connection.fileno()]

    def heard(self) -> set[str]:
        """The tables with work since the last time; never waits."""
        tables: set[str] = set()
        if self._connection is None:
            return tables
        try:
            self._connection.pgconn.consume_input()
            while notification := self._connection.pgconn.notifies():
                tables.add(notification.extra.decode())
        except psycopg.Error as error:
            log.warning("the worker no longer hears of new jobs, and polls", error=str(error))
            self.close()
        return tables

    def listen(self) -> bool:
        """Listen (again), unless it was tried just now; True if what rang before was missed."""
        if self._connection is not None or self._deaf or clock.now() < self._next_try:
            return False
        try:
            self._connection = own_connection(application_name="lacuna listen")
            pooled = is_pooled(self._connection)
            deaf = pooled and self._is_shared()
            if not deaf:
                self._connection.execute(f"LISTEN {CHANNEL}")
                deaf = pooled and not self._is_heard()
            if deaf:
                log.warning(
                    "notifications do not pass the connection pooler, so the worker polls."
                    " It works, but new jobs wait for the next look. To be told at once, let"
                    " DATABASE_URL of the workers lead to the server itself."
                )
                self._deaf = True
                self.close()
                return False
        except (psycopg.Error, OSError) as error:
            log.warning("the worker cannot listen for new jobs, and polls", error=str(error))
            self.close()
            self._next_try = clock.now() + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            return False
        self._pause = 1.0
        return True

    def _is_shared(self) -> bool:
        """Whether others are given the server's session that we have just used.

        Asked before LISTEN, which would stay behind in a session that is not ours.
        """
        assert self._connection is not None, "it is connected"
        for _ in range(_TRIES):
            mine = self._connection.execute("SELECT pg_backend_pid()").fetchone()
            with own_connection(application_name="lacuna listen") as other:
                if other.execute("SELECT pg_backend_pid()").fetchone() == mine:
                    return True
        return False

    def _is_heard(self) -> bool:
        """Ring from another session, and hear whether it arrives."""
        assert self._connection is not None, "it listens"
        with own_connection(application_name="lacuna listen") as other:
            other.execute("SELECT pg_notify(%s, '')", [CHANNEL])
        return any(True for _ in self._connection.notifies(timeout=_ECHO, stop_after=1))

    def close(self) -> None:
        """Stop listening."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
