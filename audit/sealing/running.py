"""The sealer's life: seal, publish, say that it lives; wait for a server that is away."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
import structlog
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

from audit import keyring
from audit.errors import KeyringError, SealingRefused
from audit.keyring import Keyring
from audit.publishing import targets
from audit.publishing.errors import Contradicted
from audit.publishing.publisher import Publisher
from audit.sealing import sealer as sealing
from audit.sealing.courier import Courier
from audit.sealing.sealer import AnotherSealer, Sealer

log = structlog.get_logger(__name__)

# An entry says that the sealer lives when nothing else was sealed for so long.
HEARTBEAT: Final = timedelta(hours=1)
_BEAT: Final = 5.0  # seconds between two notes that we live
_LOOK_AGAIN: Final = 30.0  # seconds, while sealing is refused
_RECONNECT: Final = (0.5, 10.0)  # seconds between attempts: the first, the longest
# A backend of ours that the server has not missed yet may hold the lock for a while.
_OLD_LOCK: Final = 60.0
_LAST_PUBLICATION: Final = 30.0  # seconds, when told to end
_LEAVE_OFF: Final = 2.0  # seconds for the same when the server is away or sealing is refused
_SLICE: Final = 0.1  # seconds between looks at whether to end
# A connection whose peer has vanished is given up after about 15 s instead of hours.
_LIBPQ: Final = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,
}
_AWAY: Final = (psycopg.OperationalError, psycopg.InterfaceError)


@dataclass(slots=True)
class Totals:
    """What a run has done; ``size`` is the number of leaves of the sealed log."""

    entries: int = 0
    batches: int = 0
    size: int = 0
    published: int = 0
    problem: str = ""

    def count(self, sealed: sealing.Sealed) -> None:
        """Add a batch."""
        self.entries += sealed.entries
        self.batches += 1
        self.size = sealed.size
        log.debug("sealed", entries=sealed.entries, size=sealed.size)

    def as_dict(self) -> dict[str, Any]:
        """For a command's outcome."""
        return asdict(self)


class _KeysOfFile:
    """The keyring, read again when its file is another."""

    def __init__(self) -> None:
        self._mark = self._look()
        self.current = keyring.load_or_create()
        self.problem = ""

    def renewed(self) -> Keyring | None:
        """The keyring if it has changed; when it cannot be read, the known one stays in force."""
        mark = self._look()
        if mark == self._mark and not self.problem:
            return None
        try:
            self.current = keyring.load()
        except KeyringError as error:
            if self.problem != str(error):
                log.warning("the keyring cannot be read again", error=str(error))
            self.problem = str(error)
            return None
        self._mark, self.problem = mark, ""
        return self.current

    @staticmethod
    def _look() -> tuple[int, int] | None:
        try:
            found = settings.AUDIT_KEYRING.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns


def seal_once() -> Totals:
    """Seal and publish what there is; AnotherSealer, SealingRefused, KeyringError, WrongTarget."""
    totals = Totals()
    keys = _KeysOfFile()
    publisher = Publisher(targets.configured(keys.current.origin))
    with closing(sealing.connect()) as connection:
        try:
            sealer = Sealer(connection, keys.current)
            totals.size = sealer.size
            look_at_targets(sealer, publisher, keys.current.origin)
            for sealed in sealer.drain():
                totals.count(sealed)
            if sealer.head is not None:
                totals.published = len(
                    publisher.publish(sealer.head.note, sealer.size, at_once=True)
                )
        except SealingRefused as error:
            sealing.beat(connection, sealing.process_name(), str(error))
            raise
        totals.problem = " ".join(publisher.problems)
        sealer.beat(totals.problem)
    return totals


def look_at_targets(sealer: Sealer, publisher: Publisher, origin: str) -> None:
    """Before anything is sealed: has anybody seen more, or something else? Contradicted if so.

    A witness only tells when it is given something: it gets the last checkpoint once more. Under a
    new name nobody has seen anything yet.
    """
    publisher.check(sealer.size)
    if sealer.head is not None and sealer.head.note.startswith(f"{origin}\n"):
        publisher.publish(sealer.head.note, sealer.size)


