"""What a map costs and how faithful it is, beside scikit-learn's multidimensional scaling.

`feature_sets` says how to have the peer. Its run on 10,000 rows takes some minutes.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitoring.maps import Fit, Parameters, fit, quality
from tests.benchmarks.feature_sets import digits, missing, seconds, spectra
from tests.benchmarks.harness import in_own_process, peak_memory, publish, table

MODULE = "tests.benchmarks.bench_map_fit"
NEEDED = ("sklearn",)
ROWS_COMPARED = 4_000
STRESS = Parameters(objective="stress", feature_scaling="none", mode="pca")
OURS = {
    "stress": STRESS,
    "similarity": Parameters(feature_scaling="none", mode="pca"),
    "similarity, from the disc": Parameters(feature_scaling="none"),
    "similarity, annealed": Parameters(feature_scaling="none", mode="pca", which_w1="anneal"),
}
PEERS = {"MDS, classical start": "classical_mds", "MDS, random start": "random"}
SETS: dict[str, Callable[[], NDArray[np.floating[Any]]]] = {
    "digits, 1,797 x 64": lambda: digits()[0],
    "spectra, 10,000 x 1,024": lambda: spectra(10_000),
    "spectra, 100,000 x 1,024": lambda: spectra(100_000),
}


def main() -> None:
    """Measure and publish, or say what is missing; with two arguments, measure one method."""
    sentence = missing(NEEDED)
    if sentence is not None:
        print(sentence)
        return
    if len(sys.argv) == 3:
        print(json.dumps(_measured(sys.argv[1], sys.argv[2])))
        return
    # One thread each, so that CPU seconds can be compared.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = "1"
    small, middle, large = SETS
    found = {
        small: _all(small, [*PEERS, *OURS]),
        middle: _all(middle, ["MDS, classical start", *OURS]),
        large: _all(large, ["stress", "similarity"]),
    }
    peer, ours = found[middle]["MDS, classical start"], found[middle]["stress"]
    publish(
        "map_fit",
        f"Fitting a map: {peer['cpu'] / ours['cpu']:.0f} times less work than scikit-learn's MDS "
        f"at {ours['stress'] / peer['stress']:.4f} times its stress",
        "CPU seconds of one thread, each method in a process of its own, after a warm-up that "
        "compiles. MDS is `sklearn.manifold.MDS(n_init=1, max_iter=300)`, run to its own end; the "
        "classical start is included in its time. Stress is Kruskal's at the best scale, T the "
        "trustworthiness of 12 neighbours, rho Spearman's correlation of distances, all three "
        f"over at most {ROWS_COMPARED:,} seeded rows. Memory is the peak of the process, the rows "
        "themselves and the imported packages with it. Spectra are semi-synthetic: scanned digits "
        "mixed within their kind and spread to 1,024 features with noise.",
        *(part for name in found for part in (f"## {name}", _table(found[name]))),
        "Up to 10,000 rows all pairs are drawn; of 100,000 rows 2,000 are fitted and the others "
        "placed.",
        packages=("numpy", "numba", "scikit-learn"),
    )


def _all(name: str, methods: list[str]) -> dict[str, dict[str, Any]]:
    return {method: in_own_process(MODULE, name, method) for method in methods}


def _measured(name: str, method: str) -> dict[str, Any]:
    """CPU seconds, steps, quality and memory of one method on one set."""
    rows = np.ascontiguousarray(SETS[name](), np.float32)
    points, steps, cpu = _peer(rows, method) if method in PEERS else _ours(rows, method)
    memory = peak_memory()
    found = quality(rows, points, most_rows=ROWS_COMPARED)
    return {
        "cpu": cpu,
        "steps": steps,
        "stress": found.stress,
        "trustworthiness": found.trustworthiness,
        "correlation": found.correlation,
        "memory": memory,
    }


def _ours(rows: NDArray[np.float32], method: str) -> tuple[NDArray[np.float32], int, float]:
    parameters = OURS[method]
    fit(rows[:300], parameters)
    begin = time.process_time()
    found: Fit = fit(rows, parameters)
    return found.coordinates, found.iterations, time.process_time() - begin


def _peer(rows: NDArray[np.float32], method: str) -> tuple[NDArray[np.float32], int, float]:
    from sklearn.manifold import MDS

    def mds() -> Any:
        return MDS(
            n_components=2, init=PEERS[method], n_init=1, max_iter=300, random_state=0, n_jobs=1
        )

    mds().fit_transform(rows[:100].astype(np.float64))
    begin = time.process_time()
    made = mds()
    points = made.fit_transform(rows.astype(np.float64))
    return points.astype(np.float32), int(made.n_iter_), time.process_time() - begin


def _table(found: dict[str, dict[str, Any]]) -> str:
    header = ("method", "CPU s", "steps", "stress", "T", "rho", "peak MB")
    rows = [
        (
            name,
            seconds(one["cpu"]),
            one["steps"],
            f"{one['stress']:.5f}",
            f"{one['trustworthiness']:.4f}",
            f"{one['correlation']:.4f}",
            f"{one['memory']:.0f}",
        )
        for name, one in found.items()
    ]
    return table(header, rows)


if __name__ == "__main__":
    main()
