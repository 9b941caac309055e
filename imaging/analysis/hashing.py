"""A perceptual hash: near-equal pictures have hashes that differ in few bits."""

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.analysis.decoding import Picture
from imaging.analysis.rendering import resized

MIN_CONTRAST = 8
"""Grey levels that the 9 x 8 thumbnail must span; flatter ones would hash noise."""

_FIRST_EDGE = 288


def perceptual_hash(picture: Picture | NDArray[np.uint8]) -> int | None:
    """64-bit difference hash (dHash) of a picture or (h, w, 3) array, as a signed integer.

    Bit by bit, row after row from the most significant: whether a cell of the 9 x 8 grey thumbnail
    is darker than its right neighbour. Signed, so that it fits PostgreSQL's bigint. None for
    pictures so flat that the bits would be noise. Compare by Hamming distance.
    """
    rgb = picture if isinstance(picture, np.ndarray) else picture.rgb
    grey = cv2.cvtColor(resized(rgb, _FIRST_EDGE), cv2.COLOR_RGB2GRAY)
    cells = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    if int(cells.max()) - int(cells.min()) < MIN_CONTRAST:
        return None
    bits = np.packbits(cells[:, 1:] > cells[:, :-1])
    return int.from_bytes(bits.tobytes(), "big", signed=True)
