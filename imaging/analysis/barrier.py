"""Minimum barrier distance to the frame, by raster sweeps.

The barrier of a path is the largest minus the smallest value on it; the distance of a pixel is the
smallest barrier of any path to a seed. Small inside whatever looks like the frame, large inside
what must be entered by crossing an edge. Approximated as in J. Zhang et al., "Minimum Barrier
Salient Object Detection at 80 FPS", ICCV 2015: alternating raster sweeps that carry the largest
and smallest value of the best path found so far. Only these two are kept, as bytes; the distance is
their difference, and an unreached pixel is (255, 0).
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


@njit(nogil=True, cache=True)
def _from_row_above(
    values: Bytes, above_high: Bytes, above_low: Bytes, high: Bytes, low: Bytes
) -> None:
    # No dependence between columns: the compiler turns this loop into vector instructions.
    for x in range(values.size):
        h = max(above_high[x], values[x])
        w = min(above_low[x], values[x])
        better = np.uint8(h - w) < np.uint8(high[x] - low[x])
        high[x] = h if better else high[x]
        low[x] = w if better else low[x]


@njit(nogil=True, cache=True)
def _sweep(channel: Bytes, high: Bytes, low: Bytes, forward: bool) -> None:
    """One raster sweep; every row takes from the row before, then along itself."""
    rows, columns = channel.shape
    for step in range(rows):
        y = step if forward else rows - 1 - step
        v = channel[y]
        u = high[y]
        o = low[y]
        if step > 0:
            before = y - 1 if forward else y + 1
            _from_row_above(v, high[before], low[before], u, o)
        if forward:
            h = u[0]
            w = o[0]
            for x in range(1, columns):
                new_h = max(h, v[x])
                new_w = min(w, v[x])
                if new_h - new_w < u[x] - o[x]:
                    h = new_h
                    w = new_w
                    u[x] = h
                    o[x] = w
                else:
                    h = u[x]
                    w = o[x]
        else:
            h = u[columns - 1]
            w = o[columns - 1]
            for x in range(columns - 2, -1, -1):
                new_h = max(h, v[x])
                new_w = min(w, v[x])
                if new_h - new_w < u[x] - o[x]:
                    h = new_h
                    w = new_w
                    u[x] = h
                    o[x] = w
                else:
                    h = u[x]
                    w = o[x]


def barrier_distance(channel: Bytes, seeds: NDArray[np.bool_], sweeps: int) -> Bytes:
    """Barrier distance 0..255 of an (h, w) channel.

    ``seeds`` (h, w) marks where paths may end. Deterministic; touches 3 bytes per pixel and
    releases the interpreter lock.
    """
    high = np.where(seeds, channel, np.uint8(255))
    low = np.where(seeds, channel, np.uint8(0))
    for sweep in range(sweeps):
        _sweep(channel, high, low, sweep % 2 == 0)
    return np.subtract(high, low, out=high)


@njit(nogil=True, cache=True)
def summed(a: Bytes, b: Bytes, c: Bytes) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """Sum of three (h, w) channels as uint16 and its histogram over 0..765."""
    rows, columns = a.shape
    total = np.empty((rows, columns), np.uint16)
    counts = np.zeros((4, 766), np.int64)
    for y in range(rows):
        for x in range(columns):
            total[y, x] = np.uint16(a[y, x]) + np.uint16(b[y, x]) + np.uint16(c[y, x])
        # Four tables, so that equal neighbours do not wait for each other's increment.
        for x in range(columns):
            counts[x & 3, total[y, x]] += 1
    return total, counts.sum(axis=0)


@njit(nogil=True, cache=True)
def cell_sums(mask: Bytes, lab: Bytes, step: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Sums of ``lab`` and pixel counts in cells of ``step`` x ``step`` that are ground throughout.

    Cells of four pixels and more are sampled at every second row and column. The shapes are
    (ceil(h / step), ceil(w / step), 3) and the same without the 3; cells with any figure are zero.
    """
    rows, columns = mask.shape
    down = (rows + step - 1) // step
    across = (columns + step - 1) // step
    sums = np.zeros((down, across, 3), np.int32)
    counts = np.zeros((down, across), np.int32)
    stride = 2 if step >= 4 else 1
    for j in range(down):
        for i in range(across):
            n = 0
            a = 0
            b = 0
            c = 0
            pure = True
            for y in range(j * step, min(rows, (j + 1) * step), stride):
                for x in range(i * step, min(columns, (i + 1) * step), stride):
                    if mask[y, x] != 0:
                        pure = False
                        break
                    n += 1
                    a += lab[y, x, 0]
                    b += lab[y, x, 1]
                    c += lab[y, x, 2]
                if not pure:
                    break
            if pure:
                counts[j, i] = n
                sums[j, i, 0] = a
                sums[j, i, 1] = b
                sums[j, i, 2] = c
    return sums, counts


@njit(nogil=True, cache=True)
def resembling(mask: Bytes, lab: Bytes, nearby: Bytes, limit: float, step: int) -> Bytes:
    """1 where a figure pixel of ``mask`` differs from its cell of ``nearby`` by ``limit`` or less.

    The difference is the sum over the three channels; cells are ``step`` pixels wide and high.
    """
    rows, columns = mask.shape
    out = np.zeros((rows, columns), np.uint8)
    for y in range(rows):
        j = y // step
        for x in range(columns):
            if mask[y, x] != 0:
                i = x // step
                difference = np.int32(0)
                for c in range(3):
                    difference += abs(np.int32(lab[y, x, c]) - np.int32(nearby[j, i, c]))
                out[y, x] = difference <= limit
    return out
