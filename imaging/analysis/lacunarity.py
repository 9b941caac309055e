"""Gliding-box lacunarity of the ground, and the box-counting dimension of the outline.

Lacunarity after C. Allain and M. Cloitre, "Characterizing the lacunarity of random and
deterministic fractal sets", Phys. Rev. A 44 (1991): L(r) = E[S^2] / E[S]^2, where S is the number
of ground pixels in an r x r box and the mean runs over every position of the box inside the frame.
"""

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


@njit(nogil=True, cache=True)
def box_moments(mask: Bytes, sizes: NDArray[np.int64], first: int, last: int) -> NDArray[np.int64]:
    """Sums of S and S^2 per size over the boxes whose top row lies in first..last.

    One pass: the last max(size) + 1 rows of the integral image are kept in a ring (32 bits are
    enough, since differences are taken modulo 2^32), never the whole of it.
    """
    rows, columns = mask.shape
    deepest = sizes.max()
    ring = np.zeros((deepest + 1, columns + 1), np.uint32)
    strip = np.empty(columns + 1, np.uint32)
    out = np.zeros((sizes.size, 2), np.int64)
    bottom = min(rows, last - 1 + deepest)
    for y in range(first, bottom):
        k = y - first + 1
        previous = ring[(k - 1) % (deepest + 1)]
        current = ring[k % (deepest + 1)]
        run = np.uint32(0)
        row = mask[y]
        for x in range(columns):
            run += np.uint32(1 - row[x])
            current[x + 1] = run
        for x in range(columns + 1):
            current[x] += previous[x] if x > 0 else np.uint32(0)
        current[0] = 0
        for i in range(sizes.size):
            r = sizes[i]
            if k < r or k - r >= last - first or r > columns or r > rows:
                continue
            opposite = ring[(k - r) % (deepest + 1)]
            for x in range(columns + 1):
                strip[x] = current[x] - opposite[x]
            once, twice = _row_moments(strip, r)
            out[i, 0] += once
            out[i, 1] += twice
    return out


@njit(nogil=True, cache=True)
def _row_moments(strip: NDArray[np.uint32], r: int) -> tuple[int, int]:
    positions = strip.size - r
    ahead = strip[r:]
    once = np.uint64(0)
    twice = np.uint64(0)
    for x in range(positions):
        s = np.uint64(np.uint32(ahead[x] - strip[x]))
        once += s
        twice += s * s
    return int(once), int(twice)


def lacunarity(sums: NDArray[np.int64], size: int, rows: int, columns: int) -> float | None:
    """L(r) from the summed moments of one size; None without ground."""
    once, twice = int(sums[0]), int(sums[1])
    if once == 0:
        return None
    return (rows - size + 1) * (columns - size + 1) * twice / (once * once)


@njit(nogil=True, cache=True)
def _halved(cells: Bytes) -> tuple[Bytes, int]:
    """Each 2 x 2 block to 1 if any cell is set; and how many cells are set in the result."""
    rows, columns = cells.shape
    out = np.empty(((rows + 1) // 2, (columns + 1) // 2), np.uint8)
    line = np.zeros(columns + 1, np.uint8)
    count = 0
    for y in range(out.shape[0]):
        upper = cells[2 * y]
        lower = cells[min(2 * y + 1, rows - 1)]
        for x in range(columns):
            line[x] = upper[x] | lower[x]
        target = out[y]
        filled = 0
        for x in range(target.size):
            target[x] = line[2 * x] | line[2 * x + 1]
            filled += target[x]
        count += filled
    return out, count


def outline_box_counts(mask: Bytes) -> list[tuple[int, int]]:
    """(box side, boxes touched by the outline) for sides 1, 2, 4, ... up to a quarter of the frame.

    The outline is every figure pixel with a ground pixel beside it (4-neighbours); the frame does
    not make an outline.
    """
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inner = cv2.erode(mask, cross)
    cells = np.subtract(mask, inner, out=np.asarray(inner)).astype(np.uint8, copy=False)
    counts = [(1, int(cv2.countNonZero(cells)))]
    side = 2
    while side * 4 <= min(mask.shape):
        cells, count = _halved(cells)
        counts.append((side, int(count)))
        side *= 2
    return counts if counts[0][1] else []
