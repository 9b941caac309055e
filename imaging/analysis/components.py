"""Connected components by runs: no label image, one pass over the mask.

The figure is 8-connected and the ground 4-connected, the dual pair of digital topology (Rosenfeld
and Pfaltz, 1966), so that holes and figures are consistent: Euler number = figures - holes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Table = NDArray[np.int64]

VALUE, AREA, LEFT, TOP, RIGHT, BOTTOM, TOUCHES, SUM_2X, SUM_Y = range(9)


@njit(nogil=True, cache=True)
def _find(parent: NDArray[np.int32], i: Any) -> Any:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(nogil=True, cache=True)
def _join(parent: NDArray[np.int32], i: int, j: int) -> None:
    a = _find(parent, i)
    b = _find(parent, j)
    if a < b:
        parent[b] = a
    elif b < a:
        parent[a] = b


@njit(nogil=True, cache=True)
def _count_runs(mask: Bytes) -> int:
    rows, columns = mask.shape
    total = rows
    for y in range(rows):
        row = mask[y]
        changes = 0
        for x in range(1, columns):
            changes += row[x] != row[x - 1]
        total += changes
    return int(total)


@njit(nogil=True, cache=True)
def _fill_runs(mask: Bytes, runs: NDArray[np.int32], parent: NDArray[np.int32]) -> None:
    """Write (start, end, y) of every run and join it with the row above."""
    rows, columns = mask.shape
    k = 0
    above = 0
    for y in range(rows):
        here = k
        row = mask[y]
        value = row[0]
        start = 0
        for x in range(1, columns):
            if row[x] != value:
                runs[k, 0] = start
                runs[k, 1] = x
                runs[k, 2] = y
                parent[k] = k
                k += 1
                start = x
                value = row[x]
        runs[k, 0] = start
        runs[k, 1] = columns
        runs[k, 2] = y
        parent[k] = k
        k += 1
        if y > 0:
            _join_rows(runs, parent, above, here, k, mask[y - 1, 0], row[0])
        above = here


@njit(nogil=True, cache=True)
def _join_rows(  # noqa: PLR0917 - numba takes no keyword-only arguments
    runs: NDArray[np.int32],
    parent: NDArray[np.int32],
    above: int,
    here: int,
    end: int,
    value_above: int,
    value_here: int,
) -> None:
    """Walk two rows of alternating runs side by side; where both end together, look diagonally."""
    i = above
    j = here
    while i < here and j < end:
        if value_above == value_here:
            reach = 1 if value_above == 1 else 0
            if runs[i, 0] < runs[j, 1] + reach and runs[j, 0] < runs[i, 1] + reach:
                _join(parent, i, j)
        if runs[i, 1] < runs[j, 1]:
            i += 1
            value_above = 1 - value_above
        elif runs[j, 1] < runs[i, 1]:
            j += 1
            value_here = 1 - value_here
        else:
            if value_above != value_here:
                if value_above == 1 and j + 1 < end:
                    _join(parent, i, j + 1)
                if value_here == 1 and i + 1 < here:
                    _join(parent, i + 1, j)
            i += 1
            j += 1
            value_above = 1 - value_above
            value_here = 1 - value_here


@njit(nogil=True, cache=True)
def _tabulate(mask: Bytes, runs: NDArray[np.int32], parent: NDArray[np.int32]) -> NDArray[np.int64]:
    rows, columns = mask.shape
    count = 0
    for i in range(parent.size):
        count += parent[i] == i
    label = np.empty(parent.size, np.int32)
    table: NDArray[np.int64] = np.zeros((count, 9), np.int64)
    count = 0
    for i in range(parent.size):
        root = _find(parent, i)  # always the member that comes first, hence already numbered
        start = runs[i, 0]
        end = runs[i, 1]
        y = runs[i, 2]
        if root == i:
            label[i] = count
            table[count, 0] = mask[y, start]
            table[count, 2] = columns
            table[count, 3] = y
            count += 1
        else:
            label[i] = label[root]
        entry = table[label[i]]
        length = np.int64(end - start)
        entry[1] += length
        entry[2] = min(entry[2], start)
        entry[4] = max(entry[4], end)
        entry[5] = y + 1
        if y == 0 or y == rows - 1 or start == 0 or end == columns:
            entry[6] = 1
        entry[7] += length * (start + end - 1)
        entry[8] += length * y
    return table


@dataclass(frozen=True, slots=True)
class Components:
    """Components of figure and ground, one row each, in raster order of their first pixel.

    Columns: value, area, left, top, right, bottom (half open), touches the frame, twice the sum of
    x, sum of y.
    """

    figures: Table
    grounds: Table

    @property
    def holes(self) -> Table:
        """Ground components that do not touch the frame."""
        enclosed: Table = self.grounds[self.grounds[:, TOUCHES] == 0]
        return enclosed


def components(mask: Bytes) -> Components:
    """Components of an (h, w) mask of 0 and 1; 16 bytes per run, and few runs per row."""
    count = _count_runs(mask)
    runs = np.empty((count, 3), np.int32)
    parent = np.empty(count, np.int32)
    _fill_runs(mask, runs, parent)
    table = _tabulate(mask, runs, parent)
    return Components(table[table[:, VALUE] == 1], table[table[:, VALUE] == 0])


def largest(table: Table, limit: int) -> Table:
    """The ``limit`` largest rows, largest first, then topmost, then leftmost."""
    order = np.lexsort((table[:, LEFT], table[:, TOP], -table[:, AREA]))
    return table[order[:limit]]
