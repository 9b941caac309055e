"""Publishes beside the sealer, so that a slow target never keeps entries from being sealed."""

from __future__ import annotations

import threading
import time

import psycopg
import structlog

from audit.publishing.publisher import Publisher

log = structlog.get_logger(__name__)


class Courier:
    """A thread that takes the newest checkpoint to the targets, at most every ``every`` seconds."""

    def __init__(self, publisher: Publisher, *, every: float) -> None:
        self._publisher = publisher
        self._every = every
        self._newest: tuple[str, int] | None = None
        self._changed = threading.Condition()
        self._leaving = False
        self._fault: Exception | None = None
        self.published = 0
        # It may hang in a name server's answer; the process must be able to end all the same.
        self._thread = threading.Thread(target=self._work, name="publisher", daemon=True)
        self._thread.start()

    def offer(self, note: str, size: int) -> None:
        """A newer checkpoint, which is committed already."""
        with self._changed:
            self._newest = (note, size)
            self._changed.notify()

    def check(self) -> None:
        """Raise what stopped the thread: Contradicted, when a target has seen something else."""
        if self._fault is not None:
            raise self._fault

    def leave(self, *, within: float) -> bool:
        """Publish what is new once more, and end; False when it takes longer than ``within`` s."""
        with self._changed:
            self._leaving = True
            self._changed.notify()
        self._thread.join(within)
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            while True:
                started = time.monotonic()
                leaving = self._leaving
                self._publish(at_once=leaving)
                if leaving:
                    return
                with self._changed:
                    if self._newest is None:  # the first checkpoint does not wait
                        self._changed.wait_for(lambda: self._leaving or self._newest is not None)
                        continue
                    self._changed.wait_for(
                        lambda: self._leaving, self._every - (time.monotonic() - started)
                    )
        except Exception as error:  # the sealer's loop raises it where it is looked after
            self._fault = error

    def _publish(self, *, at_once: bool) -> None:
        newest = self._newest
        if newest is None:
            return
        try:
            self.published += len(self._publisher.publish(*newest, at_once=at_once))
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            # The sealer notices too, and waits for the server; so does the next round.
            log.warning("publishing found no database", error=str(error))
