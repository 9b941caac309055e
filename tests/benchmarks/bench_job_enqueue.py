"""What adding jobs costs: many at once beside the peers, one in the caller's transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import TYPE_CHECKING, TypeVar

from tests.benchmarks.harness import publish, table
from tests.benchmarks.queue.figures import Figures, arguments, installed, judged, ratios
from tests.benchmarks.queue.others import Graphile, Peer, Procrastinate
from tests.benchmarks.queue.server import LACUNA, Server, make_lacuna, running
from tests.benchmarks.queue.systems import System

if TYPE_CHECKING:
    from tests.benchmarks.queue.app.models import BenchJob

_ROWS = 20_000
_SINGLES = 300  # jobs of one transaction each, in a round
_BATCH, _BATCHES = 1_000, 5
_OURS = "Lacuna, `enqueue_rows`, one call"
_GRAPHILE = "graphile-worker, `addJobs` of 1,000"
_PROCRASTINATE = "procrastinate, `batch_defer` of 1,000"
_BULK_GOAL, _CALLER_GOAL = 2.0, 1.3
_WITHOUT, _WITH, _MANY = "one job, without the commit", "one job, with the commit", "each of 1,000"

B = TypeVar("B", bound="BenchJob")
Cost = dict[str, tuple[Figures, Figures]]  # seconds in the queue and in the plain table


def main() -> None:
    """Bulk and single, round after round; one round before them all does not count."""
    rounds = arguments(__doc__).rounds
    bulk: dict[str, Figures] = {}
    costs: Cost = {name: (Figures(), Figures()) for name in (_WITHOUT, _WITH, _MANY)}
    databases = [LACUNA, Graphile.database, Procrastinate.database]
    with running(databases) as server, ExitStack() as stack:
        make_lacuna(server)
        versions, missing = installed(server, Graphile, Procrastinate)
        systems = _systems(server, versions)
        for system in systems:
            stack.callback(system.close)
        stack.enter_context(_listener(server))
        for number in range(rounds + 1):
            rates = {system.name: _bulk_rate(system) for system in systems}
            _empty(server)
            found = {**_caller_costs(), **_batch_costs()}
            if number == 0:
                continue
            for name, rate in rates.items():
                bulk.setdefault(name, Figures()).rounds.append(rate)
            for name, pair in found.items():
                for figures, seconds in zip(costs[name], pair, strict=True):
                    figures.rounds.append(seconds)
            print(", ".join(f"{name}: {rate:,.0f}/s" for name, rate in rates.items()), flush=True)
        _publish(bulk, costs, [*versions.values()], missing, server.weather())


def _systems(server: Server, versions: dict[type[Peer], str]) -> list[System]:
    from tests.benchmarks.queue.app.models import Chore
    from tests.benchmarks.queue.lacuna import Lacuna

    systems: list[System] = [Lacuna(server, _OURS, "chores", Chore)]
    if Graphile in versions:
        systems.append(Graphile(server, _GRAPHILE))
    if Procrastinate in versions:
        systems.append(Procrastinate(server, _PROCRASTINATE))
    return systems


def _bulk_rate(system: System) -> float:
    system.empty()
    system.server.probe()
    return _ROWS / system.fill(_ROWS)


@contextmanager
def _listener(server: Server) -> Iterator[None]:
    """A connection that listens as a worker does, so that notifying has its full price."""
    from jobs.worker.bell import CHANNEL

    with server.connect(LACUNA) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        yield


def _empty(server: Server) -> None:
    with server.connect(LACUNA) as connection:
        connection.execute("TRUNCATE bench_chores, bench_plain")
    server.probe()


def _caller_costs() -> dict[str, tuple[float, float]]:
    """Median seconds of a transaction that adds one job, and of one that inserts a plain row."""
    from tests.benchmarks.queue.app.models import Chore, Plain

    queue: list[tuple[float, float]] = []
    bare: list[tuple[float, float]] = []
    for number in range(_SINGLES):
        queue.append(_timed(Chore.objects.enqueue, [_filled(Chore, number)]))
        bare.append(_timed(Plain.rows.bulk_create, [_filled(Plain, number)]))
    return {
        _WITHOUT: (median(s for s, _ in queue), median(s for s, _ in bare)),
        _WITH: (median(s for _, s in queue), median(s for _, s in bare)),
    }


def _batch_costs() -> dict[str, tuple[float, float]]:
    """Median seconds of one of 1,000 jobs, and of one of 1,000 plain rows, with the commit."""
    from tests.benchmarks.queue.app.models import Chore, Plain

    queue, bare = [], []
    for _ in range(_BATCHES):
        jobs = [_filled(Chore, number) for number in range(_BATCH)]
        queue.append(_timed(Chore.objects.enqueue, jobs)[1])
        rows = [_filled(Plain, number) for number in range(_BATCH)]
        bare.append(_timed(Plain.rows.bulk_create, rows)[1])
    return {_MANY: (median(queue) / _BATCH, median(bare) / _BATCH)}


def _filled(model: type[B], number: int) -> B:
    from tests.benchmarks.queue.lacuna import PEOPLE

    return model(user_id=PEOPLE[number % 50], payload={"user": f"user-{number % 50}", "n": number})


def _timed(insert: Callable[[list[B]], object], rows: list[B]) -> tuple[float, float]:
    """Seconds of the insertion in its transaction, without and with the commit."""
    from django.db import transaction

    begin = time.perf_counter()
    with transaction.atomic():
        entered = time.perf_counter()
        insert(rows)
        inserted = time.perf_counter()
    return inserted - entered, time.perf_counter() - begin


def _publish(
    bulk: dict[str, Figures], costs: Cost, versions: list[str], missing: list[str], weather: str
) -> None:
    bulk_rows = []
    for name, figures in bulk.items():
        ratio = ratios(bulk[_OURS], figures)
        told = judged(ratio, _BULK_GOAL) if name == _GRAPHILE else ratio.told()
        bulk_rows.append((name, figures.told("/s"), "" if name == _OURS else told))
    cost_rows = []
    for name, (queue, plain) in costs.items():
        ratio = ratios(queue, plain)
        told = ratio.told() if name == _MANY else judged(ratio, _CALLER_GOAL, at_most=True)
        micro = [figures.told(" µs", scale=1e6) for figures in (queue, plain)]
        cost_rows.append((name, *micro, told))
    caller = ratios(*costs[_WITH]).median
    publish(
        "job_enqueue",
        f"{bulk[_OURS].median:,.0f} jobs a second are added in bulk; one job costs its caller"
        f" {caller:.2g} times a plain insert",
        f"Bulk: {_ROWS:,} jobs, a person and a payload for each, ids returned, with every commit;"
        " the values are made before the clock starts."
        f" {'; '.join(versions) or 'No peer'}. {len(bulk[_OURS].rounds)} rounds, one system after"
        " the other, after one that does not count; median (range), ratios round by round.",
        table(("bulk", "jobs/s", "Lacuna by this"), bulk_rows),
        *missing,
        "One job in the caller's transaction: `enqueue([job])` beside `bulk_create([row])` of the"
        " same columns into a table with a primary key and nothing else; so the price of the"
        " queue's indexes, triggers and notification, while one connection listens."
        f" Medians of {_SINGLES} transactions of each, taken in turn, and of {_BATCHES} of"
        f" {_BATCH:,} rows.",
        table(("cost", "`enqueue`", "plain insert", "ratio"), cost_rows),
        weather,
        packages=("django", "psycopg"),
    )


if __name__ == "__main__":
    main()
