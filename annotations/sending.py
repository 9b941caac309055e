"""The picture as a provider gets it: upright, without metadata, in the size it works in."""

from __future__ import annotations

import io
from typing import Final, Protocol, runtime_checkable

import numpy as np
from PIL import Image as Pillow

from imaging import analysis
from providers.interface import Picture

# Above it a JPEG of a photograph hardly loses what a provider could see.
_QUALITY: Final = 90
# No provider looks closer; a larger photograph is reduced while it is decoded.
_WORKING_EDGE: Final = 4096
_AS_IT_IS: Final = frozenset({"image/jpeg", "image/png", "image/webp"})


@runtime_checkable
class Fitting(Protocol):
    """A provider that says in which size it looks at pictures."""

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """The largest size that is not reduced on arrival."""


def picture_for(adapter: object, data: bytes, media_type: str) -> Picture:
    """What is sent of an image's file; the same bytes for the same file each time.

    A provider without a size of its own runs here, and gets the file as it is where it can read it.
    ImageRefused for what is no image.
    """
    limits = analysis.Limits()
    if not isinstance(adapter, Fitting) and media_type in _AS_IT_IS:
        facts = analysis.inspect(data, limits)
        return Picture(data, media_type, facts.width, facts.height)
    decoded = analysis.decode(data, limits=limits, working_edge=_WORKING_EDGE)
    width, height = decoded.width, decoded.height
    if isinstance(adapter, Fitting):
        width, height = adapter.fit(width, height)
    return Picture(_encoded(decoded.rgb, width, height), "image/jpeg", width, height)


def _encoded(rgb: np.typing.NDArray[np.uint8], width: int, height: int) -> bytes:
    picture = Pillow.fromarray(rgb)
    if picture.size != (width, height):
        picture = picture.resize((width, height), Pillow.Resampling.BOX, reducing_gap=2.0)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
