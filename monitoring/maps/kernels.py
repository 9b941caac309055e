"""The compiled loops: distances, gradients, and the placing of one point.

Each works on rows ``first`` to ``last`` and releases the interpreter lock, so that a few threads
may share the rows. Every row is summed by one thread and in one order, whatever its neighbours:
the bits depend on neither the number of threads nor on which rows came together. Sums may be
reordered for the vector units, but NaN and infinity keep their meaning.

The exponential is written out in each loop as the reciprocal of the 16th power of a Taylor
polynomial of u / 16, since a call would keep the loop from being vectorised; it is within 2e-6 of
exp(-u) everywhere.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_FREE = {"reassoc", "contract", "arcp", "nsz"}
_ZERO, _HALF, _ONE, _TWO = np.float32(0), np.float32(0.5), np.float32(1), np.float32(2)
_C3, _C4, _C5, _C6 = (np.float32(1 / math.factorial(k)) for k in (3, 4, 5, 6))
_SIXTEENTH = np.float32(1 / 16)
_TINY = np.float32(1e-12)
# A point farther from the baseline than this many of its diameters is drawn as if it were there.
_FARTHEST = np.float32(100)
_TILE = 64


@njit(nogil=True, fastmath=_FREE, error_model="numpy", cache=True)
def squared_distances(
    new: Floats, anchors: Floats, out: Floats, first: int, last: int, upper: bool
) -> None:
    """Squared Euclidean distances of rows of ``new`` (m, d) from ``anchors`` (l, d) into ``out``.

    m, l, ``first`` and ``last`` are multiples of four (`padded`). Differences are squared, not
    expanded, so near rows lose no digits. Sixteen pairs share each load; with ``upper`` tiles left
    of the diagonal are left out.
    """
    width = new.shape[1]
    for tile in range(0, anchors.shape[0], _TILE):
        end = min(tile + _TILE, anchors.shape[0])
        for i in range(first, last, 4):
            if upper and end <= i:
                continue
            a0, a1, a2, a3 = new[i], new[i + 1], new[i + 2], new[i + 3]
            for j in range(tile, end, 4):
                b0, b1, b2, b3 = anchors[j], anchors[j + 1], anchors[j + 2], anchors[j + 3]
                s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = _ZERO
                s20 = s21 = s22 = s23 = s30 = s31 = s32 = s33 = _ZERO
                for k in range(width):
                    x0, x1, x2, x3 = a0[k], a1[k], a2[k], a3[k]
                    y0, y1, y2, y3 = b0[k], b1[k], b2[k], b3[k]
                    s00 += (x0 - y0) * (x0 - y0)
                    s01 += (x0 - y1) * (x0 - y1)
                    s02 += (x0 - y2) * (x0 - y2)
                    s03 += (x0 - y3) * (x0 - y3)
                    s10 += (x1 - y0) * (x1 - y0)
                    s11 += (x1 - y1) * (x1 - y1)
                    s12 += (x1 - y2) * (x1 - y2)
                    s13 += (x1 - y3) * (x1 - y3)
                    s20 += (x2 - y0) * (x2 - y0)
                    s21 += (x2 - y1) * (x2 - y1)
                    s22 += (x2 - y2) * (x2 - y2)
                    s23 += (x2 - y3) * (x2 - y3)
                    s30 += (x3 - y0) * (x3 - y0)
                    s31 += (x3 - y1) * (x3 - y1)
                    s32 += (x3 - y2) * (x3 - y2)
                    s33 += (x3 - y3) * (x3 - y3)
                out[i, j], out[i, j + 1], out[i, j + 2], out[i, j + 3] = s00, s01, s02, s03
                i1, i2, i3 = i + 1, i + 2, i + 3
                out[i1, j], out[i1, j + 1], out[i1, j + 2], out[i1, j + 3] = s10, s11, s12, s13
                out[i2, j], out[i2, j + 1], out[i2, j + 2], out[i2, j + 3] = s20, s21, s22, s23
                out[i3, j], out[i3, j + 1], out[i3, j + 2], out[i3, j + 3] = s30, s31, s32, s33


@njit(nogil=True, cache=True)
def mirrored(square: Floats, first: int, last: int) -> None:
    """Copy what lies right of the diagonal to its left, for rows ``first`` to ``last``."""
    for tile in range(0, last, _TILE):
        for i in range(max(first, tile), last):
            for j in range(tile, min(tile + _TILE, i)):
                square[i, j] = square[j, i]


@njit(nogil=True, fastmath=_FREE, error_model="numpy", cache=True)
def similarity_gradient(
    x: Floats,
    y: Floats,
    target: Floats,
    a: np.float32,
    w1: np.float32,
    w2: np.float32,
    gx: Floats,
    gy: Floats,
    cost: Floats,
    first: int,
    last: int,
) -> None:
    """Row sums of (s(q) - S)^2 and of (s(q) - S) s'(q) (y_i - y_j), q the squared map distance.

    ``x``, ``y`` (n,) are the map, ``target`` (n, n) is S with ones on the diagonal, so a point
    adds nothing to its own row.
    """
    b = _ONE - a
    k1, k2, k16 = _ONE / w1, _ONE / w2, _SIXTEENTH / w1
    for i in range(first, last):
        xi, yi, row = x[i], y[i], target[i]
        sx = sy = c = _ZERO
        for j in range(x.size):
            dx = xi - x[j]
            dy = yi - y[j]
            q = dx * dx + dy * dy
            v = q * k16
            p = _ONE + v * (_ONE + v * (_HALF + v * (_C3 + v * (_C4 + v * (_C5 + v * _C6)))))
            p = p * p
            p = p * p
            p = p * p
            p = p * p
            e = a / p
            r = e + b * (_ONE - q * k2) - row[j]
            t = r * (e * k1 + b * k2)
            sx -= t * dx
            sy -= t * dy
            c += r * r
        gx[i], gy[i], cost[i] = sx, sy, c


@njit(nogil=True, fastmath=_FREE, error_model="numpy", cache=True)
def stress_gradient(
    x: Floats,
    y: Floats,
    target: Floats,
    gx: Floats,
    gy: Floats,
    cost: Floats,
    first: int,
    last: int,
) -> None:
    """Row sums of (d - D)^2 and of half its gradient; ``target`` (n, n) holds the distances D."""
    for i in range(first, last):
        xi, yi, row = x[i], y[i], target[i]
        sx = sy = c = _ZERO
        for j in range(x.size):
            dx = xi - x[j]
            dy = yi - y[j]
            d = math.sqrt(dx * dx + dy * dy + _TINY)
            r = d - row[j]
            t = r / d
            sx += t * dx
            sy += t * dy
            c += r * r
        gx[i], gy[i], cost[i] = sx, sy, c


@njit(nogil=True, fastmath=_FREE, error_model="numpy", cache=True)
def nearest(
    squares: Floats,
    count: int,
    own: int,
    indices: NDArray[np.int32],
    distances: Floats,
    first: int,
    last: int,
) -> None:
    """The nearest of the first ``count`` columns of each row, nearest first, ties by column.

    ``indices`` and ``distances`` are (m, k) with k at most ``count``, less one when a row is left
    out: with ``own`` at or above 0, row i leaves out column ``own`` + i. Distances are plain.
    """
    k = indices.shape[1]
    found = np.empty(k, np.float32)
    for i in range(first, last):
        row = squares[i]
        found[:] = np.inf
        skipped = own + i if own >= 0 else -1
        for j in range(count):
            q = row[j]
            if q < found[k - 1] and j != skipped:
                place = k - 1
                while place > 0 and found[place - 1] > q:
                    found[place] = found[place - 1]
                    indices[i, place] = indices[i, place - 1]
                    place -= 1
                found[place] = q
                indices[i, place] = j
        for place in range(k):
            distances[i, place] = math.sqrt(found[place])


@njit(nogil=True, fastmath=_FREE, error_model="numpy", cache=True)
def _similarity_at(
    x: np.float32,
    y: np.float32,
    ax: Floats,
    ay: Floats,
    target: Floats,
    a: np.float32,
    w1: np.float32,
    w2: np.float32,
    found: Floats,
) -> np.float32:
    """Cost at a point; its half gradient (2) and Gauss-Newton matrix (3) go into ``found``."""
    b = _ONE - a
    k1, k2, k16 = _ONE / w1, _ONE / w2, _SIXTEENTH / w1
    g0 = g1 = h00 = h01 = h11 = c = _ZERO
    for j in range(ax.size):
        dx = x - ax[j]
        dy = y - ay[j]
        q = dx * dx + dy * dy
        v = q * k16
        p = _ONE + v * (_ONE + v * (_HALF + v * (_C3 + v * (_C4 + v * (_C5 + v * _C6)))))
        p = p * p
        p = p * p
        p = p * p
        p = p * p
        e = a / p
        r = e + b * (_ONE - q * k2) - target[j]
        s = -_TWO * (e * k1 + b * k2)
        jx = s * dx
        jy = s * dy
        g0 += r * jx
        g1 += r * jy
        h00 += jx * jx
        h01 += jx * jy
        h11 += jy * jy
        c += r * r
    found[0], found[1], found[2], found[3], found[4] = g0, g1, h00, h01, h11
    return c


@njit(nogil=True, fastmath=_FREE, error_model="numpy", cache=True)
def _stress_at(
    x: np.float32, y: np.float32, ax: Floats, ay: Floats, target: Floats, found: Floats
) -> np.float32:
    """The same for the objective stress; ``target`` holds distances."""
    g0 = g1 = h00 = h01 = h11 = c = _ZERO
    for j in range(ax.size):
        dx = x - ax[j]
        dy = y - ay[j]
        d = math.sqrt(dx * dx + dy * dy + _TINY)
        r = d - target[j]
        jx = dx / d
        jy = dy / d
        g0 += r * jx
        g1 += r * jy
        h00 += jx * jx
        h01 += jx * jy
        h11 += jy * jy
        c += r * r
    found[0], found[1], found[2], found[3], found[4] = g0, g1, h00, h01, h11
    return c


@njit(nogil=True, fastmath=_FREE, error_model="numpy", cache=True)
def _targets(
    squares: Floats,
    stress: bool,
    a: np.float32,
    w1: np.float32,
    w2: np.float32,
    low: np.float32,
    span: np.float32,
    out: Floats,
) -> None:
    """What the distances of one point from the anchors should be on the map."""
    b = _ONE - a
    k1, k2, k16 = _ONE / span, _ONE / w2, _SIXTEENTH / w1
    for j in range(out.size):
        d = min(max((math.sqrt(squares[j]) - low) * k1, _ZERO), _FARTHEST)
        q = d * d
        v = q * k16
        p = _ONE + v * (_ONE + v * (_HALF + v * (_C3 + v * (_C4 + v * (_C5 + v * _C6)))))
        p = p * p
        p = p * p
        p = p * p
        p = p * p
        out[j] = d if stress else a / p + b * (_ONE - q * k2)


@njit(nogil=True, fastmath=_FREE, error_model="numpy", cache=True)
def place(
    squares: Floats,
    ax: Floats,
    ay: Floats,
    starts: Floats,
    stress: bool,
    a: np.float32,
    w1: np.float32,
    w2: np.float32,
    low: np.float32,
    span: np.float32,
    tries: int,
    out: Floats,
    residual: Floats,
    first: int,
    last: int,
) -> None:
    """Put each row where the cost against the fixed anchors is least, by Levenberg-Marquardt.

    ``squares`` (m, l or more) are squared feature distances, ``ax``, ``ay`` (l,) the anchors on
    the map, ``starts`` (m, s, 2). The best of the starts goes to ``out`` (m, 2), its mean squared
    error to ``residual`` (m,). After K. Levenberg (1944) and D. Marquardt (1963); one evaluation
    gives cost, gradient and matrix, so an accepted step costs one pass over the anchors.
    """
    target = np.empty(ax.size, np.float32)
    here = np.empty(5, np.float32)
    there = np.empty(5, np.float32)
    for i in range(first, last):
        _targets(squares[i], stress, a, w1, w2, low, span, target)
        best = np.float32(np.inf)
        for start in range(starts.shape[1]):
            x, y = starts[i, start, 0], starts[i, start, 1]
            damping = np.float32(1e-3)
            if stress:
                cost = _stress_at(x, y, ax, ay, target, here)
            else:
                cost = _similarity_at(x, y, ax, ay, target, a, w1, w2, here)
            for _ in range(tries):
                d0 = here[2] * (_ONE + damping) + np.float32(1e-9)
                d1 = here[4] * (_ONE + damping) + np.float32(1e-9)
                determinant = d0 * d1 - here[3] * here[3]
                sx = -(d1 * here[0] - here[3] * here[1]) / determinant
                sy = -(d0 * here[1] - here[3] * here[0]) / determinant
                if stress:
                    next_cost = _stress_at(x + sx, y + sy, ax, ay, target, there)
                else:
                    next_cost = _similarity_at(x + sx, y + sy, ax, ay, target, a, w1, w2, there)
                small = sx * sx + sy * sy < np.float32(1e-12) * (_ONE + x * x + y * y)
                if next_cost < cost:
                    gain = cost - next_cost
                    x, y, cost = x + sx, y + sy, next_cost
                    here, there = there, here
                    damping *= np.float32(0.2)
                    if small or gain < np.float32(1e-6) * cost:
                        break
                else:
                    damping *= np.float32(8)
                    if small or damping > np.float32(1e8):
                        break
            if cost < best:
                best = cost
                out[i, 0], out[i, 1] = x, y
        residual[i] = best / np.float32(ax.size)


@njit(nogil=True, fastmath=_FREE, error_model="numpy", cache=True)
def widest_product(
    table: Floats, directions: NDArray[np.float64], out: NDArray[np.float64], shares: Floats
) -> None:
    """X'(X V) of a centred table (n, d) and V (2, d) into ``out`` (2, d); X V into ``shares``."""
    out[:] = 0.0
    for i in range(table.shape[0]):
        row = table[i]
        s0 = 0.0
        s1 = 0.0
        for k in range(row.size):
            s0 += row[k] * directions[0, k]
            s1 += row[k] * directions[1, k]
        shares[i, 0], shares[i, 1] = s0, s1
        for k in range(row.size):
            out[0, k] += row[k] * s0
            out[1, k] += row[k] * s1
