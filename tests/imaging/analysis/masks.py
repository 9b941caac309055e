"""Random masks of many kinds, and a way to analyse a bare mask."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.analysis.figures import Json, Scale, measure
from imaging.analysis.parameters import Parameters
from imaging.analysis.team import team_of

Bytes = NDArray[np.uint8]


def random_mask(seed: int) -> Bytes:
    """Noise, smooth blobs, stripes or a single row or column; sides 1 to 120."""
    rng = np.random.default_rng(seed)
    rows, columns = (int(n) for n in rng.integers(2, 120, 2))
    if seed % 10 == 8:
        rows = int(rng.integers(1, 4))
    if seed % 10 == 9:
        columns = int(rng.integers(1, 4))
    field = rng.random((rows, columns))
    if seed % 3:
        field = ndimage.gaussian_filter(field, float(rng.uniform(0.5, 4)))
    return (field > np.quantile(field, rng.uniform(0.02, 0.98))).astype(np.uint8)


def figures_of(mask: Bytes, *, threads: int = 1, factor: int = 1) -> Json:
    """negative_space_data of a bare mask."""
    rows, columns = mask.shape
    scale = Scale(mask, columns * factor, rows * factor, factor)
    with team_of(threads) as team:
        return measure(np.ascontiguousarray(mask), scale, Parameters(), team)
