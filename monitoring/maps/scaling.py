"""Bringing features to one scale, by what the baseline alone says about them."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring.maps.errors import Unusable
from monitoring.maps.features import Table, blocks

# Scaled features beyond this are cut off, so that squared distances stay inside float32.
FARTHEST: Final = np.float64(1e15)
# Interquartile range of the normal distribution in standard deviations.
_QUARTILES: Final = 1.3489795003921634


@dataclass(frozen=True, slots=True)
class Scaling:
    """(x - centre) / scale, a figure of each per feature.

    ``centre``, ``scale``: (d,) float64 in the features' own units. ``constant``: (d,) bool, the
    features that never change in the baseline; their scale is 1, so a change of 1 unit counts 1.
    """

    kind: str
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    constant: NDArray[np.bool_]

    def applied(self, table: Table) -> NDArray[np.float32]:
        """(n, d) float32, C-contiguous, cut off at 1e15; made in blocks."""
        out = np.empty(table.shape, np.float32)
        for block in blocks(len(table)):
            with np.errstate(over="ignore"):
                part = (table[block] - self.centre) / self.scale
            out[block] = np.clip(part, -FARTHEST, FARTHEST, out=part)
        return out


def fitted(table: Table, kind: str) -> Scaling:
    """The scaling of a baseline of (n, d) checked features.

    ``none`` only takes the mean away (no distance changes), ``zscore`` divides by the standard
    deviation, ``robust`` takes median and quartile range over 1.349; a feature whose quartiles
    are equal though it changes takes its standard deviation. Raises Unusable for other words.
    """
    centre, deviation = _moments(table)
    resolution = np.finfo(table.dtype).eps * 8
    constant = deviation <= resolution * np.maximum(np.abs(centre), 1e-300)
    if kind == "none":
        scale = np.ones_like(deviation)
    elif kind == "zscore":
        scale = deviation.copy()
    elif kind == "robust":
        centre, scale = _quartiles(table)
        scale = np.where(scale > 0, scale, deviation)
    else:
        raise Unusable(f"feature_scaling is {kind!r}; it must be none, zscore or robust.")
    scale[constant] = 1.0
    return Scaling(kind, centre, scale, constant)


def _moments(table: Table) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation (divided by n) per column, in two passes over blocks."""
    rows = len(table)
    total = np.zeros(table.shape[1])
    for block in blocks(rows):
        # In one memory order, whatever the caller's: sums must not depend on it.
        total += np.ascontiguousarray(table[block]).sum(axis=0, dtype=np.float64)
    mean = total / rows
    squares = np.zeros_like(mean)
    for block in blocks(rows):
        squares += np.square(np.ascontiguousarray(table[block]) - mean).sum(axis=0)
    return mean, np.sqrt(squares / rows)


def _quartiles(table: Table) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Median and quartile range in normal standard deviations per column."""
    found = [
        np.quantile(table[:, columns].astype(np.float64), (0.25, 0.5, 0.75), axis=0)
        for columns in blocks(table.shape[1], 64)
    ]
    low, middle, high = np.concatenate(found, axis=1)
    return middle, (high - low) / _QUARTILES
