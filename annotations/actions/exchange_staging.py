"""Rows of a file on their way into the database: checked, kept in a file, then stored."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b
from itertools import islice
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

from django.db import connection

from accounts.models import User
from annotations import labels
from annotations.actions.exchange_places import Home, Place, Places
from annotations.boxes import Box as StoredBox
from annotations.errors import LabelRefused
from annotations.exchange import numbers
from annotations.exchange.errors import MOST_PROBLEMS, ExchangeRefused, Problem, RowRefused
from annotations.exchange.records import MILLION, Box, ImageKey, Reading, Review, Row, shown
from audit.recording import record
from database.actor import acting_as_system
from database.fields import uuid7

_BATCH: Final = 1000

# The columns that are stored, with their types, in the order in which they wait.
_COLUMNS: Final = {
    "id": "uuid",
    "image_id": "uuid",
    "collection_id": "uuid",
    "label": "text",
    "bounding_box": "jsonb",
    "notes": "text",
    "vision_generated": "boolean",
    "vision_confidence": "numeric",
    "vision_provider": "text",
    "vision_model": "text",
    "review_status": "text",
    "review_stage": "text",
    "reviewed_by_id": "uuid",
    "reviewed_at": "timestamptz",
    "rejection_reason": "text",
    "version": "integer",
}
_INSERT: Final = (
    f"INSERT INTO annotations (user_id, {', '.join(_COLUMNS)})"
    f" SELECT %s, {', '.join(f'r.{name}' for name in _COLUMNS)} FROM unnest("
    f"{', '.join(f'%s::{kind}[]' for kind in _COLUMNS.values())}"
    f") AS r ({', '.join(_COLUMNS)})"
)


class Staging:
    """Takes rows one by one; raises ExchangeRefused in the end, or after a hundred problems.

    ``images``         those that the file names
    ``boxes``          how many are to be stored
    ``already_there``  how many their images have already, just so
    """

    def __init__(self, reading: Reading, *, keep_reviews: bool) -> None:
        self.boxes = 0
        self.already_there = 0
        self._reading = reading
        self._keep_reviews = keep_reviews
        self._places = Places(reading)
        self._known = _Known()
        self._people = _People()
        self._labels: dict[tuple[str, UUID | None], str] = {}
        self._problems: list[Problem] = []
        self._not_found: set[ImageKey] = set()
        self._batch: list[Row | Problem] = []
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by us
        self._last_key = 0
        # How many boxes each image is to get.
        self._new: Counter[UUID] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._file.close()

    @property
    def images(self) -> set[UUID]:
        """The images that the file names."""
        return self._known.images

    def take(self, row: Row | Problem) -> None:
        """Check a row, together with those before it."""
        self._batch.append(row)
        if len(self._batch) >= _BATCH:
            self._flush()

    def finish(self) -> None:
        """Check what is left; ExchangeRefused if anything was wrong with any row."""
        self._flush()
        if self._problems:
            raise ExchangeRefused(self._problems)

    def _flush(self) -> None:
        rows = [row for row in self._batch if isinstance(row, Row)]
        self._places.look_up({row.image for row in rows})
        self._known.look_up(self._places.of_batch())
        if self._keep_reviews:
            self._people.look_up(row.box.review.reviewer for row in rows if row.box)
        for row in self._batch:
            if isinstance(row, Problem):
                self._note(row)
                continue
            try:
                place = self._places.find(row.image)
            except RowRefused as error:
                # Said once, not for each of its boxes.
                if row.image not in self._not_found:
                    self._not_found.add(row.image)
                    self._note(Problem(row.where, str(error)))
                continue
            try:
                if row.box:
                    self._stage(row.box, place)
            except (RowRefused, LabelRefused) as error:
                self._note(Problem(row.where, str(error)))
        self._batch.clear()

    def _note(self, problem: Problem) -> None:
        self._problems.append(problem)
        if len(self._problems) >= MOST_PROBLEMS:
            raise ExchangeRefused(self._problems)

    def _stage(self, box: Box, place: Place) -> None:
        label = self._label(box.label, place.home)
        if self._known.take(place.image, label, box):
            self.already_there += 1
            return
        if place.is_archived:
            raise RowRefused("the image is archived; nothing is marked in it any more.")
        self.boxes += 1
        self._new[place.image] += 1
        most = self._reading.limits.boxes
        if self.boxes > most:
            raise ExchangeRefused.because(
                self._reading.name,
                f"it holds more than {most:,} boxes, which are stored at once or not at all. Split"
                " it into several files.",
            )
        waiting = [
            self._next_key(),
            str(place.image),
            *self._reviewed(box.review, place.home, label, box),
        ]
        self._file.write(json.dumps(waiting).encode() + b"\n")

    def _label(self, label: str, home: Home | None) -> str:
        key = label, home.id if home else None
        if key not in self._labels:
            if len(self._labels) >= self._reading.limits.labels:
                raise ExchangeRefused.because(
                    self._reading.name,
                    f"it has more than {self._reading.limits.labels} labels. Split it up.",
                )
            self._labels[key] = labels.clean(label, home.labels if home else ())
        return self._labels[key]

    def _reviewed(self, review: Review, home: Home | None, label: str, box: Box) -> list[Any]:
        """The columns from collection_id on; without reviews the trigger finds the collection."""
        collection, kept = None, Review()
        if self._keep_reviews:
            kept = review
            if review.reviewer and review.reviewer not in self._people:
                raise RowRefused(
                    f"the reviewer {shown(review.reviewer)} is nobody here. Import the file"
                    " without its reviews, or give somebody's id."
                )
            if review.status != "pending" or (home and review.stage in home.stages):
                collection = str(home.id) if home else None
        return [
            collection,
            label,
            _json(box),
            box.notes,
            box.ai,
            None if box.score is None else numbers.score_text(box.score),
            box.provider or None,
            box.model,
            kept.status,
            kept.stage,
            kept.reviewer or None,
            kept.reviewed_at or None,
            kept.reason,
            kept.version,
        ]

    def _next_key(self) -> str:
        """Keys in the file's order, whatever the clock does: exports go by them."""
        self._last_key = max(uuid7().int, self._last_key + 1)
        return str(UUID(int=self._last_key))

    def store(self, *, by: User, sha256: str) -> None:
        """Insert what waits, with an entry for each image: of which file it has how many boxes."""
        self._file.seek(0)
        lines = iter(self._file)
        with connection.cursor() as cursor:
            while batch := [json.loads(line) for line in islice(lines, _BATCH)]:
                cursor.execute(_INSERT, [by.pk, *map(list, zip(*batch, strict=True))])
        for image, boxes in self._new.items():
            record(
                "annotations.imported",
                by=by,
                subject=("image", str(image)),
                details={"file": sha256, "boxes": boxes},
            )


