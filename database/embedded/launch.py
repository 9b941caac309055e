"""Run the supervisor, and hear from it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from database.embedded import locks, parameters, supervisor
from database.embedded.errors import EmbeddedServerError
from database.embedded.places import Place, socket_directory


def start(place: Place, gate: int, settings: dict[str, str], timeout: float, *, fast: bool) -> None:
    """Run the supervisor and wait for its answer; it keeps the start lock until it has one."""
    plan = _plan(place, gate, settings, fast=fast)
    place.start_log.unlink(missing_ok=True)  # an earlier server may still write to its own
    answer, far_end = os.pipe()
    try:
        try:
            with (
                os.fdopen(locks.open_file(place.start_log), "wb") as log,
                subprocess.Popen(
                    [_interpreter(), "-I", "-S", supervisor.__file__, json.dumps(asdict(plan))],
                    cwd="/",
                    env=_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=far_end,
                    stderr=log,
                    pass_fds=[gate],
                    start_new_session=True,  # Ctrl-C in our terminal is not meant for the server
                ),
            ):
                pass  # it forks and ends at once, so that the supervisor is nobody's zombie
        finally:
            os.close(far_end)
        told = _read_answer(answer, place, timeout)
    finally:
        os.close(answer)
    if "error" in told:
        raise EmbeddedServerError(str(told["error"]))


def _plan(place: Place, gate: int, settings: dict[str, str], *, fast: bool) -> supervisor.Plan:
    files = locks.of(place.home)
    fixed = {
        "listen_addresses": "",
        "port": str(parameters.PORT),
        "unix_socket_directories": str(socket_directory(place.home)),
        "unix_socket_permissions": "0700",
        "hba_file": str(place.rules),
        "ident_file": str(place.logins),
        "log_directory": str(place.log),
    }
    initdb = [
        "--username=postgres", "--encoding=UTF8", "--locale-provider=builtin",
        "--locale=C.UTF-8", "--auth=reject",
    ]  # fmt: skip
    return supervisor.Plan(
        gate=gate,
        users=str(files.users),
        ready=str(files.ready),
        server=str(files.server),
        programs=str(place.install / "bin"),
        data=str(place.data),
        sockets=str(socket_directory(place.home)),
        log=str(place.log),
        start_log=str(place.start_log),
        uid=place.account.uid,
        gid=place.account.gid,
        foreign=place.account.foreign,
        settings=settings | fixed,
        initdb=[*initdb, "--no-sync"] if fast else initdb,
    )


def _interpreter() -> str:
    """A Python to run the supervisor with; a program that embeds Python is not one."""
    candidates = [Path(sys.executable), Path(sys.prefix, "bin", "python3")]
    for program in candidates:
        if program.name.startswith("python") and os.access(program, os.X_OK):
            return str(program)
    raise EmbeddedServerError(
        f"There is no Python to run the server's supervisor with; tried"
        f" {' and '.join(map(str, candidates))}. Set DATABASE_URL to a server of your own."
    )


def _environment() -> dict[str, str]:
    kept = {"LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH")}  # some Pythons need it
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"} | {
        name: value for name, value in kept.items() if value
    }


def _read_answer(answer: int, place: Place, timeout: float) -> dict[str, int | str]:
    text = b""
    until = time.monotonic() + timeout
    waiting = select.poll()
    waiting.register(answer, select.POLLIN)
    while not text.endswith(b"\n"):
        if not waiting.poll(max(0.0, until - time.monotonic()) * 1000):
            raise EmbeddedServerError(
                f"PostgreSQL in {place.data} is not ready after {timeout:g} s; it may be recovering"
                f" from a crash. Look at {place.log}, and try again."
            )
        part = os.read(answer, 65536)
        if not part:
            told = place.start_log.read_text(errors="replace").strip()[-1000:]
            raise EmbeddedServerError(
                f"The supervisor of the server in {place.data} ended without an answer. It said:"
                f" {told or 'nothing'}"
            )
        text += part
    parsed: dict[str, int | str] = json.loads(text)
    return parsed
