"""The process that owns a private PostgreSQL server: starts it, and stops it after its last user.

It is run by path with ``python -I -S``, and imports nothing but the standard library, so that
neither the project nor the current directory can disturb it. Its first argument is a `Plan` as
JSON, its standard output a pipe on which it answers once, ``{"ready": pid}`` or
``{"error": sentence}``, and its standard error the start log.

Whoever goes, however it goes, the kernel tells the others: users by their shared lock, this process
by the signal that PostgreSQL has asked for at its parent's death, PostgreSQL's processes by the
lock on an open file that they all inherit.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, Final, Literal

Event = Literal["unused", "asked", "ended"]

_PR_SET_PDEATHSIG: Final = 1  # be sent a signal when the parent ends
_PR_SET_CHILD_SUBREAPER: Final = 36  # become the parent of what our children leave behind
_TICK: Final = 0.01  # seconds between two looks at a file or a lock
_ORPHANS_MAY_STAY: Final = 1.0  # seconds for processes whose postmaster is gone
_SHUTDOWN_MAY_TAKE: Final = 60.0  # seconds for the checkpoint of an orderly shutdown

# Linux alone has it; elsewhere a server outlives a supervisor that is killed, until it is told.
_prctl = getattr(ctypes.CDLL(None), "prctl", None)


class RefusedError(Exception):
    """The server cannot be started; the sentence goes to whoever asked for it."""


@dataclass(frozen=True)
class Plan:
    """What to start, and as whom; paths are absolute."""

    gate: int  # descriptor of the start lock, held until the answer is given
    users: str
    ready: str
    server: str
    programs: str
    data: str
    sockets: str
    log: str
    start_log: str
    uid: int
    gid: int
    foreign: bool  # run PostgreSQL as uid and gid, which are not ours
    settings: dict[str, str]
    initdb: list[str]

    def run(
        self, program: str, arguments: list[str], *, die_with: int, **options: Any
    ) -> subprocess.Popen[str]:
        """Start one of PostgreSQL's programs as its account, bound to this process's life."""
        if self.foreign:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return subprocess.Popen(
            [f"{self.programs}/{program}", *arguments],
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            preexec_fn=_die_with_parent(die_with),  # noqa: PLW1509 - no other thread runs yet
            text=True,
            errors="replace",
            **options,
        )


def _die_with_parent(number: int) -> Callable[[], None]:
    """For the child between fork and exec: be sent ``number`` when the supervisor ends."""
    parent = os.getpid()

    def bind() -> None:
        if _prctl is not None:
            _prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return bind


def supervise(plan: Plan) -> None:
    """Start the server, answer, and stay until it is unused, asked to stop, or gone."""
    events: SimpleQueue[Event] = SimpleQueue()

    def asked(_number: int, _frame: FrameType | None) -> None:
        events.put("asked")

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, asked)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # our starter may ignore or block what it likes
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if _prctl is not None:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    server = os.open(plan.server, os.O_RDONLY | os.O_CREAT, 0o600)
    _outlive_predecessors(plan, server)
    if not Path(plan.data, "PG_VERSION").exists():
        _initialise(plan, server)
    _clear_pid_file(Path(plan.data))
    _clear_socket(Path(plan.sockets))
    postgres = _launch(plan, server)
    _in_background(postgres.wait, "ended", events)
    ready = None
    try:
        if _becomes_ready(plan, postgres, events):
            ready = _announce(plan, postgres.pid)
            _answer({"ready": postgres.pid})
            os.close(plan.gate)
            users = os.open(plan.users, os.O_RDWR | os.O_CREAT, 0o600)
            _in_background(lambda: fcntl.flock(users, fcntl.LOCK_EX), "unused", events)
            if events.get() == "ended":
                return
    finally:
        if ready is not None:
            os.close(ready)  # from here on nobody takes the server for usable
    _shut_down(postgres, events)


def _in_background(wait: Callable[[], object], event: Event, events: SimpleQueue[Event]) -> None:
    def report() -> None:
        wait()
        events.put(event)

    threading.Thread(target=report, daemon=True).start()


def _outlive_predecessors(plan: Plan, server: int) -> None:
    """Take the server lock, once no process of an earlier server is left.

    A postmaster whose supervisor was killed is shutting down and is given its time. Processes whose
    postmaster was killed have nothing left to do; those that do not notice are told.
    """
    began = time.monotonic()
    told: dict[int, int] = {}
    while True:
        try:
            fcntl.flock(server, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(_TICK)
        waited = time.monotonic() - began
        if waited < _ORPHANS_MAY_STAY:
            continue
        left = processes_with(plan.server) - {os.getpid()}
        orphans = {pid for pid in left if _command(pid) in {"postgres", "initdb"}}
        postmaster = _written_pid(Path(plan.data))
        if postmaster in orphans or orphans != left:  # it, or its supervisor, is at work
            waited -= _SHUTDOWN_MAY_TAKE
        if waited > _ORPHANS_MAY_STAY + 15:
            names = ", ".join(map(str, sorted(left)))
            raise RefusedError(
                f"The processes {names} of an earlier server do not end. Stop them, then try again."
            )
        if waited > _ORPHANS_MAY_STAY:
            number = signal.SIGQUIT if waited < _ORPHANS_MAY_STAY + 5 else signal.SIGKILL
            for pid in orphans:
                if told.get(pid) != number:
                    told[pid] = number
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, number)


def processes_with(file: str) -> set[int]:
    """The processes that have ``file`` open, as far as the system lets us see."""
    held = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(_leads_to(link, file) for link in (entry / "fd").iterdir()):
                held.add(int(entry.name))
    return held


def _leads_to(link: Path, file: str) -> bool:
    try:
        return os.readlink(link) == file  # noqa: PTH115 - the text, whatever became of the file
    except OSError:
        return False


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _initialise(plan: Plan, server: int) -> None:
    """Create the cluster beside its place and move it there, so that it is whole or not there."""
    data = Path(plan.data)
    partial = data.with_name(data.name + ".part")
    if partial.exists():  # an earlier attempt was cut off
        shutil.rmtree(partial)
    partial.mkdir(mode=0o700)
    if plan.foreign:
        os.chown(partial, plan.uid, plan.gid)
    initdb = plan.run(
        "initdb",
        ["-D", str(partial), *plan.initdb],
        die_with=signal.SIGKILL,
        pass_fds=[server],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    output, errors = initdb.communicate()
    if initdb.returncode:
        sys.stderr.write(output + errors)
        raise RefusedError(
            f"PostgreSQL could not create its files in {partial}: {_gist(errors)} Make room or"
            " mend the directory's rights, then try again."
        )
    partial.rename(data)
    descriptor = os.open(data.parent, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(descriptor)
    os.close(descriptor)


def _clear_pid_file(data: Path) -> None:
    """Remove a ``postmaster.pid`` that would keep PostgreSQL from starting, though nobody runs.

    We hold the server lock, so no server of ours is alive. What PostgreSQL itself sees through (a
    process that is gone) is left to it: it also frees the shared memory named in the file.
    """
    file = data / "postmaster.pid"
    if not file.exists():
        return
    pid = _written_pid(data)
    if pid is None:  # empty or half-written
        file.unlink()
    elif _is_alive(pid):
        if _serves(pid, data):
            raise RefusedError(
                f"Process {pid}, started by other means, is a PostgreSQL server on {data}. Stop it"
                " (pg_ctl stop), then try again."
            )
        file.unlink()  # the number has gone to another process since


def _clear_socket(sockets: Path) -> None:
    """Remove what a killed server left in its directory of sockets, which is ours alone.

    PostgreSQL would take the number in the lock file for a living server's even when it is that of
    a zombie, or of another process by now.
    """
    for left in sockets.glob(".s.PGSQL.*"):
        left.unlink()


def _written_pid(data: Path) -> int | None:
    try:
        first = (data / "postmaster.pid").read_text(errors="replace").partition("\n")[0].strip()
    except OSError:
        return None
    return abs(int(first)) or None if first.lstrip("-").isdecimal() else None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _serves(pid: int, data: Path) -> bool:
    """Whether ``pid`` is a PostgreSQL server that has ``data`` as its current directory."""
    if not Path("/proc/self").exists():
        return True  # nothing to tell it by: rather refuse than start a second one
    try:
        where = os.readlink(f"/proc/{pid}/cwd")  # noqa: PTH115 - the link, not its meaning
    except OSError:
        return False
    return where == str(data.resolve()) and _command(pid) == "postgres"


def _launch(plan: Plan, server: int) -> subprocess.Popen[str]:
    arguments = ["-D", plan.data]
    for name, value in plan.settings.items():
        arguments += ["-c", f"{name}={value}"]
    return plan.run(
        "postgres",
        arguments,
        die_with=signal.SIGINT,  # to the postmaster: shut down at once, in good order
        pass_fds=[server],
        stdout=sys.stderr.fileno(),
    )


def _becomes_ready(plan: Plan, postgres: subprocess.Popen[str], events: SimpleQueue[Event]) -> bool:
    """Wait, recovery after a crash included, until the server answers; False if asked to stop."""
    file = Path(plan.data, "postmaster.pid")
    while True:
        with contextlib.suppress(OSError):
            lines = file.read_text(errors="replace").splitlines()
            if lines[:1] == [str(postgres.pid)] and lines[7:] and lines[7].strip() == "ready":
                return True
        with contextlib.suppress(Empty):
            if events.get(timeout=_TICK) == "asked":
                return False
            raise RefusedError(f"PostgreSQL did not start: {_reason(plan)} The whole story is in"
                          f" {plan.start_log} and {plan.log}.")  # fmt: skip


def _announce(plan: Plan, postmaster: int) -> int:
    """Write both process ids, then lock the file: while it is locked, what it says is true."""
    ready = os.open(plan.ready, os.O_RDWR | os.O_CREAT, 0o600)
    os.ftruncate(ready, 0)
    os.pwrite(ready, json.dumps({"supervisor": os.getpid(), "server": postmaster}).encode(), 0)
    fcntl.flock(ready, fcntl.LOCK_EX)
    return ready


def _shut_down(postgres: subprocess.Popen[str], events: SimpleQueue[Event]) -> None:
    """Stop in good order, or else as by a crash, which the data survives."""
    for number, patience in (
        (signal.SIGINT, _SHUTDOWN_MAY_TAKE),
        (signal.SIGQUIT, 10.0),
        (signal.SIGKILL, 10.0),
    ):
        postgres.send_signal(number)
        until = time.monotonic() + patience
        while (left := until - time.monotonic()) > 0:
            with contextlib.suppress(Empty):
                if events.get(timeout=left) == "ended":
                    return


def _reap(patience: float) -> None:
    """Take leave of PostgreSQL's remaining processes, which are ours since the first one ended."""
    until = time.monotonic() + patience
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < until:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(_TICK)