def _json(box: Box) -> str:
    stored = StoredBox(
        box.left / MILLION, box.top / MILLION, box.right / MILLION, box.bottom / MILLION
    )
    return json.dumps(stored.to_json())


class _People:
    """Who there is, of those whom the file names."""

    def __init__(self) -> None:
        self._known: dict[str, bool] = {}

    def look_up(self, reviewers: Iterable[str]) -> None:
        unknown = {each for each in reviewers if each and each not in self._known}
        if not unknown:
            return
        with acting_as_system():  # only admins see everybody
            there = User.objects.filter(pk__in=unknown).values_list("pk", flat=True)
            self._known |= dict.fromkeys(unknown, False) | {str(pk): True for pk in there}

    def __contains__(self, reviewer: str) -> bool:
        return self._known.get(reviewer, False)


class _Known:
    """What the images have already, as hashes of 16 bytes: some 100 bytes of memory a box."""

    def __init__(self) -> None:
        self.images: set[UUID] = set()
        self._boxes: Counter[bytes] = Counter()

    def look_up(self, images: Iterable[UUID]) -> None:
        new = [image for image in images if image not in self.images]
        if not new:
            return
        self.images.update(new)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT image_id, label, bounding_box #>> '{topLeft,x}',"
                " bounding_box #>> '{topLeft,y}', bounding_box #>> '{bottomRight,x}',"
                " bounding_box #>> '{bottomRight,y}', round(vision_confidence * 10000)::integer,"
                " vision_generated, coalesce(vision_provider, ''), vision_model"
                " FROM annotations WHERE image_id = ANY (%s)",
                [new],
            )
            for image, label, *corners, score, ai, provider, model in cursor.fetchall():
                edges = [round(float(corner) * MILLION) for corner in corners]
                self._boxes[_hash(image, label, *edges, score, ai, provider, model)] += 1

    def take(self, image: UUID, label: str, box: Box) -> bool:
        """Whether the image has the box; each that it has counts once."""
        edges = (box.left, box.top, box.right, box.bottom)
        key = _hash(image, label, *edges, box.score, box.ai, box.provider, box.model)
        if not self._boxes[key]:
            return False
        self._boxes[key] -= 1
        return True


def _hash(*parts: object) -> bytes:
    return blake2b(repr(tuple(map(str, parts))).encode("utf-8", "replace"), digest_size=16).digest()
