"""Boxes around the figures of a picture, from our own analysis of figure and ground.

A figure that falls into pieces (a bird behind a branch) is one thing: gaps are closed, and a piece
whose box lies mostly within another's belongs to it. Specks are nothing, and only the largest are
kept. The rules were chosen on drawn scenes: docs/benchmarks/local_provider.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.analysis import Parameters, Picture
from imaging.analysis.components import AREA, BOTTOM, LEFT, RIGHT, TOP, components, largest
from imaging.analysis.quality import raw_score
from imaging.analysis.segmentation import segment
from imaging.analysis.team import Team

Table = NDArray[np.int64]

_MOST_PIECES: Final = 200  # noise falls into thousands, and all are compared with all


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts as a thing of its own.

    ``closed``: gaps up to this share of the long side are closed. ``speck``: smallest area of a
    piece, as a share of the picture. ``within``: two boxes are one when they share this much of the
    smaller. ``least``: smallest area of a box, as a share of the picture. ``most``: how many are
    kept, those with the largest figures.
    """

    closed: float = 0.01
    speck: float = 0.001
    within: float = 0.5
    least: float = 0.004
    most: int = 6


@dataclass(frozen=True, slots=True)
class Proposal:
    """A half-open box in working pixels.

    ``area``: pixels of figure in it. ``raw``: how clearly the picture divides into figure and
    ground, 0 to 1 (`imaging.analysis.quality.raw_score`). ``share``: of the picture that the box
    covers. ``on_frame``: the box touches the picture's edge.
    """

    left: int
    top: int
    right: int
    bottom: int
    area: int
    raw: float
    share: float
    on_frame: bool

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom."""
        return self.left, self.top, self.right, self.bottom

    @property
    def fill(self) -> float:
        """Share of the box that is figure, 0 to 1."""
        return min(1.0, self.area / ((self.right - self.left) * (self.bottom - self.top)))


def propose(
    picture: Picture, parameters: Parameters, rules: Rules, team: Team
) -> tuple[list[Proposal], int]:
    """The boxes, largest figure first, and how many more there were than are kept."""
    found = segment(picture, parameters, team)
    threshold = found.threshold
    raw = raw_score(threshold.separability, threshold.stability, found.border_figure)
    rows, columns = found.mask.shape
    pieces = components(_closed(found.mask, rules.closed)).figures
    pieces = largest(pieces[pieces[:, AREA] >= rules.speck * rows * columns], _MOST_PIECES)
    things = united(pieces[:, [LEFT, TOP, RIGHT, BOTTOM, AREA]], rules.within)
    things = things[_sizes(things) >= rules.least * rows * columns]
    order = np.lexsort((things[:, 0], things[:, 1], -things[:, 4]))
    kept = [
        _proposal([int(value) for value in row], raw, rows, columns)
        for row in things[order[: rules.most]]
    ]
    return kept, len(things) - len(kept)


def united(boxes: Table, within: float) -> Table:
    """Boxes (n, 5) of left, top, right, bottom, area; until no two of them share ``within``.

    Two share the area that both cover, over that of the smaller box.
    """
    while True:
        low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
        high = np.minimum(boxes[:, None, 2:4], boxes[None, :, 2:4])
        both = np.maximum(high - low, 0).prod(axis=2)
        sizes = _sizes(boxes)
        one = both >= within * np.minimum(sizes[:, None], sizes[None, :])
        np.fill_diagonal(one, val=True)
        # Each joins the first that it belongs to; chains come together in the next round.
        first = np.array([int(row.argmax()) for row in one], np.int64)
        groups = np.unique(first)
        if len(groups) == len(boxes):
            return boxes
        boxes = np.stack([_around(boxes[first == group]) for group in groups])


def _around(boxes: Table) -> Table:
    return np.concatenate(
        [boxes[:, :2].min(axis=0), boxes[:, 2:4].max(axis=0), boxes[:, 4:].sum(axis=0)]
    )


def _sizes(boxes: Table) -> Table:
    sizes: Table = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return sizes


def _closed(mask: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    side = round(max(mask.shape) * share) | 1
    if side == 1:
        return mask
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (side, side))
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel), np.uint8)


def _proposal(row: list[int], raw: float, rows: int, columns: int) -> Proposal:
    left, top, right, bottom, area = row
    share = (right - left) * (bottom - top) / (rows * columns)
    on_frame = left == 0 or top == 0 or right == columns or bottom == rows
    return Proposal(left, top, right, bottom, area, raw, share, on_frame)
