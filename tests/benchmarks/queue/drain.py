"""How fast a worker empties a queue, by one definition for every system.

The backlog stands before the worker is started. An observer, a connection of its own, counts the
jobs now and then; the server's clock tells when. The *drain* lasts from the last look at which no
job had been taken to the first at which none is left, so the start of the process is not in it, and
claims, handlers, acknowledgements and commits are. The *warm* rate leaves out the first moments
after the first claim, in which interpreters, compilers and caches warm up.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from tests.benchmarks.queue.processes import Process, ProcessFailed
from tests.benchmarks.queue.systems import Look, System

WARM_UP: Final = 0.2  # seconds
_TICK: Final = 0.005  # seconds between looks when something is about to happen
_LONGEST_SLEEP: Final = 0.5
_PATIENCE: Final = 60.0  # seconds until the first claim


@dataclass(frozen=True, slots=True)
class Drain:
    """Three looks at a backlog, and what was wrong in the end, if anything."""

    begun: Look
    warm: Look
    ended: Look
    problem: str | None

    @property
    def done(self) -> int:
        """Jobs completed."""
        return self.begun.unfinished - self.ended.unfinished

    @property
    def rate(self) -> float:
        """Jobs per second from the first claim to the last completion."""
        return self.done / (self.ended.at - self.begun.at)

    @property
    def warm_rate(self) -> float:
        """The same after the warm-up; that of the whole, when little was left by then."""
        done = self.warm.unfinished - self.ended.unfinished
        if done < self.done / 4:
            return self.rate
        return done / (self.ended.at - self.warm.at)


def drain(system: System, *, backlog: int, cap: float) -> Drain:
    """Fill the queue, start a worker, and watch until nothing is left or ``cap`` seconds are over.

    ProcessFailed, if the worker ends or takes nothing.
    """
    system.empty()
    system.fill(backlog)
    return watch(system, backlog=backlog, cap=cap)


def watch(system: System, *, backlog: int, cap: float) -> Drain:
    """As ``drain``, of a queue that is filled already."""
    system.server.probe()
    filled = system.look()
    if filled.waiting != backlog:
        raise ProcessFailed(f"{system.name} holds {filled.waiting} waiting jobs, not {backlog}.")
    with system.worker() as worker:
        begun = _first_claim(system, worker, filled)
        time.sleep(WARM_UP)
        warm = system.look()
        ended = _end(system, worker, begun, cap)
    problem = system.verdict(backlog)
    return Drain(begun, warm, ended, problem and f"{system.name}: {problem}")


def _first_claim(system: System, worker: Process, filled: Look) -> Look:
    before = filled
    patience = time.monotonic() + _PATIENCE
    while (look := system.look()).waiting == filled.waiting:
        before = look
        worker.check()
        if time.monotonic() > patience:
            raise ProcessFailed(
                f"The worker of {system.name} took no job in {_PATIENCE:g} s: {worker.said()}"
            )
        time.sleep(_TICK)
    return before


def _end(system: System, worker: Process, begun: Look, cap: float) -> Look:
    """The first look at which nothing is left, come upon by halving the time that is expected."""
    while True:
        look = system.look()
        elapsed = look.at - begun.at
        if look.unfinished == 0 or elapsed >= cap:
            return look
        worker.check()
        done = begun.unfinished - look.unfinished
        expected = elapsed * look.unfinished / max(done, 1)
        sleep = min(expected / 2, cap - elapsed, _LONGEST_SLEEP)
        time.sleep(max(sleep, _TICK))
