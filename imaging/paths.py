"""Where an image's files lie in the storage."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

ORIGINALS: Final = "originals"
DERIVED: Final = "derived"
# What ``original`` and the three below it answer.
ORIGINAL: Final = re.compile(r"originals/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}\.[a-z]+")
PICTURE: Final = re.compile(
    r"derived/[0-9a-f]{2}/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/(?:[0-9a-f]{16}/)?[a-z]+\.webp"
)

_ENDINGS: Final = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/tiff": "tif",
    "image/gif": "gif",
    "image/bmp": "bmp",
    "image/avif": "avif",
}


def original(file_hash: str, mime_type: str) -> str:
    """The bytes as handed in, once, by their SHA-256."""
    ending = _ENDINGS.get(mime_type, "bin")
    return f"{ORIGINALS}/{file_hash[:2]}/{file_hash[2:4]}/{file_hash}.{ending}"


def thumbnail(image_id: UUID) -> str:
    """The small picture of lists."""
    return f"{_folder(image_id)}/thumbnail.webp"


def preview(image_id: UUID) -> str:
    """The picture of the page: upright, at most 1,600 pixels."""
    return f"{_folder(image_id)}/preview.webp"


def is_small(path: str, image_id: UUID) -> bool:
    """Whether an image's own small picture lies there: plain SQL may have named any other file."""
    return path in {thumbnail(image_id), preview(image_id)}


def layer(image_id: UUID, fingerprint: str, name: str) -> str:
    """A picture made by an analysis: ``visualization``, ``ground`` or ``outline``."""
    return f"{_folder(image_id)}/{fingerprint[:16]}/{name}.webp"


def _folder(image_id: UUID) -> str:
    # The last characters of a time-ordered key are random: folders fill evenly.
    text = str(image_id)
    return f"{DERIVED}/{text[-2:]}/{text}"
