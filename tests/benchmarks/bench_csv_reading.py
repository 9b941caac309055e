"""A wide and a long CSV file into float64 matrices: our reader, and others that can be had.

Each run has a process of its own: CPU seconds, peak memory. The others are optional installs
(``polars``, ``pyarrow``); NumPy is always there. None of them names the row and column of a cell
that is wrong, which is part of what ours does.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from ingestion.reading import Dialect, Source, check, read
from tests.benchmarks.harness import in_own_process, peak_memory, publish, table

_MODULE: Final = "tests.benchmarks.bench_csv_reading"
_ROUNDS: Final = 3
_META: Final = 2
# Rows, features, and how a number is written: all of its digits, or six behind the point.
_SHAPES: Final = {"wide": (10_000, 1024, "full"), "long": (1_000_000, 12, "short")}
_TIMES: Final = 4  # how much larger the file is whose memory is compared
Answer = tuple[int, float]


def _make(path: Path, rows: int, features: int, digits: str) -> None:
    chance = np.random.default_rng(1)
    with path.open("w", encoding="ascii") as file:
        names = ",".join(f"f_{number}" for number in range(features))
        file.write(f"segID,machine,{names}\n")
        for start in range(0, rows, 1000):
            values = chance.normal(size=(min(1000, rows - start), features))
            for number, row in enumerate(values.tolist(), start):
                cells = map(repr, row) if digits == "full" else (f"{x:.6f}" for x in row)
                file.write(f"{number},press-{number % 7},{','.join(cells)}\n")


# --- Readers: rows, and the sum of all features ---------------------------------------------------


def _source(path: Path) -> Source:
    return Source(path.name, lambda: path.open("rb"), Dialect())


def _ours(path: Path) -> Answer:
    with path.open(encoding="ascii") as file:
        names = file.readline().strip().split(",")
    rows, total = 0, 0.0
    for block in read(
        [_source(path)], end_meta=names[_META - 1], start_dim=names[_META], end_dim=names[-1]
    ):
        rows += len(block.values)
        total += float(block.values.sum())
    return rows, total


def _checked(path: Path) -> Answer:
    """What an upload does: every cell of every column, and SHA-256 left out."""
    return check(_source(path)).rows, 0.0


def _numpy(path: Path) -> Answer:
    with path.open(encoding="ascii") as file:
        columns = range(_META, len(file.readline().split(",")))
        values = np.loadtxt(file, delimiter=",", usecols=columns)
    return len(values), float(values.sum())


def _polars(path: Path) -> Answer:
    import polars  # type: ignore[import-not-found, unused-ignore] # an optional install

    with path.open(encoding="ascii") as file:
        names = file.readline().strip().split(",")
    kinds = dict.fromkeys(names[:_META], polars.String)
    kinds |= dict.fromkeys(names[_META:], polars.Float64)
    frame = polars.read_csv(path, schema_overrides=kinds)
    values = frame.select(names[_META:]).to_numpy(order="c")
    return len(values), float(values.sum())


def _pyarrow(path: Path) -> Answer:
    import pyarrow  # type: ignore[import-not-found, unused-ignore] # an optional install
    from pyarrow import csv  # type: ignore[import-not-found, unused-ignore] # likewise

    with path.open(encoding="ascii") as file:
        names = file.readline().strip().split(",")
    kinds = dict.fromkeys(names[:_META], pyarrow.string())
    kinds |= dict.fromkeys(names[_META:], pyarrow.float64())
    wrong: list[object] = []

    def noted(row: object) -> str:
        wrong.append(row)
        return "skip"

    blocks = csv.open_csv(
        path,
        read_options=csv.ReadOptions(block_size=4 << 20),
        parse_options=csv.ParseOptions(newlines_in_values=True, invalid_row_handler=noted),
        convert_options=csv.ConvertOptions(column_types=kinds, null_values=[]),
    )
    rows, total = 0, 0.0
    for block in blocks:
        values = np.empty((block.num_rows, len(names) - _META))
        for column in range(values.shape[1]):
            values[:, column] = block.column(column + _META).to_numpy()
        rows += len(values)
        total += float(values.sum())
    return rows, total


_READERS: Final[dict[str, Callable[[Path], Answer]]] = {
    "ours": _ours,
    "ours, check of every column": _checked,
    "polars": _polars,
    "pyarrow": _pyarrow,
    "numpy": _numpy,
}


def _one(name: str, path: Path) -> None:
    """One reader in this process: what it took, as JSON."""
    if name.startswith("ours"):  # the loops are compiled before
        check(Source("a.csv", lambda: io.BytesIO(b"a,b\n1,x\n"), Dialect()))
        list(read([Source("a.csv", lambda: io.BytesIO(b"a,b\n1,2\n"), Dialect())],
                  end_meta="", start_dim="a", end_dim="b"))  # fmt: skip
    before = peak_memory()
    wall, cpu = time.perf_counter(), time.process_time()
    rows, total = _READERS[name](path)
    print(
        json.dumps(
            {
                "wall": time.perf_counter() - wall,
                "cpu": time.process_time() - cpu,
                "above": peak_memory() - before,
                "rows": rows,
                "total": total,
            }
        )
    )


def _readers() -> Iterator[str]:
    for name in _READERS:
        if name not in {"polars", "pyarrow"} or find_spec(name):
            yield name


def _measured(path: Path, names: list[str], rounds: int) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            found[name].append(in_own_process(_MODULE, name, str(path)))
    return found


def _rows(kind: str, found: dict[str, list[dict[str, Any]]]) -> Iterator[tuple[str, ...]]:
    size = _SHAPES[kind]
    totals = [runs[0]["total"] for name, runs in found.items() if name != _CHECK]
    assert np.allclose(totals, totals[0])  # they read the same numbers
    for name, runs in found.items():
        assert runs[0]["rows"] == size[0]
        cpu = [run["cpu"] for run in runs]
        yield (
            f"{kind}, {size[0]:,} x {size[1]:,}",
            name,
            f"{median(cpu):.2f} ({min(cpu):.2f} to {max(cpu):.2f})",
            f"{median(run['wall'] for run in runs):.2f}",
            f"{max(run['above'] for run in runs):.0f} MB",
        )


_CHECK: Final = "ours, check of every column"


def main() -> None:
    """Make the files, run every reader on each, then ours on a file four times as long."""
    lines: list[tuple[str, ...]] = []
    with TemporaryDirectory() as folder:
        for kind, (rows, features, digits) in _SHAPES.items():
            path = Path(folder) / f"{kind}.csv"
            _make(path, rows, features, digits)
            found = _measured(path, list(_readers()), _ROUNDS)
            lines += _rows(kind, found)
            if kind == "long":
                once = max(run["above"] for run in found["ours"])
        with path.open("ab") as file:
            body = path.read_bytes().partition(b"\n")[2]
            for _ in range(_TIMES - 1):
                file.write(body)
        more = in_own_process(_MODULE, "ours", str(path))["above"]
    publish(
        "csv_reading",
        f"A million rows are read in {once:.0f} MB, and four million in {more:.0f} MB",
        "CSV files of random numbers, two columns of metadata before the features, into C-ordered"
        f" float64. CPU seconds: median of {_ROUNDS} runs (range); memory: the peak above the"
        " process before it read. Ours uses one thread and checks quotes, widths, encoding and"
        " finiteness; polars and pyarrow use all cores.",
        table(("file", "reader", "CPU s", "wall s", "memory"), lines),
        f"A long file {_TIMES} times as large takes our reader {more:.0f} MB, against {once:.0f} MB"
        f" ({more / once:.2f} times).",
        packages=("numpy", "numba", *(name for name in ("polars", "pyarrow") if find_spec(name))),
    )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        _one(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