def _reason(plan: Plan) -> str:
    """The last thing the server complained of, from its start log or else its own."""
    began = Path(plan.start_log)
    logs = sorted(Path(plan.log).glob("*.log"), key=lambda log: log.stat().st_mtime)
    for log in (began, *logs[-1:]):
        text = log.read_text(errors="replace")[-20_000:]
        if any(mark in text for mark in ("FATAL", "PANIC", "ERROR", "error:")):
            return _gist(text)
    return _gist(began.read_text(errors="replace")[-2_000:])


def _gist(text: str) -> str:
    """The last complaint in ``text`` as one sentence."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    marks = ("FATAL:", "PANIC:", "ERROR:", "error:")
    complaints = [line for line in lines if any(mark in line for mark in marks)]
    for line in reversed(complaints or lines):
        for mark in marks:
            line = line.partition(mark)[2].strip() or line  # noqa: PLW2901 - cut down
        return line[0].upper() + line[1:].rstrip(".") + "."
    return "it gave no reason."


def _answer(answer: dict[str, int | str]) -> None:
    """Tell the starter, if it is still there, and let go of the pipe."""
    with contextlib.suppress(BrokenPipeError):
        os.write(1, json.dumps(answer).encode() + b"\n")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def main() -> None:
    """Leave the starter's family, so that nobody has to wait for us, and supervise."""
    if os.fork():
        os._exit(0)
    os.umask(0o077)
    plan = Plan(**json.loads(sys.argv[1]))
    try:
        supervise(plan)
    except RefusedError as refusal:
        _answer({"error": str(refusal)})
    except OSError as error:
        _answer({"error": f"The private PostgreSQL server could not be started: {error}."})
    sys.stderr.flush()
    _reap(2.0)
    os._exit(0)  # threads may still wait for locks


if __name__ == "__main__":
    main()
