"""What it costs to append an entry: beside a plain log, and beside the usual chain of hashes."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Final

from tests.benchmarks.audit import writers
from tests.benchmarks.audit.log import Log, own_log
from tests.benchmarks.audit.writers import Run
from tests.benchmarks.harness import publish, table
from tests.benchmarks.queue.figures import Figures, arguments, judged, ratios

_SECONDS: Final = 2
_WORK: Final = 0.005  # seconds of other work after the entry
_INTERVAL: Final = 0.2
_REAPED: Final = 0.2  # seconds
_BARE, _PLAIN = "plain log without checks", "plain log"
_CHAIN = "hash chain under a lock"
_OURS, _SEALED = "audit log", "audit log, sealed meanwhile"
_GOALS: Final = {"few": {_PLAIN: 0.8, _CHAIN: 8.0}, "work": {_PLAIN: 0.9, _CHAIN: 15.0}}

_TABLES: Final = {
    _BARE: "bench.bare",
    _PLAIN: "bench.plain",
    _CHAIN: "bench.chain",
    _OURS: "audits.audit_log",
    _SEALED: "audits.audit_log",
}


@dataclass(slots=True)
class Cell:
    """One variant in one kind of transaction, over the rounds."""

    rates: Figures = field(default_factory=Figures)  # entries a second
    cpu: Figures = field(default_factory=Figures)  # seconds of the server for an entry
    deadlocks: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    behind: list[int] = field(default_factory=list)  # entries not sealed when the writers ended

    def take(self, run: Run, entries: int, cpu: float) -> None:
        """Add a run whose transactions write so many entries each."""
        self.rates.rounds.append(run.rate * entries)
        self.cpu.rounds.append(cpu / (run.transactions * entries))
        self.deadlocks.append(run.deadlocks)
        self.failed.append(run.failed)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of transaction: its connections, its entries, and a script for each variant."""

    connections: int
    entries: int
    scripts: dict[str, str]


def _kinds() -> dict[str, Kind]:
    plain = {name: writers.insert(table) for name, table in _TABLES.items()}
    ours = {_OURS: writers.insert_with_personal(), _SEALED: writers.insert_with_personal()}
    columns = {_PLAIN: writers.insert_with_columns("bench.personal"), **ours}
    most = (_PLAIN, _CHAIN, _SEALED)
    return {
        "few": Kind(8, 1, {name: writers.single(text) for name, text in plain.items()}),
        "personal": Kind(8, 1, {name: writers.single(text) for name, text in columns.items()}),
        "work": Kind(16, 1, {name: writers.beside_work(plain[name], _WORK) for name in most}),
        "two": Kind(8, 2, {name: writers.two_changes(plain[name]) for name in most}),
    }


def main() -> None:
    """Kind by kind, variant by variant, round after round; a short round before does not count."""
    rounds = arguments(__doc__).rounds
    kinds = _kinds()
    found: dict[str, dict[str, Cell]] = {}
    with own_log() as log:
        for number in range(rounds + 1):
            for label, kind in kinds.items():
                cells = found.setdefault(label, {})
                for name in kind.scripts:
                    cell = Cell() if number == 0 else cells.setdefault(name, Cell())
                    _run(log, kind, name, cell, seconds=1 if number == 0 else _SECONDS)
                    if number:
                        print(f"{label}, {name}: {cell.rates.rounds[-1]:,.0f}/s", flush=True)
        _publish(found, log.server.weather(), rounds)


def _run(log: Log, kind: Kind, name: str, cell: Cell, *, seconds: int) -> None:
    log.empty()
    sealed = name == _SEALED
    with log.sealing(_INTERVAL) if sealed else nullcontext():
        before = log.cpu()
        run = writers.write(log, kind.scripts[name], connections=kind.connections, seconds=seconds)
        if sealed:
            cell.behind.append(log.waiting())
    # With the sealer's own connection, which has ended by now; the server notices in a moment.
    time.sleep(_REAPED)
    cell.take(run, kind.entries, log.cpu() - before)


def _publish(found: dict[str, dict[str, Cell]], weather: str, rounds: int) -> None:
    few, work, two = found["few"], found["work"], found["two"]
    plain, chain = (ratios(few[_SEALED].rates, few[name].rates) for name in (_PLAIN, _CHAIN))
    behind = max([*few[_SEALED].behind, *work[_SEALED].behind])
    publish(
        "audit_append",
        f"Appending to the audit log, sealed meanwhile, runs at {plain.median:.2f} of a plain"
        f" insert's rate and at {chain.median:.3g} times that of a hash chain",
        "pgbench as the application's role, prepared statements, two threads, on the same machine;"
        f" {_SECONDS} s each, every table emptied before. {rounds} rounds after one that does not"
        " count, one variant after the other; median (range), ratios round by round. The entries"
        " have an actor out of 5,000, one of 8 actions, one of a million resources and a payload"
        f" of {len(writers.PAYLOAD)} bytes.",
        f"**{_PLAIN.capitalize()}**: the same columns, checks, months (a year of them) and indexes,"
        " but no leaf, no transaction number and no index of it, no trigger."
        " **Without checks**: the same, and nobody looks whether the payload is JSON or the action"
        " a word."
        f" **{_CHAIN.capitalize()}**: the plain log with a trigger that takes an advisory lock,"
        " reads the newest entry, and hashes it with the new one; what it loses grows with the"
        " number of writers, their other work, and the time that a commit takes on the disk."
        f" **Sealed meanwhile**: `seal_audit --interval {_INTERVAL:g}` runs beside the writers,"
        " with a key, on the same cores; when the writers ended, it was never more than"
        f" {behind:,} entries behind.",
        "One entry in each transaction, 8 connections:",
        _rows(few, _SEALED, _GOALS["few"]),
        "The same with address and browser: in a row beside, so that they can be erased; columns"
        " of the entry in the plain log, with the same index.",
        _rows(found["personal"], _SEALED, {}),
        f"One entry, then {_WORK * 1e3:g} ms of other work in the same transaction, 16 connections"
        " (the lock of the chain is held until the end):",
        _rows(work, _SEALED, _GOALS["work"]),
        "Two of 20 rows are changed, always the lower one first, each followed by its entry, 8"
        " connections. The rows are locked in order, so whatever deadlocks is due to the log:",
        _deadlocks(two),
        "Processor time is that of the server's connections, the sealer's among them, without"
        f" pgbench and without the sealer's Python. {weather}",
        packages=("django", "psycopg"),
    )


def _rows(cells: dict[str, Cell], ours: str, goals: dict[str, float]) -> str:
    rows = []
    for name, cell in cells.items():
        ratio = ratios(cells[ours].rates, cell.rates)
        told = judged(ratio, goals[name]) if name in goals else ratio.told()
        rows.append(
            (
                name,
                cell.rates.told("/s"),
                cell.cpu.told(" µs", scale=1e6),
                "" if name == ours else told,
            )
        )
    return table(("", "entries/s", "server's processor time each", f"{ours}, by this"), rows)


def _deadlocks(cells: dict[str, Cell]) -> str:
    rows = []
    for name, cell in cells.items():
        number = sum(cell.deadlocks)
        told = f"{number:,}"
        if name == _SEALED:
            told += f"; goal none: {'MISSED' if number else 'met'}"
        rows.append((name, cell.rates.told("/s"), told, f"{sum(cell.failed) - number:,}"))
    return table(("", "entries/s", "deadlocks in all rounds", "other failures"), rows)


if __name__ == "__main__":
    main()
