"""How fast one worker empties a queue of jobs that do nothing: Lacuna and its peers."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from tests.benchmarks.harness import publish, table
from tests.benchmarks.queue.drain import WARM_UP, Drain, drain
from tests.benchmarks.queue.figures import Figures, arguments, installed, judged, ratios
from tests.benchmarks.queue.others import Graphile, Peer, Procrastinate, Reference
from tests.benchmarks.queue.server import LACUNA, Server, make_lacuna, running
from tests.benchmarks.queue.systems import System

_BACKLOG = 40_000
_CAP = 6.0  # seconds; what is not done by then does not count
_OURS = "Lacuna"
_BATCHED = "graphile-worker, batches of 500"
_LARGE = "graphile-worker, batches of 2,000"
_PLAIN = "graphile-worker, one by one"
_PROCRASTINATE = "procrastinate"
_REFERENCE = "plain psycopg, 500 at once"
_GOALS = {_BATCHED: 1.0, _PROCRASTINATE: 50.0}


def main() -> None:
    """Round after round, one system after another."""
    rounds = arguments(__doc__).rounds
    drains: dict[str, list[Drain]] = {}
    databases = [LACUNA, Graphile.database, Procrastinate.database, Reference.database]
    with running(databases) as server, ExitStack() as stack:
        make_lacuna(server)
        versions, missing = installed(server, Graphile, Procrastinate)
        systems = _systems(server, versions)
        for system in systems:
            stack.callback(system.close)
        for _ in range(rounds):
            for system in systems:
                found = drain(system, backlog=_BACKLOG, cap=_CAP)
                drains.setdefault(system.name, []).append(found)
                print(f"{system.name}: {found.rate:,.0f}/s, {found.done} done", flush=True)
        _publish(drains, [*versions.values()], missing, server.weather())


def _systems(server: Server, versions: dict[type[Peer], str]) -> list[System]:
    from tests.benchmarks.queue.app.models import Chore
    from tests.benchmarks.queue.lacuna import Lacuna

    systems: list[System] = [Lacuna(server, _OURS, "chores", Chore)]
    if Graphile in versions:
        at_once = {"completeJobBatchDelay": 0, "failJobBatchDelay": 0}
        for name, size in ((_BATCHED, 500), (_LARGE, 2_000)):
            batches: dict[str, Any] = {"localQueue": {"size": size}, **at_once}
            systems.append(Graphile(server, name, concurrentJobs=24, **batches))
        systems.append(Graphile(server, _PLAIN, concurrentJobs=24))
    if Procrastinate in versions:
        systems.append(Procrastinate(server, _PROCRASTINATE, concurrency=5))
    reference = Reference(server, _REFERENCE, batch=500)
    reference.make()
    return [*systems, reference]


def _publish(
    drains: dict[str, list[Drain]], versions: list[str], missing: list[str], weather: str
) -> None:
    rates = {name: Figures([found.rate for found in each]) for name, each in drains.items()}
    warm = {name: Figures([found.warm_rate for found in each]) for name, each in drains.items()}
    rows = []
    for name, each in drains.items():
        least = min(found.done for found in each)
        ratio = ratios(rates[_OURS], rates[name])
        told = judged(ratio, _GOALS[name]) if name in _GOALS else ratio.told()
        rows.append(
            (
                name,
                rates[name].told("/s"),
                warm[name].told("/s"),
                "all" if least == _BACKLOG else f"at least {least:,}",
                "" if name == _OURS else told,
                "" if name == _OURS else ratios(warm[_OURS], warm[name]).told(),
            )
        )
    header = ("one worker", "jobs/s", "warm", "done", "Lacuna by this", "warm")
    problems = [found.problem for each in drains.values() for found in each if found.problem]
    publish(
        "job_drain",
        _title(rates),
        f"A backlog of {_BACKLOG:,} jobs that do nothing, in the queue before one worker process is"
        " started. The rate is that of the jobs completed between the last look at which none had"
        " been taken and the first at which none was left, or the one after"
        f" {_CAP:g} s: the start of the process is not in it; claims, outcomes and commits are. An"
        " observer's connection looks, the server's clock tells the time, for all alike. \"Warm\""
        f" leaves out the first {WARM_UP:g} s after the first claim. {len(drains[_OURS])} rounds,"
        " one system after the other; median (range), ratios round by round.",
        "Lacuna writes one outcome for each job, guarded by its attempt's number, and keeps the"
        " row; its worker runs 1,000 jobs at once on an event loop. graphile-worker deletes what is"
        " done; it runs 24 jobs at once, in batches by a local queue of that size and batch delays"
        " of 0. procrastinate runs 5 at once. Plain psycopg is one connection"
        " that marks 500 done and claims the next 500 in one statement, in a table of two columns:"
        " no handler, no attempt, no person, nothing to guard; it is here for scale."
        f" {'; '.join(versions) or 'No peer'}.",
        table(header, rows),
        *(f"**Not all went well.** {problem}" for problem in dict.fromkeys(problems)),
        *missing,
        weather,
        packages=("django", "psycopg"),
    )


def _title(rates: dict[str, Figures]) -> str:
    parts = [
        f"{ratios(rates[_OURS], rates[name]).median:.3g} times {name}"
        for name in _GOALS
        if name in rates
    ]
    beside = f": {' and '.join(parts)}" if parts else ""
    return f"One worker completes {rates[_OURS].median:,.0f} jobs a second{beside}"


if __name__ == "__main__":
    main()
