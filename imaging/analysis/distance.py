"""Exact Euclidean distance of every ground pixel to the figure, the frame counted as figure.

Two passes after A. Meijster, J. Roerdink and W. Hesselink, "A general algorithm for computing
distance transforms in linear time" (2000): columns first, then the lower envelope of parabolas
along each row. A row falls apart into runs of ground that cannot influence each other, because a
figure pixel is at distance 0; and no distance map is stored, only how often each squared distance
occurs. All arithmetic is on integers, so results do not depend on how rows are shared between
threads.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


@njit(nogil=True, cache=True)
def fill_columns(mask: Bytes, gaps: NDArray[np.uint16], left: int, right: int) -> int:
    """Distance to the next figure pixel above or below, for columns left..right; the largest one.

    Rows -1 and h count as figure.
    """
    rows = mask.shape[0]
    above = np.zeros(right - left, np.uint16)
    for y in range(rows):
        row = mask[y, left:right]
        out = gaps[y, left:right]
        for x in range(row.size):
            d = np.uint16(above[x] + np.uint16(1)) * np.uint16(1 - row[x])
            above[x] = d
            out[x] = d
    top = np.uint16(0)
    below = np.zeros(right - left, np.uint16)
    for y in range(rows - 1, -1, -1):
        out = gaps[y, left:right]
        for x in range(out.size):
            d = min(out[x], np.uint16(below[x] + np.uint16(1)))
            below[x] = d
            out[x] = d
            top = max(top, d)
    return int(top)


@njit(nogil=True, cache=True)
def scan_rows(
    gaps: NDArray[np.uint16], first: int, last: int, counts: NDArray[np.int32]
) -> tuple[int, int, int]:
    """Count squared distances of ground pixels in rows first..last.

    Returns the largest squared distance with the x and y where it comes first (0, -1, -1 without
    ground). ``counts`` must reach the largest squared gap.
    """
    columns = gaps.shape[1]
    site = np.empty(columns + 2, np.int64)
    height = np.empty(columns + 2, np.int64)
    begin = np.empty(columns + 2, np.int64)
    best = 0
    best_x = -1
    best_y = -1
    for y in range(first, last):
        row = gaps[y]
        x = 0
        while x < columns:
            if row[x] == 0:
                x += 1
                continue
            start = x
            while x < columns and row[x] != 0:
                x += 1
            far, at = _scan_run(row, start, x, site, height, begin, counts)
            if far > best:
                best = far
                best_x = at
                best_y = y
    return best, best_x, best_y


@njit(nogil=True, cache=True)
def _scan_run(  # noqa: PLR0917 - numba takes no keyword-only arguments
    row: NDArray[np.uint16],
    start: int,
    end: int,
    site: NDArray[np.int64],
    height: NDArray[np.int64],
    begin: NDArray[np.int64],
    counts: NDArray[np.int32],
) -> tuple[int, int]:
    """One run of ground: sites start-1 and end are figure, those between have their gaps."""
    q = 0
    site[0] = start - 1
    height[0] = 0
    begin[0] = start
    for u in range(start, end + 1):
        g = np.int64(row[u]) if u < end else np.int64(0)
        g *= g
        while q >= 0:
            t = begin[q]
            if height[q] + (t - site[q]) ** 2 <= g + (t - u) ** 2:
                break
            q -= 1
        if q < 0:
            q = 0
            site[0] = u
            height[0] = g
            begin[0] = start
            continue
        s = site[q]
        # First x at which u is strictly nearer; exact, all values are far below 2**53.
        t = np.int64((u * u - s * s + g - height[q]) / (2.0 * (u - s))) + 1
        if t < end:
            q += 1
            site[q] = u
            height[q] = g
            begin[q] = t
    best = 0
    best_x = start
    stop = end
    for k in range(q, -1, -1):
        s = site[k]
        g = height[k]
        for x in range(stop - 1, begin[k] - 1, -1):
            d = g + (x - s) * (x - s)
            counts[d] += 1
            if d >= best:
                best = d
                best_x = x
        stop = begin[k]
    return best, best_x


@dataclass(frozen=True, slots=True)
class Distances:
    """What the exact distance transform says, in working pixels.

    ``squared`` ascending distinct squared distances of ground pixels, ``counts`` how often each
    occurs; ``x``, ``y`` the first pixel (raster order) at the largest one, -1 without ground.
    """

    squared: NDArray[np.int64]
    counts: NDArray[np.int64]
    x: int
    y: int


def gathered(scans: list[tuple[int, int, int]], counts: list[NDArray[np.int32]]) -> Distances:
    """Distances from the scans of consecutive row bands."""
    total = counts[0].astype(np.int64)
    for other in counts[1:]:
        total += other
    squared = np.flatnonzero(total)
    best, x, y = 0, -1, -1
    for scan in scans:
        if scan[0] > best:
            best, x, y = scan
    return Distances(squared.astype(np.int64), total[squared], int(x), int(y))
