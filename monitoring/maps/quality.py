"""How faithful a map is."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitoring.maps import distances
from monitoring.maps.crew import crew_of
from monitoring.maps.errors import Unusable
from monitoring.maps.similarity import roots

MOST_ROWS: Final = 2_000
NEIGHBOURS: Final = 12


@dataclass(frozen=True, slots=True)
class Quality:
    """Three figures of a map, and of how many rows.

    ``stress``: Kruskal's stress 1 at the best scale, 0 is perfect. ``trustworthiness``: 1 when
    nobody's nearest on the map are strangers, for ``neighbours`` nearest. ``correlation``:
    Spearman's, of all pairs of distances. ``rows`` of ``of`` rows were looked at: a seeded sample
    when there are more than the limit.
    """

    stress: float
    trustworthiness: float
    correlation: float
    neighbours: int
    rows: int
    of: int

    @property
    def sampled(self) -> bool:
        """Whether the figures are those of a sample."""
        return self.rows < self.of


def quality(
    scaled: ArrayLike,
    coordinates: ArrayLike,
    *,
    seed: int = 0,
    most_rows: int = MOST_ROWS,
    threads: int = 1,
) -> Quality:
    """Compare a map (n, 2) with the scaled features (n, d) that it was made of.

    J. Kruskal, "Multidimensional scaling by optimizing goodness of fit" (1964); J. Venna and
    S. Kaski, "Neighborhood preservation in nonlinear projection methods" (2001). Above
    ``most_rows`` rows, all three are taken over that many, chosen by ``seed``.
    """
    features = np.asarray(scaled, np.float32)
    points = np.asarray(coordinates, np.float32)
    of = len(features)
    if of < 3 or len(points) != of:
        raise Unusable(
            f"{of} rows and {len(points)} places were given; quality needs at least 3 rows, "
            "each with a place."
        )
    if of > most_rows:
        chosen = np.sort(np.random.default_rng(seed).permutation(of)[:most_rows])
        features, points = features[chosen], points[chosen]
    rows = len(features)
    ours, theirs = _distances(points, threads), _distances(features, threads)
    neighbours = min(NEIGHBOURS, (rows - 1) // 2)
    upper = np.triu_indices(rows, 1)
    near, far = ours[upper].astype(np.float64), theirs[upper].astype(np.float64)
    return Quality(
        stress=stress(far, near),
        trustworthiness=trustworthiness(theirs, ours, neighbours),
        correlation=spearman(far, near),
        neighbours=neighbours,
        rows=rows,
        of=of,
    )


def stress(true: NDArray[np.float64], drawn: NDArray[np.float64]) -> float:
    """sqrt(sum (D - c d)^2 / sum D^2) with the best c, of two lists of distances."""
    scale = float((true * drawn).sum()) / (float((drawn * drawn).sum()) or 1.0)
    whole = float((true * true).sum())
    return float(np.sqrt(np.square(true - scale * drawn).sum() / whole)) if whole else 0.0


def trustworthiness(
    true: NDArray[np.float32], drawn: NDArray[np.float32], neighbours: int
) -> float:
    """Of (n, n) distances; needs ``neighbours`` below n / 2."""
    rows = len(true)
    penalty = 0
    for row in range(rows):
        order = np.argsort(true[row], kind="stable")
        order = order[order != row]
        rank = np.zeros(rows, np.int64)
        rank[order] = np.arange(1, rows)
        on_map = np.argsort(drawn[row], kind="stable")
        beside = on_map[on_map != row][:neighbours]
        penalty += int(np.maximum(rank[beside] - neighbours, 0).sum())
    most = rows * neighbours * (2 * rows - 3 * neighbours - 1)
    return 1.0 - 2.0 * penalty / most


def spearman(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Rank correlation with ties at their mean rank; 0 when one of them never changes."""
    a, b = _ranks(one), _ranks(other)
    a -= a.mean()
    b -= b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size else 0.0


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts).astype(np.float64)
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2)[inverse]
    return ranks


def _distances(rows: NDArray[np.float32], threads: int) -> NDArray[np.float32]:
    with crew_of(threads) as crew:
        matrix = distances.square_matrix(distances.padded(rows), crew)
    roots(matrix)
    return matrix[: len(rows), : len(rows)]
