"""Largest axis-parallel rectangle of ground."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


@njit(nogil=True, cache=True)
def largest_rectangle(mask: Bytes) -> tuple[int, int, int, int]:
    """(x, y, width, height) of the largest rectangle of zeros in an (h, w) mask; zeros if none.

    The classic stack over a histogram of ground heights, O(h w) time and O(w) memory. A run of
    ground is only examined in the last row before something below it ends it, and only when its
    width times its tallest column could beat the best so far; both cuts keep the result exact. Of
    equal rectangles the one met first counts: lowest edge highest, then by the stack's order.
    """
    rows, columns = mask.shape
    tall = np.zeros(columns + 1, np.int32)
    stack = np.empty(columns + 1, np.int32)
    best = 0
    found = (0, 0, 0, 0)
    for y in range(rows):
        row = mask[y]
        for x in range(columns):
            tall[x] = (tall[x] + 1) * (1 - row[x])
        below = mask[y + 1] if y + 1 < rows else mask[y]
        last = y + 1 == rows
        x = 0
        while x < columns:
            if row[x] != 0:
                x += 1
                continue
            start = x
            highest = 0
            ended = 0
            while x < columns and row[x] == 0:
                highest = max(highest, tall[x])
                ended |= below[x]
                x += 1
            if (ended != 0 or last) and int(highest) * (x - start) > best:
                area, left, width, height = _largest_in_run(tall, start, x, stack, best)
                if area > best:
                    best = area
                    found = (left, y - height + 1, width, height)
    return found


@njit(nogil=True, cache=True)
def _largest_in_run(
    tall: NDArray[np.int32], start: int, end: int, stack: NDArray[np.int32], best: int
) -> tuple[int, int, int, int]:
    found_left = 0
    found_width = 0
    found_height = 0
    top = 0
    for x in range(start, end + 1):
        current = tall[x] if x < end else 0
        while top > 0 and tall[stack[top - 1]] > current:
            top -= 1
            height = tall[stack[top]]
            left = stack[top - 1] + 1 if top > 0 else start
            area = int(height) * (x - left)
            if area > best:
                best = area
                found_left = left
                found_width = x - left
                found_height = height
        stack[top] = x
        top += 1
    return best, found_left, found_width, found_height