class Running:
    """Seals until ``stopping`` says so; outlives its server, and refusals that somebody mends."""

    def __init__(
        self,
        *,
        interval: float,
        stopping: Callable[[], bool],
        look_again: float = _LOOK_AGAIN,
    ) -> None:
        self._interval = interval
        self._stopping = stopping
        self._look_again = look_again
        self._totals = Totals()
        self._started = datetime.now(UTC)
        self._heartbeat_at = self._started
        self._beaten_at = 0.0
        self._working = False  # whether this process has been the sealer before
        self._lost_at = 0.0
        self._contradiction: Contradicted | None = None
        self._contradicted_origin = ""

    def run(self) -> Totals:
        """Until told to end. AnotherSealer, KeyringError and WrongTarget end it too."""
        pause = _RECONNECT[0]
        while not self._stopping():
            try:
                self._session()
                pause = _RECONNECT[0]
            except SealingRefused as error:
                log.error("the audit log is not sealed", reason=str(error))  # noqa: TRY400 - it says all
                self._totals.problem = str(error)
                self._wait(self._look_again)
            except AnotherSealer:
                if not self._working or time.monotonic() - self._lost_at > _OLD_LOCK:
                    raise
                self._wait(min(5.0, self._look_again))
            except _AWAY as error:
                log.warning("the sealer waits for its database", error=str(error).strip())
                self._lost_at = time.monotonic()
                self._wait(pause)
                pause = min(_RECONNECT[1], 2 * pause)
        return self._totals

    def _session(self) -> None:
        """As long as the connection, the keys' origin and the others' trust last."""
        with closing(sealing.connect()) as connection:
            keys = _KeysOfFile()
            try:
                publisher = Publisher(targets.configured(keys.current.origin))
                sealer = Sealer(connection, keys.current)
                self._lost_at = time.monotonic()
                self._working = True
                self._look_at_targets(sealer, publisher, keys.current.origin)
                self._totals.size, self._totals.problem = sealer.size, ""
                log.info("sealing the audit log", size=sealer.size, era=sealer.era.era)
                self._seal_beside(sealer, keys, publisher)
            except SealingRefused as error:
                if isinstance(error, Contradicted):
                    self._contradiction = error
                    self._contradicted_origin = keys.current.origin
                sealing.beat(connection, sealing.process_name(), str(error))
                raise
            finally:
                self._lost_at = time.monotonic()

    def _look_at_targets(self, sealer: Sealer, publisher: Publisher, origin: str) -> None:
        """See above; who contradicted before must say that all is well now."""
        look_at_targets(sealer, publisher, origin)
        if self._contradiction is not None and self._contradicted_origin == origin:
            if publisher.problem_of(self._contradiction.target):
                raise self._contradiction
            log.info("nobody contradicts the audit log any more", origin=origin)
        self._contradiction = None

    def _seal_beside(self, sealer: Sealer, keys: _KeysOfFile, publisher: Publisher) -> None:
        """Seal here, while a thread publishes."""
        courier = Courier(publisher, every=settings.AUDIT_PUBLISH_SECONDS)
        within = _LEAVE_OFF
        try:
            while self._turn(sealer, keys, publisher, courier):
                self._wait(self._interval)
            within = _LAST_PUBLICATION
        finally:
            if not courier.leave(within=within):
                log.warning("the last checkpoint could not be published in time")
            self._totals.published += courier.published
        courier.check()

    def _turn(
        self, sealer: Sealer, keys: _KeysOfFile, publisher: Publisher, courier: Courier
    ) -> bool:
        """Seal what there is; False when the session is to end."""
        origin = keys.current.origin
        while True:
            courier.check()
            renewed = keys.renewed()
            if renewed is not None:
                if renewed.origin != origin:
                    return False
                sealer.use(renewed)
                log.info("the keyring has changed", keys=len(renewed.signers()))
            sealed = sealer.step()
            if sealed is not None:
                self._totals.count(sealed)
                courier.offer(sealed.note, sealed.size)
            self._beat(sealer, " ".join([*filter(None, [keys.problem]), *publisher.problems]))
            if self._stopping():
                return False
            if sealed is None:
                self._record_heartbeat(sealer)
            if sealed is None or not sealed.more:
                return True

    def _beat(self, sealer: Sealer, problem: str) -> None:
        now = time.monotonic()
        if now - self._beaten_at >= _BEAT or problem != self._totals.problem:
            sealer.beat(problem)
            self._beaten_at, self._totals.problem = now, problem

    def _record_heartbeat(self, sealer: Sealer) -> None:
        """An entry when there was none for long: silence would look like a stopped sealer."""
        newest = sealer.head.sealed_at if sealer.head is not None else self._started
        now = datetime.now(UTC)
        if now - max(newest, self._heartbeat_at) > HEARTBEAT:
            sealer.record("audit_log.heartbeat", {"size": sealer.size})
            self._heartbeat_at = now

    def _wait(self, seconds: float) -> None:
        """Wait; a request to end is noticed soon."""
        until = time.monotonic() + seconds
        while not self._stopping() and (left := until - time.monotonic()) > 0:
            time.sleep(min(_SLICE, left))


def for_long_life() -> None:
    """Let this process notice when its server has vanished."""
    options = connections[DEFAULT_DB_ALIAS].settings_dict["OPTIONS"]
    for name, value in _LIBPQ.items():
        options.setdefault(name, value)
