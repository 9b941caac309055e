"""How fast a backlog is sealed, how long entries wait for their seal, how soon a sealer begins."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from statistics import median
from typing import Any, Final

from tests.benchmarks.audit import writers
from tests.benchmarks.audit.lags import Lags, measure
from tests.benchmarks.audit.log import Log, own_log
from tests.benchmarks.harness import in_own_process, publish, table
from tests.benchmarks.queue.figures import Figures, arguments

_BACKLOG: Final = 500_000
_LARGE: Final = 1_000_000
_DRAIN_GOAL: Final = 100_000
_RATE, _SECONDS, _LONG = 2_000, 15, 3.0
_INTERVALS: Final = (0.2, 1.0)
_STARTS: Final = 15

Case = tuple[float, float]  # interval, seconds of the longest transaction


def main() -> None:
    """The lags round after round, then drains of one backlog, then starts on twice as much."""
    rounds = arguments(__doc__).rounds
    cases: list[Case] = [(every, long) for long in (0.0, _LONG) for every in _INTERVALS]
    lags: dict[Case, list[Lags]] = {case: [] for case in cases}
    with own_log({"track_commit_timestamp": True}) as log:
        for _ in range(min(3, rounds)):
            for every, long in cases:
                found = measure(log, interval=every, rate=_RATE, seconds=_SECONDS, longest=long)
                lags[every, long].append(found)
                print(f"every {every:g} s, longest {long:g} s: {found}", flush=True)
        log.empty()
        writers.fill(log, _BACKLOG, personal=False)
        drains = [_drain(log) for _ in range(rounds + 1)][1:]
        writers.fill(log, _LARGE - log.entries(), personal=False)
        in_own_process("tests.benchmarks.audit.drain")
        starts, size = _starts()
        _publish(lags, drains, starts, size, log.server.weather())


def _drain(log: Log) -> dict[str, Any]:
    log.unseal()
    log.server.probe()
    found = in_own_process("tests.benchmarks.audit.drain")
    print(f"{found['entries'] / found['seconds']:,.0f} entries/s: {found}", flush=True)
    return found


def _starts() -> tuple[Figures, int]:
    """Seconds from connecting until the sealer may seal, and the leaves of the log."""
    from audit import keyring
    from audit.sealing.sealer import Sealer, connect

    ring = keyring.load()
    figures, size = Figures(), 0
    for _ in range(_STARTS):
        begin = time.perf_counter()
        with closing(connect()) as connection:
            size = Sealer(connection, ring).size
            figures.rounds.append(time.perf_counter() - begin)
    return figures, size


def _publish(
    lags: dict[Case, list[Lags]],
    drains: Sequence[dict[str, Any]],
    starts: Figures,
    size: int,
    weather: str,
) -> None:
    rate = Figures([found["entries"] / found["seconds"] for found in drains])
    cpu = Figures([found["cpu"] / found["seconds"] for found in drains])
    memory = max(found["memory"] for found in drains)
    met = "met" if rate.median >= _DRAIN_GOAL else "MISSED"
    rounds = len(next(iter(lags.values())))
    publish(
        "audit_sealing",
        f"The sealer seals {rate.median:,.0f} waiting entries a second, and entries wait"
        f" {median(one.middle for one in lags[1.0, 0.0]):.2g} s for their seal",
        f"A backlog of {drains[0]['entries']:,} entries, written in transactions of 1 to 100, is"
        f" sealed by one process in {drains[0]['batches']} batches: read, hashed into the tree,"
        f" signed and committed. {len(drains)} rounds after one that does not count, on the same"
        " entries, whose pages are in memory; median (range).",
        table(
            ("entries/s", "sealer's own share of a core", "its largest size"),
            [
                (
                    f"{rate.told('/s')}; goal at least {_DRAIN_GOAL:,}: {met}",
                    cpu.told(),
                    f"{memory:.0f} MB",
                )
            ],
        ),
        f"How long entries wait: `seal_audit` beside writers that add about {_RATE:,} a second on 8"
        f" connections for {_SECONDS} s, one entry in a transaction, with and without one"
        f" transaction of {_LONG:g} s in between, which holds up all that was written after it"
        " began. From the moment of the entry until its batch is committed, by the server's commit"
        f" timestamps; medians of {rounds} runs, the longest of all. The goal for 99 in 100 is"
        " twice the interval and the longest transaction's duration.",
        _lags(lags),
        f"Starting on a log of {size:,} leaves, from connecting until the sealer may seal"
        " (its tree is read from tiles, its last signature checked):"
        f" {starts.told(' ms', scale=1e3)}, {len(starts.rounds)} starts.",
        weather,
        packages=("django", "psycopg", "cryptography", "numpy"),
    )


def _lags(lags: dict[Case, list[Lags]]) -> str:
    rows = []
    for (every, long), runs in lags.items():
        most, goal = median(run.most for run in runs), 2 * every + long
        rows.append(
            (
                f"{every:g} s",
                f"{long:g} s" if long else "none",
                f"{median(run.rate for run in runs):,.0f}/s",
                f"{median(run.middle for run in runs):.3f} s",
                f"{most:.3f} s; goal at most {goal:g} s: {'met' if most <= goal else 'MISSED'}",
                f"{max(run.longest for run in runs):.3f} s",
                f"{median(run.batches for run in runs):.3g}/s",
                f"{median(run.share for run in runs):.0%}",
            )
        )
    header = (
        *("interval", "long transaction", "entries", "half wait at most", "99 in 100 at most"),
        *("longest", "batches", "sealer's share of a core"),
    )
    return table(header, rows)


if __name__ == "__main__":
    main()
