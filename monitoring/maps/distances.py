"""Feature distances, in blocks of fixed shape."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from monitoring.maps import kernels
from monitoring.maps.crew import Crew

Floats = NDArray[np.float32]

# Numbers in one block of distances (32 MB of float32).
_BLOCK_SIZE = 1 << 23


def padded(rows: Floats) -> Floats:
    """The rows with zero rows added up to a multiple of four; C-contiguous, a copy if needed."""
    missing = -len(rows) % 4
    if missing:
        rows = np.concatenate((rows, np.zeros((missing, rows.shape[1]), np.float32)))
    return np.ascontiguousarray(rows)


def block_rows(anchors: int) -> int:
    """How many rows are held against that many anchors at a time; a multiple of four."""
    return max(4, min(1024, _BLOCK_SIZE // max(anchors, 1)) // 4 * 4)


def squares(new: Floats, anchors: Floats, crew: Crew) -> Floats:
    """(m, l) squared distances of `padded` rows from padded anchors, padding included.

    The bits of a pair depend on the two rows alone, not on what stands beside them.
    """
    out = np.empty((len(new), len(anchors)), np.float32)
    crew(
        len(new),
        lambda first, last: kernels.squared_distances(new, anchors, out, first, last, False),
    )
    return out


def square_matrix(rows: Floats, crew: Crew) -> Floats:
    """(n, n) squared distances of `padded` rows from each other, padding included."""
    out = np.empty((len(rows), len(rows)), np.float32)
    crew(
        len(rows),
        lambda first, last: kernels.squared_distances(rows, rows, out, first, last, True),
    )
    crew(len(rows), partial(kernels.mirrored, out))
    return out


def nearest(
    squared: Floats, anchors: int, k: int, crew: Crew, *, rows: int, own: int = -1
) -> tuple[NDArray[np.int32], Floats]:
    """Indices and distances, (rows, k) each, of the nearest of the first ``anchors`` columns.

    ``own``: column of the first row's own entry, which rows leave out; -1 leaves out none.
    """
    indices = np.zeros((rows, k), np.int32)
    distances = np.empty((rows, k), np.float32)
    crew(rows, partial(kernels.nearest, squared, anchors, own, indices, distances))
    return indices, distances
