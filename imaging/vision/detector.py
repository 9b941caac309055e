"""Birds in a picture, as an object detector sees them.

X. Zhou, D. Wang and P. Krähenbühl, Objects as Points, 2019 (CenterNet): for each of the 80 classes
of COCO the network draws a map of where the middle of such a thing may be, and beside it how far
the thing reaches to each side. A peak of the map is a box, and its height is the score. The body is
MobileNetV3 (A. Howard et al., Searching for MobileNetV3, ICCV 2019).

A peak counts as a bird only where no other class is higher: what is rather a kite, a horse or an
aeroplane is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.vision.errors import AnswerMalformed
from imaging.vision.session import Levels, opened

Bytes = NDArray[np.uint8]

EDGE: Final = 512
"""Side of the square that the network looks at, in pixels; a picture is stretched to it."""

CELLS: Final = 128
"""Side of its maps."""

CLASSES: Final = 80
BIRD: Final = 14
"""Number of the class "bird" among the 80 of COCO, counted from 0."""

INPUT: Final = "pictures"
SCORES: Final = "scores"
REACH: Final = "reach"

LEAST: Final = 0.3
"""Least score of a box. The scores are no probabilities and run low: birds that were there had 0.3
to 0.8. How many are seen where there are none from here on, and from other limits:
docs/benchmarks/local_detector.md."""

OVERLAP: Final = 0.5
"""Of two boxes that share more than this (intersection over union), the higher score stays."""

MOST: Final = 30
"""Boxes that are kept, those with the highest scores."""

_CELL: Final = EDGE // CELLS


@dataclass(frozen=True, slots=True)
class Detection:
    """A box that holds a bird, as fractions of the picture, and the network's score, 0 to 1."""

    left: float
    top: float
    right: float
    bottom: float
    score: float


class Detector:
    """The network on one thread of the processor; any number of threads may ask at once.

    Raises `WeightsMissing` without the package onnxruntime.
    """

    def __init__(self, data: bytes) -> None:
        self._session = opened(data)

    def birds(self, rgb: Bytes) -> tuple[list[Detection], int]:
        """The birds of a (h, w, 3) picture, highest score first, and how many more were left out.

        Raises `AnswerMalformed` where the network answers with anything but numbers.
        """
        return birds_of(*self.maps(levels(rgb)))

    def maps(self, picture: Levels) -> tuple[Levels, Levels]:
        """Scores (80, 128, 128), 0 to 1, and reach (4, 128, 128): left, up, right, down in pixels.

        ``picture`` is (3, 512, 512) float32, RGB, 0 to 255.
        """
        if picture.shape != (3, EDGE, EDGE):
            raise ValueError(f"The picture is {picture.shape}; it must be (3, {EDGE}, {EDGE}).")
        scores, reach = self._session.run([SCORES, REACH], {INPUT: picture[None]})
        return np.asarray(scores[0], np.float32), np.asarray(reach[0], np.float32)


def levels(rgb: Bytes) -> Levels:
    """A (h, w, 3) picture as the network takes it: (3, 512, 512), 0 to 255."""
    shrinks = min(rgb.shape[:2]) > EDGE
    kind = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    square = cv2.resize(rgb, (EDGE, EDGE), interpolation=kind)
    return np.ascontiguousarray(square.transpose(2, 0, 1), np.float32)


def birds_of(
    scores: Levels, reach: Levels, *, least: float = LEAST, most: int = MOST
) -> tuple[list[Detection], int]:
    """The boxes of two maps, highest score first, and how many there were beyond ``most``.

    Raises `AnswerMalformed` for maps of another shape, and for numbers that are none.
    """
    _check(scores, reach)
    found: list[Detection] = []
    for row, column in _peaks(scores, least):
        box = _box(scores, reach, row, column)
        if box is not None and all(overlap(box, other) <= OVERLAP for other in found):
            found.append(box)
    return found[:most], max(0, len(found) - most)


def overlap(a: Detection, b: Detection) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    width, height = (
        min(a.right, b.right) - max(a.left, b.left),
        (min(a.bottom, b.bottom) - max(a.top, b.top)),
    )
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    sizes = [(one.right - one.left) * (one.bottom - one.top) for one in (a, b)]
    return both / (sum(sizes) - both)


def _check(scores: Levels, reach: Levels) -> None:
    expected = ((CLASSES, CELLS, CELLS), (4, CELLS, CELLS))
    if (scores.shape, reach.shape) != expected:
        raise AnswerMalformed(
            f"The detector answered with maps of {scores.shape} and {reach.shape}, not of "
            f"{expected[0]} and {expected[1]}. Install it anew: manage.py install_detector."
        )
    # Any number that is none makes the sum none; far quicker than looking at each.
    if not (np.isfinite(scores.sum(dtype=np.float64)) and np.isfinite(reach.sum(dtype=np.float64))):
        raise AnswerMalformed(
            "The detector answered with numbers that are none (NaN or infinite) for this picture."
        )
    if scores.min() < 0 or scores.max() > 1:
        raise AnswerMalformed("The detector answered with scores beyond 0 to 1 for this picture.")


def _peaks(scores: Levels, least: float) -> list[tuple[int, int]]:
    """Rows and columns of the birds' peaks, highest first, then from the top left.

    A peak is as high as all around it, in the birds' own map and in the others'.
    """
    around = np.ones((3, 3), np.uint8)
    own = scores[BIRD]
    rows, columns = np.nonzero((own >= least) & (own == cv2.dilate(own, around)))
    found = []
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        near = scores[:, max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
        if own[row, column] >= near.max():
            found.append((row, column))
    return sorted(found, key=lambda at: (-float(own[at]), at))


def _box(scores: Levels, reach: Levels, row: int, column: int) -> Detection | None:
    """The box around a peak, cut at the picture's edge; None where nothing is left of it."""
    to_left, up, to_right, down = (float(value) for value in reach[:, row, column])
    x, y = column * _CELL, row * _CELL
    left, right = (min(max(edge / EDGE, 0.0), 1.0) for edge in (x - to_left, x + to_right))
    top, bottom = (min(max(edge / EDGE, 0.0), 1.0) for edge in (y - up, y + down))
    if right <= left or bottom <= top:
        return None
    return Detection(left, top, right, bottom, float(scores[BIRD, row, column]))
