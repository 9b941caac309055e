"""Use, stop and look at a private server; processes meet in its lock files."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from database.embedded import binaries, locks, parameters, places, supervisor
from database.embedded.errors import EmbeddedServerError
from database.embedded.launch import start
from database.embedded.places import socket_directory
from database.embedded.set_up import bootstrap

_TICK: Final = 0.01  # seconds between two looks at a server that is stopping
_ENDED: Final = -1  # in place of a descriptor: the process had ended when we looked


@dataclass(frozen=True)
class Status:
    """What is known of a private server."""

    running: bool
    pid: int | None  # of PostgreSQL's first process
    supervisor: int | None  # the process to ask for a stop
    version: str | None  # of the programs when running, else of the data; None without data
    users: int | None  # processes that use it; None where the system does not tell
    data: Path
    sockets: Path


@dataclass(frozen=True)
class _Hold:
    """This process's share in a server; inherited by forked children, lost by exec and at exit."""

    users: int  # descriptor of the users' lock
    server: int | None  # tells when the server's first process ends, see `_handle`


# By socket directory, which tells users apart too: a process may give its privileges up.
_held: dict[Path, _Hold] = {}
_guard = threading.RLock()
# A child forked in the middle of a start would keep the start lock; it waits, as logging's do.
os.register_at_fork(
    before=_guard.acquire, after_in_parent=_guard.release, after_in_child=_guard.release
)


def ensure_running(
    home: Path,
    *,
    settings: Mapping[str, parameters.Value] | None = None,
    fast: bool = False,
    timeout: float = 120.0,
) -> Path:
    """Start the server of ``home`` unless it runs, and use it for the life of this process.

    Returns the directory of its socket (libpq's ``host``, port 5432). The server ends with its
    last user, however that one ends. Call it again at will: microseconds while all is well, and a
    server that died meanwhile is brought back with its data. (One that is being killed this very
    moment may still pass; connecting fails then, and the next call mends it.) Safe in threads; a
    forked child shares its parent's use.

    ``settings`` (PostgreSQL's names) and ``fast`` (no protection from a crash of the machine, for
    tests) count only where this call starts the server. ``timeout`` is in seconds, for waiting
    for another starter, and again for the start itself. Raises EmbeddedServerError.
    """
    home = home.resolve()
    sockets = socket_directory(home)
    hold = _held.get(sockets)
    if hold is not None and _serves(home, hold):
        return sockets
    chosen = parameters.combined(settings, fast=fast)
    with _guard, _sentences(home):
        places.make_home(home)
        with locks.start_lock(home, timeout) as gate:
            _join(home, gate, chosen, timeout, fast=fast)
    return sockets


def stop(home: Path, *, timeout: float = 120.0) -> bool:
    """Stop the server in good order, whoever uses it; False when it was not running.

    This process's own use ends too. The others' sessions are closed; their next `ensure_running`
    starts the server again. ``timeout`` is in seconds.
    """
    home = home.resolve()
    with _guard, _sentences(home):
        if not locks.of(home).directory.is_dir():
            return False
        with locks.start_lock(home, timeout):
            hold = _held.pop(socket_directory(home), None)
            running = locks.is_locked(locks.of(home).server)
            processes = _processes(home)
            if processes is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(processes["supervisor"], signal.SIGTERM)
            if hold is not None:
                os.close(hold.users)
                _close_handle(hold)
            until = time.monotonic() + timeout
            while locks.is_locked(locks.of(home).server):
                if time.monotonic() > until:
                    raise EmbeddedServerError(
                        f"The server of {home} did not stop within {timeout:g} s. Its log is in"
                        f" {places.data_directory(home).with_name('log')}."
                    )
                time.sleep(_TICK)
            return running


def status(home: Path) -> Status:
    """Look at the server of ``home`` without starting or using it."""
    home = home.resolve()
    with _sentences(home):
        data = places.data_directory(home)
        processes = _processes(home)
        if processes is not None:
            version: str | None = binaries.version(binaries.find())
        else:
            written = data / "PG_VERSION"
            version = written.read_text().strip() if written.exists() else None
        return Status(
            running=processes is not None,
            pid=processes["server"] if processes else None,
            supervisor=processes["supervisor"] if processes else None,
            version=version,
            users=_count_users(home, processes),
            data=data,
            sockets=socket_directory(home),
        )


def _join(home: Path, gate: int, settings: dict[str, str], timeout: float, *, fast: bool) -> None:
    """Become a user, start the server if there is none, and see that it is set up."""
    sockets = socket_directory(home)
    before = _held.get(sockets)
    users = before.users if before else locks.open_file(locks.of(home).users)
    try:
        # Waits for a supervisor that is just stopping the server, which holds this lock alone.
        locks.take(users, fcntl.LOCK_SH, timeout, f"The server of {home} is still stopping.")
        until = time.monotonic() + timeout
        while True:
            if locks.is_locked(locks.of(home).ready):
                _check_socket(sockets)
            else:
                start(places.prepare(home), gate, settings, timeout, fast=fast)
            hold = _Hold(users, _handle(home))
            try:
                bootstrap(sockets)
                break
            except EmbeddedServerError:
                ended = not _serves(home, hold)
                _close_handle(hold)
                if not ended or time.monotonic() > until:
                    raise
                time.sleep(_TICK)  # killed a moment ago, and its supervisor is about to notice
    except BaseException:
        if before is None:
            os.close(users)
        raise
    _held[sockets] = hold
    if before is not None:
        _close_handle(before)


def _handle(home: Path) -> int | None:
    """A descriptor that tells when the server's first process ends; None where there is none."""
    processes = _processes(home)
    if processes is None or not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(processes["server"])
    except ProcessLookupError:
        return _ENDED


def _close_handle(hold: _Hold) -> None:
    if hold.server is not None and hold.server != _ENDED:
        os.close(hold.server)


def _check_socket(sockets: Path) -> None:
    """See that the socket is still where it was made; a cleaner of /tmp may have taken it."""
    socket = sockets / f".s.PGSQL.{parameters.PORT}"
    if not socket.exists():
        raise EmbeddedServerError(
            f"The server runs, but its socket {socket} has been removed. Stop the server"
            " (database.embedded.stop), and the next start makes the socket again."
        )


def _serves(home: Path, hold: _Hold) -> bool:
    """Whether the server that we joined is there: no connection, two looks at the kernel."""
    if hold.server == _ENDED:
        return False
    if hold.server is not None:
        ended = select.poll()
        ended.register(hold.server, select.POLLIN)
        if ended.poll(0):
            return False
    return locks.is_locked(locks.of(home).ready)


def _processes(home: Path) -> dict[str, int] | None:
    """The process ids of supervisor and server; None when there is no usable server."""
    ready = locks.of(home).ready
    if not locks.is_locked(ready):
        return None
    processes: dict[str, int] = json.loads(ready.read_text())
    return processes


def _count_users(home: Path, processes: dict[str, int] | None) -> int | None:
    if not Path("/proc/self/fd").exists():
        return None
    file = str(locks.of(home).users)
    found = supervisor.processes_with(file)
    return len(found - {processes["supervisor"]} if processes else found)


@contextlib.contextmanager
def _sentences(home: Path) -> Iterator[None]:
    """Turn what the operating system refuses into our error."""
    try:
        yield
    except OSError as error:
        about = f" ({error.filename})" if error.filename else ""
        raise EmbeddedServerError(
            f"The private PostgreSQL server in {home} cannot be used: {error.strerror}{about}. Make"
            " room or mend the rights, or set DATABASE_URL to a server of your own."
        ) from error
