"""How soon an idle worker begins a job that was just added: Lacuna, a bare loop, the peers."""

from __future__ import annotations

from contextlib import ExitStack

from tests.benchmarks.harness import publish, table
from tests.benchmarks.queue.figures import (
    Figures,
    arguments,
    installed,
    judged,
    percentile,
    ratios,
)
from tests.benchmarks.queue.others import Graphile, Peer, Procrastinate, Reference
from tests.benchmarks.queue.pickup import pickup
from tests.benchmarks.queue.server import LACUNA, Server, make_lacuna, running
from tests.benchmarks.queue.systems import System

_JOBS = 200
_OURS = "Lacuna"
_REFERENCE = "a bare LISTEN loop"
_GOAL = 1.2


def main() -> None:
    """Round after round, one system after another."""
    rounds = arguments(__doc__).rounds
    middle: dict[str, Figures] = {}
    tail: dict[str, Figures] = {}
    databases = [LACUNA, Graphile.database, Procrastinate.database, Reference.database]
    with running(databases) as server, ExitStack() as stack:
        make_lacuna(server)
        versions, missing = installed(server, Graphile, Procrastinate)
        systems = _systems(server, versions)
        for system in systems:
            stack.callback(system.close)
        for _ in range(rounds):
            for system in systems:
                waits = pickup(system, _JOBS)
                middle.setdefault(system.name, Figures()).rounds.append(percentile(waits, 50))
                tail.setdefault(system.name, Figures()).rounds.append(percentile(waits, 99))
                print(f"{system.name}: {percentile(waits, 50) * 1e3:.2f} ms", flush=True)
        _publish(middle, tail, [*versions.values()], missing, server.weather())


def _systems(server: Server, versions: dict[type[Peer], str]) -> list[System]:
    from tests.benchmarks.queue.app.models import Call
    from tests.benchmarks.queue.lacuna import Lacuna

    reference = Reference(server, _REFERENCE)
    reference.make()
    systems: list[System] = [
        Lacuna(server, _OURS, "calls", Call, plain_sql=True),
        reference,
        Lacuna(server, "Lacuna, added by enqueue()", "calls", Call),
    ]
    if Graphile in versions:
        systems.append(Graphile(server, "graphile-worker", concurrentJobs=10))
    if Procrastinate in versions:
        systems.append(Procrastinate(server, "procrastinate", concurrency=5))
    return systems


def _publish(
    middle: dict[str, Figures],
    tail: dict[str, Figures],
    versions: list[str],
    missing: list[str],
    weather: str,
) -> None:
    rows = []
    for name, figures in middle.items():
        ratio = ratios(middle[_OURS], figures)
        told = judged(ratio, _GOAL, at_most=True) if name == _REFERENCE else ratio.told()
        rows.append(
            (
                name,
                figures.told(" ms", scale=1e3),
                tail[name].told(" ms", scale=1e3),
                "" if name == _OURS else told,
            )
        )
    best = ratios(middle[_OURS], middle[_REFERENCE]).median
    publish(
        "job_pickup",
        f"A job waits {middle[_OURS].median * 1e3:.2g} ms for an idle worker: {best:.2g} times a"
        " bare loop",
        f"{_JOBS} jobs in each round, 20 to 50 ms apart, one idle worker; from just before the"
        " producer adds the job to the first moment in its handler, by the machine's clock on"
        " both sides. The producer's own transaction is part of it."
        f" {len(middle[_OURS].rounds)} rounds, one system after the other; median (range) of the"
        " rounds, ratios round by round.",
        "The bare loop is psycopg alone: LISTEN, claim one job with FOR UPDATE SKIP LOCKED, note"
        " the time, mark it done; its producer sends INSERT and NOTIFY in one round trip. Lacuna"
        " runs a job on an event loop; its first line's producer sends a plain INSERT too (a"
        " trigger notifies), the other's calls `enqueue()`. graphile-worker runs 10 at"
        f" once, procrastinate 5. {'; '.join(versions) or 'No peer'}.",
        table(("system", "p50", "p99", "Lacuna's p50 by this"), rows),
        *missing,
        weather,
        packages=("django", "psycopg"),
    )


if __name__ == "__main__":
    main()
