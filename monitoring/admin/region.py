"""The healthy region of a map: where its healthy rows lie densely, as closed lines.

The rows are counted in a grid of 96 by 96 cells and blurred (a kernel density with the bandwidth of
D. Scott, "Multivariate Density Estimation", 1992); the region holds 99 % of them. Its border is
found by marching squares (W. Lorensen and H. Cline, 1987, in two dimensions). A map of fewer than
thirty rows has no density to speak of: its region is the convex hull (A. Andrew, 1979).

A few healthy rows may lie very far from all others. The grid is laid over the ``core``, where
nearly all of them are; the rest is outside.

The region is a picture for people. What is anomalous is decided by the score alone.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SHARE: Final = 0.99
FEWEST: Final = 30
_CELLS: Final = 96
_MARGIN: Final = 0.15  # of the width, on each side
_TAIL: Final = 0.005  # of the rows, on each side of each axis

Loop = list[tuple[float, float]]
# An edge of the grid: whether it is upright, its row, its column.
_Edge = tuple[bool, int, int]


def region(points: NDArray[np.floating[Any]]) -> list[Loop]:
    """Closed lines around (n, 2) places; points inside an odd number of them are in the region."""
    usable = _finite(points)
    least, most = core(usable)
    width = most - least
    if len(usable) < FEWEST or not width.min() > 0:
        return [hull(usable)] if len(usable) >= 3 else []
    usable = usable[((usable >= least) & (usable <= most)).all(axis=1)]
    low = least - _MARGIN * width
    cell = width * (1 + 2 * _MARGIN) / (_CELLS - 1)
    density = _density(usable, low, cell)
    at = np.clip(np.rint((usable - low) / cell).astype(int), 0, _CELLS - 1)
    level = float(np.quantile(density[at[:, 1], at[:, 0]], 1 - SHARE))
    return [
        [(low[0] + x * cell[0], low[1] + y * cell[1]) for x, y in loop]
        for loop in _contours(density, max(level, 1e-12))
    ]


def core(points: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The lower left and upper right corner of the box in which nearly all of (n, 2) places lie.

    Half a per cent is cut off on each side; half of the width is added there again, but no more
    than there are places.
    """
    usable = _finite(points)
    if not len(usable):
        return np.zeros(2), np.zeros(2)
    low, high = np.quantile(usable, [_TAIL, 1 - _TAIL], axis=0)
    room = 0.5 * (high - low)
    return np.maximum(low - room, usable.min(axis=0)), np.minimum(high + room, usable.max(axis=0))


def _finite(points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    usable: NDArray[np.float64] = points[np.isfinite(points).all(axis=1)].astype(np.float64)
    return usable


def hull(points: NDArray[np.float64]) -> Loop:
    """The corners of the convex hull of three places or more, counter-clockwise."""
    ordered = sorted({(float(x), float(y)) for x, y in points})
    if len(ordered) < 3:
        return ordered
    corners: Loop = []
    for line in (ordered, ordered[::-1]):
        start = len(corners)
        for point in line:
            while len(corners) >= start + 2 and _turn(corners[-2], corners[-1], point) <= 0:
                corners.pop()
            corners.append(point)
        corners.pop()
    return corners


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _density(
    points: NDArray[np.float64], low: NDArray[np.float64], cell: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(rows, columns) of the blurred counts; nothing at the border, so that lines close."""
    edges = [low[axis] + (np.arange(_CELLS + 1) - 0.5) * cell[axis] for axis in (1, 0)]
    grid: NDArray[np.float64] = np.histogram2d(points[:, 1], points[:, 0], bins=edges)[0]
    scott = len(points) ** (-1 / 6)
    for axis, coordinate in ((0, 1), (1, 0)):
        bandwidth = scott * float(points[:, coordinate].std()) / float(cell[coordinate])
        kernel = _bell(min(max(bandwidth, 1.0), 4.0))
        grid = np.apply_along_axis(np.convolve, axis, grid, kernel, mode="same")
    grid[[0, -1], :] = 0
    grid[:, [0, -1]] = 0
    return grid


def _bell(sigma: float) -> NDArray[np.float64]:
    reach = np.arange(-int(3 * sigma) - 1, int(3 * sigma) + 2)
    bell = np.exp(-np.square(reach) / (2 * sigma**2))
    whole: NDArray[np.float64] = bell / bell.sum()
    return whole


def _contours(grid: NDArray[np.float64], level: float) -> list[Loop]:
    """Closed lines of (column, row) at which the grid crosses the level."""
    inside = grid >= level
    square = inside[:-1, :-1] + 2 * inside[:-1, 1:] + 4 * inside[1:, 1:] + 8 * inside[1:, :-1]
    links: dict[_Edge, list[_Edge]] = {}
    for row, column in zip(*np.nonzero((square > 0) & (square < 15)), strict=True):
        for one, other in _crossings(int(square[row, column]), int(row), int(column)):
            links.setdefault(one, []).append(other)
            links.setdefault(other, []).append(one)
    loops = []
    while links:
        edge, loop = next(iter(links)), []
        while edge in links:
            loop.append(_place(grid, level, edge))
            edge = _step(links, edge)
        if len(loop) > 2:
            loops.append(loop)
    return loops


def _step(links: dict[_Edge, list[_Edge]], edge: _Edge) -> _Edge:
    """The next edge of the line; what was walked is taken away."""
    following = next((one for one in links[edge] if one in links), edge)
    for one in links.pop(edge):
        if edge in links.get(one, ()):
            links[one].remove(edge)
    return following


def _crossings(square: int, row: int, column: int) -> list[tuple[_Edge, _Edge]]:
    """Which edges of a cell a line joins; corners 1, 2, 4, 8 from the first, around."""
    top, bottom = (False, row, column), (False, row + 1, column)
    left, right = (True, row, column), (True, row, column + 1)
    if square in {5, 10}:
        return [(top, left), (right, bottom)] if square == 5 else [(top, right), (left, bottom)]
    cut = [
        edge
        for edge, (one, other) in ((top, (1, 2)), (right, (2, 4)), (bottom, (4, 8)), (left, (8, 1)))
        if bool(square & one) != bool(square & other)
    ]
    return [(cut[0], cut[1])]


def _place(grid: NDArray[np.float64], level: float, edge: _Edge) -> tuple[float, float]:
    upright, row, column = edge
    one = grid[row, column]
    other = grid[row + 1, column] if upright else grid[row, column + 1]
    share = float((level - one) / (other - one)) if other != one else 0.5
    return (column, row + share) if upright else (column + share, row)
