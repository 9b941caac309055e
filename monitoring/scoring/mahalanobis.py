"""Mahalanobis distances, with a covariance that also few rows can give."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring.maps.errors import Unusable
from monitoring.maps.features import blocks

# Added to the variances of the map's two axes, as the original has it.
RIDGE: Final = 1e-6
# Smaller variances than this share of the largest are rounding.
_LEAST_SHARE: Final = 1e-12

Rows = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Spread:
    """Centre (d,) and whitening matrix (d, d) of healthy rows; distance is |(x - centre) W|."""

    centre: NDArray[np.float64]
    whitening: NDArray[np.float64]

    def distances(self, rows: Rows) -> NDArray[np.float64]:
        """(m,) Mahalanobis distances of (m, d) rows; in blocks."""
        out = np.empty(len(rows))
        for block in blocks(len(rows)):
            part = (rows[block] - self.centre) @ self.whitening
            out[block] = np.sqrt(np.square(part).sum(axis=1))
        return out


@dataclass(frozen=True, slots=True)
class Covariance:
    """Mean (d,) and covariance (d, d) of n rows, and what is added so that it has an inverse.

    The covariance in use is (1 - ``shrinkage``) ``sample`` + ``added`` I.
    """

    mean: NDArray[np.float64]
    sample: NDArray[np.float64]
    shrinkage: float
    added: float
    rows: int

    def spread(self) -> Spread:
        """What distances of other rows are measured with."""
        return Spread(self.mean, self._whitening((1 - self.shrinkage) * self.sample))

    def left_out(self, rows: Rows) -> NDArray[np.float64]:
        """The distance of each of the n rows with that row itself left out of mean and sample.

        With ``shrinkage`` and ``added`` held, leaving row i out takes a rank of one away, so that
        J. Sherman and W. Morrison's formula (1950) gives every distance from one inverse: with
        c = x - mean, k = n / (n - 1), A = (1 - shrinkage) k S + added I, g = c' A^-1 c and
        beta = (1 - shrinkage) k / (n - 1), the squared distance is k^2 g / (1 - beta g).
        """
        factor = self.rows / (self.rows - 1)
        share = (1 - self.shrinkage) * factor
        whitening = self._whitening(share * self.sample)
        g = np.square(Spread(self.mean, whitening).distances(rows))
        left = 1 - share / (self.rows - 1) * g
        # A row that alone spans a direction leaves nothing behind to measure it by.
        out: NDArray[np.float64] = factor * np.sqrt(g / np.maximum(left, 1e-12))
        return out

    def _whitening(self, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
        values, vectors = np.linalg.eigh(scaled)
        variances = np.maximum(values, 0) + self.added
        variances = np.maximum(variances, _LEAST_SHARE * variances.max())
        if not variances.max() > 0:
            raise Unusable("The healthy rows do not vary, so no Mahalanobis distance exists.")
        whitening: NDArray[np.float64] = vectors / np.sqrt(variances)
        return whitening


def ledoit_wolf(rows: Rows) -> Covariance:
    """The covariance of (n, d) rows drawn towards its mean variance.

    O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional covariance
    matrices", J. Multivariate Analysis 88 (2004), lemma 3.2 to 3.5; covariance divided by n.
    """
    mean, sample = _moments(rows)
    count, width = rows.shape
    middle = float(np.trace(sample)) / width
    squares = float(np.square(sample).sum())
    apart = squares / width - middle**2
    fourth = 0.0
    for block in blocks(count):
        lengths = np.square(rows[block] - mean).sum(axis=1)
        fourth += float(np.square(lengths).sum())
    noise = (fourth / count - squares) / (count * width)
    shrinkage = 1.0 if apart <= 0 else min(max(noise, 0.0) / apart, 1.0)
    return Covariance(mean, sample, shrinkage, shrinkage * middle, count)


def ridged(rows: Rows) -> Covariance:
    """The plain covariance of (n, 2) places on a map, with 1e-6 added to its diagonal."""
    mean, sample = _moments(rows)
    return Covariance(mean, sample, 0.0, RIDGE, len(rows))


def _moments(rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if len(rows) < 2:
        raise Unusable("A covariance needs at least two rows; send more healthy rows.")
    mean = np.zeros(rows.shape[1])
    for block in blocks(len(rows)):
        mean += rows[block].sum(axis=0, dtype=np.float64)
    mean /= len(rows)
    sample = np.zeros((rows.shape[1], rows.shape[1]))
    for block in blocks(len(rows)):
        apart = rows[block] - mean
        sample += apart.T @ apart
    return mean, sample / len(rows)
