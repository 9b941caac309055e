"""Where the time of a whole goes: wall, processor time here, and that of the database's server."""

from __future__ import annotations

import functools
import inspect
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple


class Spent(NamedTuple):
    """Seconds: by the clock, of all threads of this process, of the server's process."""

    wall: float = 0.0
    here: float = 0.0
    server: float = 0.0

    def plus(self, other: Spent) -> Spent:
        """The sum of both."""
        return Spent(*(one + two for one, two in zip(self, other, strict=True)))

    def minus(self, other: Spent) -> Spent:
        """What lies between."""
        return Spent(*(one - two for one, two in zip(self, other, strict=True)))


class Stopwatch:
    """Time by stage; a stage inside another is taken out of that one.

    ``server``: the process that serves the database's connection, whose time is read from /proc.
    """

    def __init__(self, server: int) -> None:
        self.stages: dict[str, Spent] = {}
        self._server = server
        self._open: list[str] = []
        self._last = self._now()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """What happens inside belongs to this stage."""
        self._settle()
        self._open.append(name)
        try:
            yield
        finally:
            self._settle()
            self._open.pop()

    def watch(self, owner: Any, attribute: str, name: str) -> None:
        """Count a function of a module or class for this stage from now on; a generator's steps."""
        function = getattr(owner, attribute)
        watched = self._steps if inspect.isgeneratorfunction(function) else self._calls
        setattr(owner, attribute, watched(function, name))

    def _calls(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        @functools.wraps(function)
        def called(*args: Any, **options: Any) -> Any:
            with self.stage(name):
                return function(*args, **options)

        return called

    def _steps(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        @functools.wraps(function)
        def stepped(*args: Any, **options: Any) -> Iterator[Any]:
            steps = function(*args, **options)
            while True:
                with self.stage(name):
                    found = next(steps, _END)
                if found is _END:
                    return
                yield found

        return stepped

    def _settle(self) -> None:
        now = self._now()
        if self._open:
            name = self._open[-1]
            self.stages[name] = self.stages.get(name, Spent()).plus(now.minus(self._last))
        self._last = now

    def _now(self) -> Spent:
        return Spent(time.perf_counter(), time.process_time(), cpu_of(self._server))


_END = object()


def cpu_of(process: int) -> float:
    """Seconds of processor time that a process has used so far."""
    try:
        text = Path(f"/proc/{process}/schedstat").read_text(encoding="ascii")
        return int(text.split()[0]) / 1e9
    except OSError:  # a kernel without it; these count hundredths
        text = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
        fields = text.rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
