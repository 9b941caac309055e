"""Which bird a part of a picture shows, if it shows one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.vision.birds import BIRDS
from imaging.vision.network import EDGE
from imaging.vision.session import Levels, Network

Bytes = NDArray[np.uint8]

MARGIN: Final = 0.15
"""How much wider than the longer side of a box its crop is."""

BIRD: Final = 0.5
"""Least sum of the bird classes that is called a bird: likelier than not. How many figures without
a bird pass it, and would pass another: docs/benchmarks/local_provider.md."""

SPECIES: Final = 0.5
"""Least probability of one class that is called by its name: more likely right than wrong."""

ANY_BIRD: Final = "bird"

_NUMBERS: Final = np.array(list(BIRDS))


@dataclass(frozen=True, slots=True)
class Seen:
    """What the network sees.

    ``bird``: sum of the 59 bird classes. ``name`` and ``likely``: the likeliest of them and its
    probability, both over all 1000 classes.
    """

    bird: float
    name: str
    likely: float

    def label(self) -> tuple[str, float]:
        """What to call it, and the probability of that: a species, "bird", or empty with 1.

        Empty means that nothing is claimed about what it is.
        """
        if self.bird < BIRD:
            return "", 1.0
        if self.likely < SPECIES:
            return ANY_BIRD, self.bird
        return self.name, self.likely


def look(network: Network, rgb: Bytes, box: tuple[int, int, int, int]) -> Seen:
    """What the (h, w, 3) picture shows within left, top, right, bottom (half open)."""
    found = network.probabilities(levels(crop(rgb, box)))
    birds = found[_NUMBERS]
    best = int(birds.argmax())
    return Seen(min(1.0, float(birds.sum())), BIRDS[int(_NUMBERS[best])], float(birds[best]))


def crop(rgb: Bytes, box: tuple[int, int, int, int]) -> Bytes:
    """The square around a box, with its margin; beyond the frame the edge is repeated."""
    left, top, right, bottom = box
    side = max(1, round(max(right - left, bottom - top) * (1 + MARGIN)))
    x, y = (left + right - side) // 2, (top + bottom - side) // 2
    rows, columns = rgb.shape[:2]
    inner = rgb[max(0, y) : min(rows, y + side), max(0, x) : min(columns, x + side)]
    if inner.shape[:2] == (side, side):
        return inner
    return np.asarray(
        cv2.copyMakeBorder(
            inner,
            max(0, -y),
            max(0, y + side - rows),
            max(0, -x),
            max(0, x + side - columns),
            cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )


def levels(square: Bytes) -> Levels:
    """A square (s, s, 3) picture as the network takes it: (3, 224, 224), (value - 127) / 128."""
    shrinks = square.shape[0] > EDGE
    kind = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    small = cv2.resize(square, (EDGE, EDGE), interpolation=kind).astype(np.float32)
    return np.ascontiguousarray(((small - 127) / 128).transpose(2, 0, 1))
