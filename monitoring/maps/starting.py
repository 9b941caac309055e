"""Where the points of a map start."""

import numpy as np
from numpy.typing import NDArray

from monitoring.maps import kernels
from monitoring.maps.parameters import Parameters

Floats = NDArray[np.float32]

_SWEEPS = 100
_SETTLED = 1e-6


def start(table: Floats, parameters: Parameters) -> Floats:
    """(n, 2) first coordinates of (n, d) scaled rows.

    ``kanadaSan``: even in a disc of radius param_mode. ``pca``: the two widest directions, brought
    to a root mean square radius of param_mode. Both are the seed's alone.
    """
    chance = np.random.default_rng(parameters.seed)
    size = parameters.param_mode
    if parameters.mode == "pca":
        shares = widest(table, chance)
        radius = np.sqrt(np.square(shares, dtype=np.float64).sum(axis=1).mean())
        points = shares * (size / radius)
        # Points on one line would feel no force away from it.
        points += chance.normal(scale=1e-3 * size, size=points.shape)
    else:
        radius = size * np.sqrt(chance.random(len(table)))
        angle = 2 * np.pi * chance.random(len(table))
        points = np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=1)
    return np.asarray(points, np.float32)


def widest(table: Floats, chance: np.random.Generator) -> NDArray[np.float64]:
    """(n, 2) shares of rows in their two widest directions, by subspace iteration.

    As in G. Golub and C. Van Loan, Matrix Computations, section 8.2; a start, not a result, so
    100 sweeps are enough where the widths are close. Uses no BLAS, whose bits depend on its
    threads. The larger entries of each direction are made positive.
    """
    centred = table - table.mean(axis=0, dtype=np.float64).astype(np.float32)
    directions = _orthonormal(chance.normal(size=(2, table.shape[1])))
    product = np.empty_like(directions)
    shares = np.empty((len(table), 2), np.float32)
    for _ in range(_SWEEPS):
        kernels.widest_product(centred, directions, product, shares)
        before, directions = directions, _orthonormal(product)
        kept = np.abs((before * directions).sum(axis=1))
        if (1 - kept).max() < _SETTLED:
            break
    strongest = np.abs(directions).argmax(axis=1)
    directions *= np.sign(directions[np.arange(2), strongest])[:, None]
    kernels.widest_product(centred, directions, product, shares)
    return shares.astype(np.float64)


def _orthonormal(pair: NDArray[np.float64]) -> NDArray[np.float64]:
    """The pair by Gram and Schmidt; a direction without length (one feature) becomes zero."""
    out = np.zeros_like(pair)
    first = pair[0] / (np.sqrt(np.square(pair[0]).sum()) or 1.0)
    second = pair[1] - (pair[1] * first).sum() * first
    length = np.sqrt(np.square(second).sum())
    out[0] = first
    if length > 1e-12 * np.sqrt(np.square(pair[1]).sum()):
        out[1] = second / length
    return out
