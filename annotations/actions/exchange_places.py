"""Which image a file means, and how its collection wants it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection

from annotations.exchange.errors import ExchangeRefused, RowRefused
from annotations.exchange.records import ImageKey, Reading
from annotations.models import ImageCollection
from imaging.models import AnalysisStatus

# The endings under which an image is looked for when a file names it without one.
ENDINGS: Final = tuple(
    variant
    for ending in ("jpg", "jpeg", "png", "webp", "gif", "tif", "tiff", "bmp", "avif")
    for variant in (f".{ending}", f".{ending.upper()}")
)
# How far the proportions of a picture may differ for having been made smaller.
_TOLERANCE: Final = 0.02
_COLUMNS: Final = "i.id, i.analysis_status, i.image_dimensions, m.collection_id"
_MEMBER: Final = "LEFT JOIN collection_images m ON m.image_id = i.id"
_BY_HASH: Final = (
    f"SELECT i.file_hash, {_COLUMNS} FROM images i {_MEMBER} WHERE i.file_hash = ANY (%s)"
)
# Two of a name are enough to know that it is no use.
_BY_NAME: Final = f"""
    SELECT i.file_name, {_COLUMNS} FROM unnest(%s::text[]) AS asked (name),
    LATERAL (
        SELECT * FROM images
        WHERE lower(file_name) = lower(asked.name) AND file_name = asked.name LIMIT 2
    ) i {_MEMBER}
"""


@dataclass(frozen=True, slots=True)
class Home:
    """A collection: its labels to choose from, and its stages."""

    id: UUID
    labels: tuple[str, ...]
    stages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """An image, and the collection it belongs to."""

    image: UUID
    home: Home | None
    is_archived: bool = False


class Places:
    """Finds images by SHA-256 where it is given, else by their names; some 500 bytes each."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._found: dict[ImageKey, Place | str] = {}
        self._homes: dict[UUID, Home] = {}
        self._batch: set[UUID] = set()

    def look_up(self, keys: Collection[ImageKey]) -> None:
        """Find those that were not looked for yet."""
        self._batch = set()
        new = [key for key in keys if key not in self._found]
        if len(self._found) + len(new) > self._reading.limits.images:
            raise ExchangeRefused.because(
                self._reading.name,
                f"it names more than {self._reading.limits.images} images. Split it up.",
            )
        if not new:
            return
        by_hash = _asked(_BY_HASH, [key.sha256 for key in new if key.sha256])
        by_name = _asked(_BY_NAME, [name for key in new for name in _names(key)])
        self._learn_homes(row[3] for rows in (*by_hash.values(), *by_name.values()) for row in rows)
        for key in new:
            found = by_hash.get(key.sha256, []) if key.sha256 else []
            for name in _names(key):
                found = [*found, *by_name.get(name, [])]
            self._found[key] = self._place(key, found)

    def of_batch(self) -> set[UUID]:
        """The images that the last look-up found."""
        return self._batch

    def find(self, key: ImageKey) -> Place:
        """The image that was looked up; RowRefused where there is none, or more than one."""
        found = self._found[key]
        if isinstance(found, str):
            raise RowRefused(found)
        return found

    def _place(self, key: ImageKey, found: list[Any]) -> Place | str:
        if not found:
            if key.sha256:
                return (
                    f"no image here has the SHA-256 {key.sha256}, which the file gives for {key}."
                )
            return f"there is no image with the name {key}. Upload it first, or give its SHA-256."
        if len(found) > 1:
            return f"more than one image is named {key}. Give its SHA-256 beside the name."
        image, status, dimensions, collection = found[0]
        if wrong := _misfit(key, dimensions):
            return wrong
        self._batch.add(image)
        return Place(image, self._homes.get(collection), status == AnalysisStatus.ARCHIVED)

    def _learn_homes(self, collections: Iterable[UUID | None]) -> None:
        new = {each for each in collections if each and each not in self._homes}
        for found in ImageCollection.objects.filter(pk__in=new):
            labels = tuple(str(label) for label in found.labels)
            self._homes[found.pk] = Home(found.pk, labels, tuple(found.stages))


def _names(key: ImageKey) -> list[str]:
    """The names under which to look for an image that no SHA-256 tells."""
    if key.sha256:
        return []
    # Some tools write the folder with it.
    if key.file_name:
        return [key.file_name.replace("\\", "/").rpartition("/")[2]]
    return [key.stem, *(f"{key.stem}{ending}" for ending in ENDINGS)]


def _asked(statement: str, wanted: list[str]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    if wanted:
        with connection.cursor() as cursor:
            cursor.execute(statement, [list(dict.fromkeys(wanted))])
            for asked, *row in cursor.fetchall():
                found.setdefault(asked, []).append(row)
    return found


def _misfit(key: ImageKey, text: str) -> str:
    """What is wrong with the size that the file gives; it may be that of a smaller copy."""
    dimensions = json.loads(text)
    width, height = (dimensions.get(name) for name in ("width", "height"))
    known = all(isinstance(side, int) and side > 0 for side in (width, height))
    if not known or not (key.width and key.height):
        return ""
    there, here = key.width / key.height, width / height
    # A pixel more or less counts for much in what is small.
    slack = _TOLERANCE + 1 / min(key.width, key.height, width, height)
    if abs(there - here) <= slack * here:
        return ""
    return (
        f"the file gives {key} {key.width} x {key.height} pixels, here it has {width} x {height}:"
        " its boxes belong to a picture that was turned or cut."
    )
