"""From a monitoring file that is handed in to alerts decided and told, stage by stage.

Each round runs in a process of its own, beside a floor: pyarrow reading the file and COPY of its
numbers into a plain table. See ``arrival.steps`` for what is run.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

from tests.benchmarks.arrival import machines
from tests.benchmarks.arrival.steps import AT_ONCE, COLUMNS
from tests.benchmarks.arrival.stopwatch import Spent
from tests.benchmarks.harness import in_own_process, publish, table

_STEPS: Final = "tests.benchmarks.arrival.steps"
_ROWS: Final = 10_000
_MANY: Final = 12_000  # healthy rows, of which a map keeps 2,000 as anchors
_BROKEN: Final = 0.1
_ROUNDS: Final = int(sys.argv[1]) if len(sys.argv) > 1 else 3
_STAGES: Final = {
    "upload": "upload: hashed, stored, its row",
    "check": "check: every cell, by a worker",
    "request": "request for placing",
    "load": "map and detector loaded",
    "read": "file read",
    "place": "rows placed",
    "judge": "rows judged",
    "explain": "anomalies explained",
    "samples": "samples stored",
    "anomalies": "anomalies stored",
    "complete": "completion: lease, metrics, audit entry, deferred checks, commit",
    "look": "samples as rules see them",
    "rules": "three rules evaluated, alerts opened",
    "tell": "alerts told: letters queued",
}


def main() -> None:
    """Make the files, measure round after round, publish."""
    runs: dict[int, list[dict[str, Any]]] = {_ROWS: [], _MANY: []}
    floors: list[dict[str, Any]] = []
    with TemporaryDirectory() as folder:
        files = _files(Path(folder))
        first = in_own_process(_STEPS, "fit", str(files[f"healthy-{_ROWS}"]), "first")
        second = in_own_process(_STEPS, "fit", str(files[f"healthy-{_MANY}"]), "second")
        fits = {_ROWS: first, _MANY: second}
        for number in range(_ROUNDS):
            for rows, made in fits.items():
                file = files[f"{rows}-{number}"]
                runs[rows].append(in_own_process(_STEPS, "arrive", str(file), made["dataset"]))
            floors.append(in_own_process(_STEPS, "floor", str(file), ""))
        bulk = in_own_process(_STEPS, "anomalies", "", first["dataset"])
        in_own_process(_STEPS, "clean", "", "")
        size = file.stat().st_size / 1e6
    _publish(fits, runs, floors, bulk, size)


def _files(folder: Path) -> dict[str, Path]:
    """Healthy files, and one for each round of each map."""
    wanted = {f"healthy-{rows}": (rows, rows, 0.0) for rows in (_ROWS, _MANY)}
    for number in range(_ROUNDS):
        for place, rows in enumerate((_ROWS, _MANY)):
            wanted[f"{rows}-{number}"] = (_ROWS, 100 + 2 * number + place, _BROKEN)
    made = {}
    for name, (rows, seed, broken) in wanted.items():
        made[name] = folder / f"{name}.csv"
        machines.write(made[name], machines.spectra(rows, COLUMNS, seed, broken=broken))
    return made


# --- The page -------------------------------------------------------------------------------------


def _publish(
    fits: dict[int, dict[str, Any]],
    runs: dict[int, list[dict[str, Any]]],
    floors: list[dict[str, Any]],
    bulk: dict[str, Any],
    size: float,
) -> None:
    every, chosen = runs[_ROWS], runs[_MANY]
    wall = _median(every, "wall")
    parts = [
        f"A file of {_ROWS:,} rows and {COLUMNS:,} features ({size:.0f} MB, six decimals, four"
        f" columns of metadata), of which about {_BROKEN:.0%} depart, of a machine with a map of"
        f" {_ROWS:,} healthy rows, all of which are anchors, or of {_MANY:,}, of which"
        f" {fits[_MANY]['anchors']:,} are (the product's defaults; the maps took"
        f" {fits[_ROWS]['cpu']:.0f} and {fits[_MANY]['cpu']:.0f} CPU s). Three rules: severity at"
        " least high by machine, more than 5 % anomalous of the last 100, drift over the last 200."
        f" {fits[_ROWS]['server']}, private server, durable commits, under row security. Each of"
        f" {_ROUNDS} rounds is a process of its own that has warmed up, as a worker's has; medians."
        " The whole is the sum of its stages; waiting for a worker is not in it. CPU: of all"
        " threads of the process, and of the server's process.",
        _totals(runs, floors),
        _by_stage(every, chosen),
        _came_out(every + chosen),
        "The floor: pyarrow reads the file into a matrix, and COPY (binary, in blocks as ours)"
        " writes that into a plain table without keys; nothing is hashed, stored, checked, placed"
        " or judged.",
        _bulk_sentence(bulk),
    ]
    publish(
        "file_to_alert",
        f"From a file to alerts: {_ROWS:,} rows of {COLUMNS:,} features in {wall:.1f} s,"
        f" {_ROWS / wall:,.0f} rows a second; {_times(every, floors):.1f} times the processor time"
        " of reading and copying the numbers alone",
        *parts,
        packages=("django", "psycopg", "numpy", "numba", "pyarrow"),
    )


def _sum(run: dict[str, Any]) -> Spent:
    total = Spent()
    for spent in run["stages"].values():
        total = total.plus(Spent(*spent))
    return total


def _cpu(spent: Spent) -> float:
    return spent.here + spent.server


def _median(runs: Sequence[dict[str, Any]], what: str) -> float:
    return float(median(getattr(_sum(run), what) for run in runs))


def _totals(runs: dict[int, list[dict[str, Any]]], floors: list[dict[str, Any]]) -> str:
    rows = []
    for name, some in (
        (f"file to alert, {_ROWS:,} anchors", runs[_ROWS]),
        ("file to alert, 2,000 anchors", runs[_MANY]),
        ("floor", floors),
    ):
        sums = [_sum(run) for run in some]
        walls, cpus = [one.wall for one in sums], [_cpu(one) for one in sums]
        lows = [_sum(run) for run in floors]
        times = median(a / b.wall for a, b in zip(walls, lows, strict=True))
        memory = f"{max(run['memory'] for run in some):.0f} MB" if "memory" in some[0] else ""
        rows.append(
            (
                name,
                f"{median(walls):.2f} ({min(walls):.2f} to {max(walls):.2f})",
                f"{median(cpus):.2f} ({min(cpus):.2f} to {max(cpus):.2f})",
                f"{_ROWS / median(walls):,.0f}",
                f"{_ROWS / median(cpus):,.0f}",
                f"{times:.1f} x, {_times(some, floors):.1f} x",
                memory,
            )
        )
    header = ("what", "wall s", "CPU s", "rows/s", "rows per CPU s", "of the floor: wall, CPU",
              "peak above idle")  # fmt: skip
    return table(header, rows)


def _by_stage(every: list[dict[str, Any]], chosen: list[dict[str, Any]]) -> str:
    """Every stage with its share of the processor time."""

    def found(runs: list[dict[str, Any]], stage: str) -> tuple[str, ...]:
        spent = [Spent(*run["stages"].get(stage, Spent())) for run in runs]
        shares = [_cpu(one) / _cpu(_sum(run)) for one, run in zip(spent, runs, strict=True)]
        return (
            f"{median(one.wall for one in spent):.2f}",
            f"{median(one.here for one in spent):.2f} + {median(one.server for one in spent):.2f}",
            f"{median(shares):.0%}",
        )

    rows = [(said, *found(every, name), *found(chosen, name)) for name, said in _STAGES.items()]
    header = (f"stage; {_ROWS:,} anchors, then 2,000", "wall s", "CPU s: here + server", "share",
              "wall s", "CPU s", "share")  # fmt: skip
    return table(header, rows)


def _came_out(runs: list[dict[str, Any]]) -> str:
    anomalous = [run["anomalous"] for run in runs]
    alerts, letters = [run["alerts"] for run in runs], [run["letters"] for run in runs]
    idle = max(run["idle"] for run in runs)
    return (
        f"Found: {_span(anomalous)} anomalies in a file, {_span(alerts)} alerts (these rules end"
        f" with the first healthy sample, so most are short), told in {_span(letters)} letters. The"
        f" process holds {idle:.0f} MB before the file comes."
    )


def _span(counts: Sequence[int]) -> str:
    least, most = min(counts), max(counts)
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def _times(runs: Sequence[dict[str, Any]], floors: Sequence[dict[str, Any]]) -> float:
    """The processor time by that of the floor of the same round."""
    pairs = zip(map(_sum, runs), map(_sum, floors), strict=True)
    return float(median(_cpu(one) / _cpu(other) for one, other in pairs))


def _bulk_sentence(bulk: dict[str, Any]) -> str:
    rounds = [{name: Spent(*one) for name, one in found.items()} for found in bulk["rounds"]]
    whole = [found["insert"].plus(found["commit"]) for found in rounds]
    cpu = median(_cpu(one) for one in whole)
    commit = median(_cpu(found["commit"]) for found in rounds)
    plain = Spent(*bulk["plain"])
    return (
        f"{AT_ONCE:,} anomalies at once, in one transaction with their keys, indexes, row security"
        f" and audit triggers: {median(one.wall for one in whole):.2f} s, {cpu:.2f} CPU s"
        f" ({cpu / AT_ONCE * 1e6:.0f} µs each), {commit:.2f} of them in the commit, where the"
        " audit log looks whether each is covered by its analysis's entry. The server alone copies"
        f" these rows into a plain table in {plain.wall:.2f} s ({_cpu(plain):.2f} CPU s)."
    )


if __name__ == "__main__":
    main()
