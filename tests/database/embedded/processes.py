"""Processes that use a private server, and the means to see what they leave behind."""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

import database
from database.embedded.account import Account, can_enter, can_run

PROJECT = Path(database.__file__).resolve().parent.parent
PACKAGES = Path(psycopg.__file__).resolve().parent.parent

_SCRIPT = """
import json, sys
from pathlib import Path
from database import embedded
wanted = json.loads(sys.argv[1])
try:
    sockets = embedded.ensure_running(Path(wanted.pop("home")), **wanted)
    print(json.dumps({"sockets": str(sockets)}), flush=True)
except embedded.EmbeddedServerError as error:
    print(json.dumps({"refused": str(error)}), flush=True)
    sys.exit(3)
sys.stdin.read()
"""


class User:
    """A process that uses a server until it is told to go, or killed."""

    def __init__(self, home: Path, *, as_user: str | None = None, **options: Any) -> None:
        options = {"home": str(home), "fast": True} | options
        identity: dict[str, Any] = {}
        python = sys.executable
        if as_user is not None:
            entry = pwd.getpwnam(as_user)
            python = interpreter_for(as_user)
            identity = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        self.process = subprocess.Popen(
            [python, "-c", _SCRIPT, json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{PROJECT}:{PACKAGES}"},
            **identity,
        )

    def answer(self) -> dict[str, str]:
        """What became of its `ensure_running`: ``sockets``, or ``refused`` with the sentence."""
        assert self.process.stdout is not None
        told: dict[str, str] = json.loads(self.process.stdout.readline())
        return told

    def leave(self) -> None:
        self.process.communicate(timeout=30)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=30)


@contextmanager
def users(
    home: Path, count: int = 1, *, as_user: str | None = None, **options: Any
) -> Iterator[list[User]]:
    """So many processes, all started at once; those that are left are killed at the end."""
    started = [User(home, as_user=as_user, **options) for _ in range(count)]
    try:
        yield started
    finally:
        for user in started:
            if user.process.poll() is None:
                user.process.kill()
            user.process.communicate(timeout=30)


def interpreter_for(name: str) -> str:
    """A Python of our version that the user ``name`` can run, with our packages in reach."""
    entry = pwd.getpwnam(name)
    account = Account(name, entry.pw_uid, entry.pw_gid, foreign=True)
    if not (can_enter(account, PROJECT) and can_enter(account, PACKAGES)):
        pytest.skip(f"the user {name} cannot reach {PROJECT} or {PACKAGES}")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/local/bin/{version}", f"/usr/bin/{version}"):
        program = Path(candidate).resolve()
        if program.exists() and can_run(account, program):
            return str(program)
    pytest.skip(f"there is no {version} that the user {name} can run")


def alive(mark: str) -> list[int]:
    """Processes, zombies aside, whose command line or working directory names ``mark``."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            named = (entry / "cmdline").read_bytes() + os.fsencode((entry / "cwd").readlink())
        except OSError:
            continue
        if state != "Z" and os.fsencode(mark) in named and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def eventually(condition: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether ``condition`` comes true within a generous time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def connect(sockets: Path | str, user: str = "postgres", dbname: str = "lacuna") -> Any:
    """A connection of the test's own, in autocommit mode."""
    return psycopg.connect(
        host=str(sockets), port=5432, user=user, dbname=dbname, autocommit=True, connect_timeout=5
    )


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
