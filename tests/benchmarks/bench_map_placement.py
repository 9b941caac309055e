"""How fast new rows find their place, and whether their company changes it, beside UMAP.

`feature_sets` says how to have the peer.
"""

import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitoring.maps import Parameters, fit, place
from tests.benchmarks.feature_sets import missing, seconds, spectra
from tests.benchmarks.harness import publish, table

NEEDED = ("sklearn", "umap")
ANCHORS, OURS, THEIRS, COMPANY = 2_000, 20_000, 2_000, 20
ROUNDS = 3

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Found:
    """CPU and wall seconds of the median round, rows, and how far 20 rows moved when alone."""

    rows: int
    cpu: float
    wall: float
    moved: float

    @property
    def rate(self) -> float:
        """Rows per CPU second."""
        return self.rows / self.cpu


def main() -> None:
    """Measure and publish, or say what is missing."""
    sentence = missing(NEEDED)
    if sentence is not None:
        print(sentence)
        return
    table_of = spectra(ANCHORS + OURS)
    anchors, rows = table_of[:ANCHORS], table_of[ANCHORS:]
    found = {
        "ours, similarity": _ours(anchors, rows, Parameters(mode="pca"), threads=1),
        "ours, similarity, 2 threads": _ours(anchors, rows, Parameters(mode="pca"), threads=2),
        "ours, stress": _ours(anchors, rows, Parameters(mode="pca", objective="stress"), threads=1),
        "UMAP.transform": _umap(anchors, rows[:THEIRS]),
    }
    ours, two = found["ours, similarity"], found["ours, similarity, 2 threads"]
    moved = max(one.moved for name, one in found.items() if name.startswith("ours"))
    times = ours.rate / found["UMAP.transform"].rate
    publish(
        "map_placement",
        f"Placing new rows: {times:.0f} times as many as UMAP for the same work, "
        f"and {'not moved' if moved == 0 else f'moved by {moved:.0e}'} by their company",
        f"{ANCHORS:,} healthy rows of 1,024 features, {OURS:,} new ones ({THEIRS:,} for UMAP). "
        f"Median of {ROUNDS} rounds after a warm-up; CPU seconds of all threads, since the "
        "machine is shared. Moved: how far the first "
        f"{COMPANY} rows lie from their places when they come alone, against the width of the "
        "map.",
        _table(found),
        f"On two free cores {two.rate * 2:,.0f} rows a second; "
        f"{two.rows / two.wall:,.0f} in this run, on cores shared with others. One row alone "
        f"takes {_one(anchors, rows) * 1e3:.2f} ms.",
        packages=("numpy", "numba", "scikit-learn", "umap-learn"),
    )


def _measured(rows: Floats, width: float, placed: Callable[[Floats], Floats]) -> Found:
    placed(rows[:COMPANY])
    times = []
    for _ in range(ROUNDS):
        cpu, wall = time.process_time(), time.perf_counter()
        whole = placed(rows)
        times.append((time.process_time() - cpu, time.perf_counter() - wall))
    cpu, wall = sorted(times)[ROUNDS // 2]
    alone = placed(rows[:COMPANY])
    moved = np.linalg.norm(alone - whole[:COMPANY], axis=1).max()
    return Found(len(rows), cpu, wall, float(moved) / width)


def _ours(anchors: Floats, rows: Floats, parameters: Parameters, threads: int) -> Found:
    baseline = fit(anchors, parameters).baseline
    return _measured(
        rows, baseline.width, lambda some: place(some, baseline, threads=threads).coordinates
    )


def _one(anchors: Floats, rows: Floats) -> float:
    """Seconds for one row by itself, the median of 50."""
    baseline = fit(anchors, Parameters(mode="pca")).baseline
    times = []
    for row in range(50):
        begin = time.perf_counter()
        place(rows[row : row + 1], baseline)
        times.append(time.perf_counter() - begin)
    return float(np.median(times))


def _umap(anchors: Floats, rows: Floats) -> Found:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # UMAP's own, about its one thread under a seed
        import umap

        made: Any = umap.UMAP(random_state=0).fit(anchors)
        width = float(np.ptp(made.embedding_, axis=0).max())
        return _measured(rows, width, lambda some: np.asarray(made.transform(some)))


def _table(found: dict[str, Found]) -> str:
    base = found["UMAP.transform"].rate
    rows = [
        (
            name,
            f"{one.rows:,}",
            seconds(one.cpu),
            f"{one.rate:,.0f}",
            f"{one.rate / base:.1f} x",
            f"{one.moved:.1e}",
        )
        for name, one in found.items()
    ]
    header = ("method", "rows", "CPU s", "rows per CPU s", "against UMAP", "moved")
    return table(header, rows)


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
