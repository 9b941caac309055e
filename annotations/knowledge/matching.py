"""Which box of one set is which of another: greedy by overlap, in one image and with one label.

Boxes are arrays of shape (n, 4): left, top, right, bottom, in any one unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

# From this overlap on two boxes are the same thing (PASCAL VOC; Everingham et al., Int. J. Comput.
# Vis. 88 (2010) 303, section 4.2).
SAME: Final = 0.5
# Pairs that are held at once: they take about 60 MB at the most.
MOST_PAIRS: Final = 500_000

Numbers = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes of many images.

    ``images``  the number of each box's image, shape (n,)
    ``labels``  the number of its label, shape (n,)
    ``edges``   left, top, right, bottom, shape (n, 4)
    """

    images: Indices
    labels: Indices
    edges: Numbers

    def __post_init__(self) -> None:
        count = len(self.images)
        if self.labels.shape != (count,) or self.edges.shape != (count, 4):
            raise ValueError(
                f"{count} images, {self.labels.shape[0]} labels and edges of shape"
                f" {self.edges.shape} are not the same boxes."
            )

    def __len__(self) -> int:
        return len(self.images)

    def only(self, chosen: NDArray[np.bool_] | Indices) -> Boxes:
        """Some of them."""
        return Boxes(self.images[chosen], self.labels[chosen], self.edges[chosen])


@dataclass(frozen=True, slots=True)
class Matches:
    """Pairs of positions, ascending by the first; no position stands twice on its side."""

    first: Indices
    second: Indices
    overlap: Numbers

    def __len__(self) -> int:
        return len(self.first)


def overlaps(first: Numbers, second: Numbers) -> Numbers:
    """Intersection over union of each box with its partner, shapes (n, 4); (n,) from 0 to 1."""
    sides = np.minimum(first[:, 2:], second[:, 2:]) - np.maximum(first[:, :2], second[:, :2])
    shared = np.prod(np.maximum(sides, 0), axis=1)
    union = _area(first) + _area(second) - shared
    found: Numbers = np.divide(shared, union, out=np.zeros(len(shared)), where=union > 0)
    return found


def match(first: Boxes, second: Boxes, *, least: float = SAME) -> Matches:
    """Pair boxes of the same image and label, the largest overlap first, down to ``least``.

    Of equal overlaps the pair that stands first in ``first``, then in ``second``, wins: the same
    arrays give the same pairs. Greedy by overlap finds at least half as many pairs as are possible.
    """
    parts = [_greedy(i, j, first, second, least) for i, j in _pairs(first, second)]
    if not parts:
        empty = np.empty(0, dtype=np.int64)
        return Matches(empty, empty, np.empty(0))
    one = np.concatenate([part.first for part in parts])
    other = np.concatenate([part.second for part in parts])
    overlap = np.concatenate([part.overlap for part in parts])
    order = np.argsort(one, kind="stable")
    return Matches(one[order], other[order], overlap[order])


def distinct(boxes: Boxes, *, least: float = SAME) -> NDArray[np.bool_]:
    """Which boxes to keep so that each thing stands once: a mask of shape (n,).

    A box goes when one before it that stays has its label and overlaps it by ``least`` or more:
    where two providers marked one bird and both were approved, it is one bird.
    """
    keep = np.ones(len(boxes), dtype=np.bool_)
    for i, j in _pairs(boxes, boxes):
        near = (i < j) & (overlaps(boxes.edges[i], boxes.edges[j]) >= least)
        _drop_later(keep, i[near], j[near])
    return keep


def _drop_later(keep: NDArray[np.bool_], earlier: Indices, later: Indices) -> None:
    """Go by the later box: what it is compared with has been judged by then."""
    order = np.lexsort((earlier, later))
    for before, after in zip(earlier[order].tolist(), later[order].tolist(), strict=True):
        if keep[before]:
            keep[after] = False


def _greedy(i: Indices, j: Indices, first: Boxes, second: Boxes, least: float) -> Matches:
    overlap = overlaps(first.edges[i], second.edges[j])
    near = overlap >= least
    i, j, overlap = i[near], j[near], overlap[near]
    order = np.lexsort((j, i, -overlap))
    i, j, overlap = i[order], j[order], overlap[order]
    chosen: list[tuple[Indices, Indices, Numbers]] = []
    # A pair that comes first for both its boxes is one that going down the list would take.
    while len(i):
        best = _comes_first(i) & _comes_first(j)
        chosen.append((i[best], j[best], overlap[best]))
        left = ~np.isin(i, i[best]) & ~np.isin(j, j[best])
        i, j, overlap = i[left], j[left], overlap[left]
    if not chosen:
        return Matches(i, j, overlap)
    one, other, how_much = zip(*chosen, strict=True)
    return Matches(np.concatenate(one), np.concatenate(other), np.concatenate(how_much))


def _comes_first(values: Indices) -> NDArray[np.bool_]:
    mask = np.zeros(len(values), dtype=np.bool_)
    mask[np.unique(values, return_index=True)[1]] = True
    return mask


def _pairs(first: Boxes, second: Boxes) -> Iterator[tuple[Indices, Indices]]:
    """Every pair of one image and label, as positions; whole images and labels at a time."""
    keys = _keys(first, second)
    order_1, order_2 = (np.argsort(part, kind="stable") for part in keys)
    common = np.intersect1d(*keys)
    bounds = [
        np.searchsorted(part[order], common, side=side)
        for part, order in zip(keys, (order_1, order_2), strict=True)
        for side in ("left", "right")
    ]
    start_1, end_1, start_2, end_2 = bounds
    for part in _portions((end_1 - start_1) * (end_2 - start_2)):
        rows, columns = end_1[part] - start_1[part], end_2[part] - start_2[part]
        # Each row of the first side beside every column of the second one.
        beside = np.repeat(columns, rows)
        i = np.repeat(start_1[part], rows) + _count_up(rows)
        j = np.repeat(np.repeat(start_2[part], rows), beside) + _count_up(beside)
        yield order_1[np.repeat(i, beside)], order_2[j]


def _count_up(lengths: Indices) -> Indices:
    """0 to length - 1 for each length, one after the other."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)


def _portions(sizes: Indices) -> Iterator[slice]:
    """Neighbouring entries whose sizes add up to no more than MOST_PAIRS, or single larger ones."""
    total = np.cumsum(sizes)
    start = 0
    while start < len(sizes):
        done = total[start - 1] if start else 0
        end = max(start + 1, int(np.searchsorted(total, done + MOST_PAIRS, side="right")))
        yield slice(start, end)
        start = end


def _keys(first: Boxes, second: Boxes) -> tuple[Indices, Indices]:
    """A number for each image and label."""
    most = max((int(part.labels.max()) for part in (first, second) if len(part)), default=0) + 1
    one, other = (part.images * most + part.labels for part in (first, second))
    return one, other


def _area(boxes: Numbers) -> Numbers:
    return np.maximum(boxes[:, 2] - boxes[:, 0], 0) * np.maximum(boxes[:, 3] - boxes[:, 1], 0)
