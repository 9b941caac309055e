"""From distances to what the map should show: normalisation and the similarity function.

With D the Euclidean feature distance, delta = (D - Dmin) / (Dmax - Dmin), Dmin the smallest
positive one, and q = delta^2:

    s(q) = a exp(-q / w1) + (1 - a) (1 - q / w2)

The map's own squared distances go through the same s; the cost is the mean squared difference
over all pairs. Squared distances throughout: no root is needed on the map's side.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.maps.errors import Unusable
from monitoring.maps.features import blocks
from monitoring.maps.parameters import Parameters

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Smallest positive and largest distance of the baseline, and the reach of the local term.

    ``dmin``, ``dmax`` in scaled feature units, ``w1`` in squared normalised distance. Fixed with
    the baseline, never estimated again: new points are measured with the same rule.
    """

    dmin: float
    dmax: float
    w1: float

    @property
    def span(self) -> float:
        """Dmax - Dmin, which normalised distances are measured in."""
        return self.dmax - self.dmin


def roots(squared: Floats) -> None:
    """Distances from squared distances, in place."""
    for block in blocks(len(squared), 256):
        np.sqrt(squared[block], out=squared[block])


def calibrated(distances: Floats, rows: int) -> Calibration:
    """The calibration of the first ``rows`` rows and columns, w1 their mean normalised distance.

    When all positive distances are equal, Dmin is taken as 0. Raises
    Unusable when no two rows differ.
    """
    lowest, highest = np.inf, 0.0
    for block in blocks(rows, 256):
        part = distances[block, :rows]
        highest = max(highest, float(part.max()))
        lowest = min(lowest, float(part.min(initial=np.inf, where=part > 0)))
    if not highest > 0:
        raise Unusable(
            "All rows of the baseline are equal, so there is no distance to draw; "
            "send rows that differ, or choose other feature columns."
        )
    if not lowest < highest:
        lowest = 0.0
    total = 0.0
    for block in blocks(rows, 256):
        part = distances[block, :rows] - np.float32(lowest)
        total += float(np.maximum(part, 0, out=part).sum(axis=1, dtype=np.float64).sum())
    mean = total / (rows * (rows - 1)) / (highest - lowest)
    return Calibration(lowest, highest, mean)


def similarities(
    distances: Floats, calibration: Calibration, parameters: Parameters, out: Floats
) -> None:
    """S = s(delta^2) of (n, n) distances into ``out``, one on the diagonal."""
    local, rest = np.float32(parameters.a), np.float32(1 - parameters.a)
    for block in blocks(len(distances), 256):
        q = distances[block] - np.float32(calibration.dmin)
        q *= np.float32(1 / calibration.span)
        np.maximum(q, 0, out=q)
        q *= q
        part = np.exp(q * np.float32(-1 / calibration.w1), out=out[block])
        part *= local
        q *= np.float32(-1 / parameters.w2)
        q += np.float32(1)
        q *= rest
        part += q
    np.fill_diagonal(out, np.float32(1))


def normalised(distances: Floats, calibration: Calibration) -> None:
    """D / Dmax in place: what the objective stress draws."""
    for block in blocks(len(distances), 256):
        distances[block] *= np.float32(1 / calibration.dmax)
