"""Lacuna's own drain in bad weather: under an old snapshot, and among 10,000,000 finished jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.benchmarks.harness import publish, table
from tests.benchmarks.queue.drain import Drain, drain
from tests.benchmarks.queue.figures import Figures, arguments, judged, ratios
from tests.benchmarks.queue.server import LACUNA, Server, make_lacuna, running
from tests.benchmarks.queue.systems import System

_BACKLOG = 40_000
_CAP = 20.0  # seconds
_NORMAL = "an empty table"
_HELD = "an old snapshot held elsewhere"
_FULL = "a table full of finished jobs"
_GOALS = {_HELD: 0.8, _FULL: 0.9}

# Older than any job to come, as if one had been completed every tenth of a second.
_FINISHED = """
    INSERT INTO bench_chores_full (id, status, attempt, turn, created_at, started_at, completed_at,
        worker_id, user_id, payload)
    SELECT uuidv7(moment - now()), 'completed', 1, n, moment, moment + interval '10 ms',
        moment + interval '30 ms', 'host:1:0123456789abcdef',
        ('00000000-0000-0000-0000-' || lpad(to_hex(1 + n %% 50), 12, '0'))::uuid,
        jsonb_build_object('user', 'user-' || n %% 50, 'n', n)
    FROM generate_series(1, %(count)s::bigint) n,
        LATERAL (SELECT now() - (%(count)s::bigint - n + 1) * interval '100 ms' AS moment) AS m
"""


def main() -> None:
    """Fill one of two twin tables, and drain both in turn."""
    chosen = arguments(__doc__, finished=10_000_000)
    drains: dict[str, list[Drain]] = {_NORMAL: [], _HELD: [], _FULL: []}
    with running([LACUNA]) as server, ExitStack() as stack:
        make_lacuna(server)
        size = _fill(server, chosen.finished)
        normal, full = _systems(server)
        for system in (normal, full):
            stack.callback(system.close)
        for _ in range(chosen.rounds):
            for name, system in ((_NORMAL, normal), (_HELD, normal), (_FULL, full)):
                with ExitStack() as around:
                    if name == _HELD:
                        around.enter_context(_old_snapshot(server))
                    found = drain(system, backlog=_BACKLOG, cap=_CAP)
                drains[name].append(found)
                print(f"{name}: {found.rate:,.0f}/s, {found.done} done", flush=True)
        _publish(drains, chosen.finished, size, server.weather())


def _systems(server: Server) -> tuple[System, System]:
    from tests.benchmarks.queue.app.models import Chore, FullChore
    from tests.benchmarks.queue.lacuna import Lacuna

    return (
        Lacuna(server, _NORMAL, "chores", Chore),
        Lacuna(server, _FULL, "full_chores", FullChore, keeps_finished=True),
    )


def _fill(server: Server, count: int) -> str:
    """Insert finished jobs; the size of the table with its indexes."""
    with server.connect(LACUNA) as connection:
        connection.execute("SET session_replication_role = replica")  # no trigger
        connection.execute(_FINISHED, {"count": count})
        connection.execute("VACUUM (ANALYZE) bench_chores_full")
        row = connection.execute(
            "SELECT pg_size_pretty(pg_total_relation_size('bench_chores_full'))"
        ).fetchone()
    assert row is not None
    return str(row[0])


@contextmanager
def _old_snapshot(server: Server) -> Iterator[None]:
    """What a long report or a dump does: no dead row may go while it looks at its snapshot."""
    with server.connect(LACUNA) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT count(*) FROM pg_class")
        yield
        connection.execute("ROLLBACK")


def _publish(drains: dict[str, list[Drain]], finished: int, size: str, weather: str) -> None:
    rates = {name: Figures([found.rate for found in each]) for name, each in drains.items()}
    rows = []
    for name, figures in rates.items():
        told = judged(ratios(figures, rates[_NORMAL]), _GOALS[name]) if name in _GOALS else ""
        rows.append((name, figures.told("/s"), told))
    problems = [found.problem for each in drains.values() for found in each if found.problem]
    held, full = (ratios(rates[name], rates[_NORMAL]).median for name in (_HELD, _FULL))
    publish(
        "job_conditions",
        f"Draining keeps {held:.0%} of its rate under an old snapshot, {full:.0%} among"
        f" {finished:,} finished jobs",
        f"A backlog of {_BACKLOG:,} jobs that do nothing, one worker; the rate is measured as on"
        " the page [job_drain](job_drain.md). The old snapshot is a REPEATABLE READ transaction of"
        " another connection, begun before the jobs were added: until it ends, no row version that"
        f" the queue leaves behind can be removed. The full table is a twin with {finished:,}"
        f" completed jobs ({size} with indexes), vacuumed once, to which every round adds its own;"
        f" the other is emptied before each round. {len(drains[_NORMAL])} rounds, one after the"
        " other; median (range), ratios round by round.",
        table(("Lacuna with", "jobs/s", "by the empty table's"), rows),
        *(f"**Not all went well.** {problem}" for problem in dict.fromkeys(problems)),
        weather,
        packages=("django", "psycopg"),
    )


if __name__ == "__main__":
    main()
