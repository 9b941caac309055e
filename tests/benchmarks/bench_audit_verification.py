"""How fast the whole log is verified, what the next verification costs, and in how much memory."""

from __future__ import annotations

from typing import Any, Final

from tests.benchmarks.audit import writers
from tests.benchmarks.audit.log import Log, own_log
from tests.benchmarks.harness import in_own_process, publish, table
from tests.benchmarks.queue.figures import Figures, arguments

_ENTRIES: Final = 500_000
_NEW: Final = 1_000
_GOAL: Final = 100_000  # entries a second of one core
_SMALL: Final = 5_000  # entries, a batch for each transaction
_MODULE: Final = "tests.benchmarks.audit.verification"

Run = dict[str, Any]


def main() -> None:
    """Full verifications by one and two processes in turn, of what is new, of small batches."""
    rounds = arguments(__doc__).rounds
    full: dict[int, list[Run]] = {1: [], 2: []}
    with own_log() as log:
        writers.fill(log, _ENTRIES, personal=False)
        in_own_process("tests.benchmarks.audit.drain")
        for number in range(rounds + 1):
            for processes, runs in full.items():
                found = _run(log, processes, "full")
                if number:
                    runs.append(found)
        new = []
        for _ in range(rounds):
            writers.fill(log, _NEW, personal=False)
            in_own_process("tests.benchmarks.audit.drain")
            new.append(_run(log, 1))
        log.empty()
        writers.fill(log, _SMALL, personal=False)
        _seal_singly()
        (log.home / "audit" / f"verified-{log.admin.info.dbname}.json").unlink()
        small = _run(log, 1, "full")
        _publish(full, new, small, log.server.weather())


def _run(log: Log, processes: int, *arguments: str) -> Run:
    log.server.probe()
    before = log.cpu()
    found = in_own_process(_MODULE, str(processes), *arguments)
    found["server"] = log.cpu() - before
    print(
        f"{processes} processes: {found['entries'] / found['seconds']:,.0f}/s {found}", flush=True
    )
    return found


def _seal_singly() -> None:
    """A batch for each transaction, as on a server where little happens."""
    from contextlib import closing

    from audit import keyring
    from audit.sealing.sealer import Sealer, connect

    with closing(connect()) as connection:
        for _ in Sealer(connection, keyring.load(), most=0).drain():
            pass


def _publish(full: dict[int, list[Run]], new: list[Run], small: Run, weather: str) -> None:
    rates = {
        processes: Figures([run["entries"] / run["seconds"] for run in runs])
        for processes, runs in full.items()
    }
    by_core = Figures([run["entries"] / (run["cpu"] + run["server"]) for run in full[1]])
    met = "met" if rates[1].median >= _GOAL else "MISSED"
    rows = [
        (
            processes,
            rates[processes].told("/s"),
            f"{max(run['memory'] for run in runs):.0f} MB",
        )
        for processes, runs in full.items()
    ]
    each = Figures([run["seconds"] for run in new])
    publish(
        "audit_verification",
        f"A full verification compares {rates[1].median:,.0f} entries a second in one process",
        f"A log of {full[1][0]['entries']:,} entries in {full[1][0]['batches']} batches, sealed by"
        " the sealer: every row is read in binary, hashed here and compared with its leaf; every"
        " batch, tile and signature is checked; the tables are read once more from end to end."
        f" {len(full[1])} rounds after one that does not count; median (range). Goal for one"
        f" process: {_GOAL:,} a second: {met}.",
        table(("processes", "entries/s", "the first one's largest size"), rows),
        "One process keeps one connection busy: of the processor time of both together, one core"
        f" would verify {by_core.told('/s')}.",
        f"The next verification, after {_NEW:,} entries more, reads those alone:"
        f" {each.told(' ms', scale=1e3)}, from reading the file of the last one to writing it.",
        f"Where little happens a batch is small: {small['batches']:,} batches of"
        f" {small['entries'] / small['batches']:.0f} entries took {small['seconds']:.2f} s,"
        f" {small['seconds'] / small['batches'] * 1e3:.2f} ms each, a signature in every one.",
        weather,
        packages=("django", "psycopg", "cryptography", "numpy"),
    )


if __name__ == "__main__":
    main()
