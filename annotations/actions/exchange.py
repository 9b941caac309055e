"""Handing annotations out in files, and taking them in.

Both work within one transaction: a file shows one moment, and is taken in whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby
from typing import IO, Any, Final
from uuid import UUID

import structlog
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction

from accounts.models import User
from annotations.actions.exchange_staging import Staging
from annotations.exchange import numbers
from annotations.exchange.errors import ExchangeRefused, Problem
from annotations.exchange.formats import FORMATS
from annotations.exchange.records import Box, ImageKey, Limits, Picture, Reading, Review, Row
from audit.recording import record
from database import locks

log = structlog.get_logger(__name__)

MAY_EXPORT: Final = "annotations.view_annotation"
MAY_IMPORT: Final = "annotations.add_annotation"
# Whoever says how annotations are reviewed may say that they were.
MAY_KEEP_REVIEWS: Final = "annotations.change_imagecollection"
# What the log calls a file that was handed out or taken in; it is named by its SHA-256.
RESOURCE: Final = "annotation_file"
_FETCHED: Final = 2000  # rows at a time
_CHUNK: Final = 1 << 20
_LARGEST_SIDE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Selection:
    """Which annotations are handed out; every condition that is given must hold.

    ``collection``, ``images``         which images, with boxes or without
    ``statuses``, ``providers``, ``labels``  which of their boxes
    ``only_with_boxes``  leaves images out of which no box is handed out
    """

    collection: UUID | None = None
    images: tuple[UUID, ...] = ()
    statuses: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    only_with_boxes: bool = False

    def given(self) -> dict[str, Any]:
        """The conditions that are given, for the audit log."""
        said = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if value
        }
        if len(self.images) > 100:
            said["images"] = len(self.images)
        return said


@dataclass(slots=True)
class Exported:
    """What was written: counts, and the file's size and SHA-256."""

    images: int = 0
    images_without_boxes: int = 0
    boxes: int = 0
    bytes: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """How a file is taken in.

    ``keep_reviews``  review states are stored as they stand in the file, not as pending
    ``clip``          boxes that reach out of the picture are cut, not refused
    ``voc_origin``    the number of the first pixel in Pascal VOC, 1 or 0
    ``dry_run``       everything is checked, nothing is stored
    """

    keep_reviews: bool = False
    clip: bool = False
    voc_origin: int = 1
    dry_run: bool = False
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Imported:
    """What was stored, or would be: ``boxes`` are new, ``already_there`` were so before."""

    images: int
    boxes: int
    already_there: int
    clipped: int
    sha256: str
    dry_run: bool


# --- Out ------------------------------------------------------------------------------------------


def export(
    selection: Selection,
    *,
    kind: str,
    output: IO[bytes],
    by: User,
    around: Callable[[Iterable[Picture]], Iterable[Picture]] = lambda pictures: pictures,
) -> Exported:
    """Write what is selected to ``output``, in the format ``kind`` (coco, yolo, voc, csv).

    Images go by their SHA-256, the boxes of each by age: the same annotations make the same bytes.
    ``around`` is given the pictures on their way, to show progress or to stop by raising. The file
    is recorded before anybody gets it; ExchangeRefused and PermissionDenied leave no entry, and
    whatever was written to ``output`` until then is of no use.

    Memory: a few thousand rows, and the boxes of one image; larger things wait in temporary files.
    """
    if not by.has_perm(MAY_EXPORT):
        raise PermissionDenied("You may not see annotations, so not export them either.")
    done = Exported()
    digest = hashlib.sha256()
    with transaction.atomic(), closing(_pictures(selection)) as found:
        pictures = _counted(around(found), done)
        with closing(FORMATS[kind].write(pictures, _labels(selection))) as chunks:
            for chunk in chunks:
                output.write(chunk)
                digest.update(chunk)
                done.bytes += len(chunk)
        done.sha256 = digest.hexdigest()
        record(
            "annotations.exported",
            by=by,
            subject=(RESOURCE, done.sha256),
            details={"format": kind, "filters": selection.given(), **asdict(done)},
        )
    log.info("annotations exported", format=kind, images=done.images, boxes=done.boxes)
    return done


def count(selection: Selection) -> tuple[int, int]:
    """How many images and boxes an export would hold."""
    where, parameters = _conditions(selection)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(DISTINCT i.id), count(a.id) {where}", parameters)
        images, boxes = cursor.fetchone()
    return images, boxes


def _counted(pictures: Iterable[Picture], done: Exported) -> Iterator[Picture]:
    for picture in pictures:
        done.images += 1
        done.images_without_boxes += not picture.boxes
        done.boxes += len(picture.boxes)
        yield picture


def _conditions(selection: Selection) -> tuple[str, dict[str, Any]]:
    """FROM and WHERE; conditions on boxes stand with the join, so that no image is lost by them."""
    boxes, images = ["a.image_id = i.id"], ["true"]
    parameters = {
        "collection": selection.collection,
        "images": list(selection.images),
        "statuses": list(selection.statuses),
        "providers": list(selection.providers),
        "labels": list(selection.labels),
    }
    member = ""
    if selection.collection:
        member = (
            "JOIN collection_images m ON m.image_id = i.id AND m.collection_id = %(collection)s"
        )
    if selection.images:
        images.append("i.id = ANY (%(images)s)")
    if selection.statuses:
        boxes.append("a.review_status = ANY (%(statuses)s)")
    if selection.providers:
        boxes.append("a.vision_provider = ANY (%(providers)s)")
    if selection.labels:
        boxes.append("a.label = ANY (%(labels)s)")
    join = "JOIN" if selection.only_with_boxes else "LEFT JOIN"
    return (
        f"FROM images i {member} {join} annotations a ON {' AND '.join(boxes)}"
        f" WHERE {' AND '.join(images)}",
        parameters,
    )


def _labels(selection: Selection) -> list[str]:
    """The labels in use, in the order of the collection's own or of the alphabet: these number
    classes and categories, so that two files of one collection number them alike."""
    where, parameters = _conditions(replace(selection, only_with_boxes=True))
    with connection.cursor() as cursor:
        ordered: list[str] = []
        if selection.collection:
            cursor.execute(
                "SELECT labels FROM image_collections WHERE id = %s", [selection.collection]
            )
            # Django hands jsonb over as text.
            ordered = [str(label) for (text,) in cursor.fetchall() for label in json.loads(text)]
        cursor.execute(f"SELECT DISTINCT a.label {where}", parameters)
        used = sorted(label for (label,) in cursor.fetchall())
    return list(dict.fromkeys([*ordered, *used]))


_COLUMNS: Final = """
    i.file_hash, i.file_name, i.image_dimensions ->> 'width', i.image_dimensions ->> 'height',
    a.label,
    round((a.bounding_box #>> '{topLeft,x}')::numeric * 1000000)::integer,
    round((a.bounding_box #>> '{topLeft,y}')::numeric * 1000000)::integer,
    round((a.bounding_box #>> '{bottomRight,x}')::numeric * 1000000)::integer,
    round((a.bounding_box #>> '{bottomRight,y}')::numeric * 1000000)::integer,
    round(a.vision_confidence * 10000)::integer, a.vision_generated,
    coalesce(a.vision_provider, ''), a.vision_model, a.notes, a.review_status, a.review_stage,
    a.rejection_reason, coalesce(a.reviewed_by_id::text, ''),
    coalesce(to_char(a.reviewed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ''),
    a.version
"""


def _pictures(selection: Selection) -> Generator[Picture, None, None]:
    """Through one cursor, hence as of one moment."""
    where, parameters = _conditions(selection)
    with connection.chunked_cursor() as cursor:
        cursor.execute(f"SELECT {_COLUMNS} {where} ORDER BY i.file_hash, a.id", parameters)
        for found, rows in groupby(_fetched(cursor), key=lambda row: row[:4]):
            image = ImageKey(found[0], found[1], _side(found[2]), _side(found[3]))
            yield Picture(image, tuple(_box(row[4:]) for row in rows if row[4] is not None))


def _fetched(cursor: Any) -> Iterator[tuple[Any, ...]]:
    while rows := cursor.fetchmany(_FETCHED):
        yield from rows


def _side(text: str | None) -> int:
    """Pixels; 0 where plain SQL left them out or wrote something else."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) < 8):
        return 0
    return int(text) if int(text) <= _LARGEST_SIDE else 0


def _box(row: tuple[Any, ...]) -> Box:
    label, left, top, right, bottom, score, ai, provider, model, notes, *reviewed = row
    status, stage, reason, reviewer, moment, version = reviewed
    left, right = numbers.some_size(left, right)
    top, bottom = numbers.some_size(top, bottom)
    review = Review(status, stage, reason, reviewer, moment, version)
    return Box(label, left, top, right, bottom, score, ai, provider, model, notes, review)


# --- In -------------------------------------------------------------------------------------------


def take_in(
    content: IO[bytes],
    *,
    kind: str,
    name: str,
    by: User,
    options: Options | None = None,
    around: Callable[[Iterable[Row | Problem]], Iterable[Row | Problem]] = lambda rows: rows,
) -> Imported:
    """Store the boxes of a file, all of them or none; ``content`` can be sought in.

    Everything is read and checked first, into a temporary file, and then stored. What an image has
    already (the same place, label, score and origin) is not stored again. Boxes are by ``by`` and
    pending, unless their reviews are kept. The audit log gets an entry for the file, and one for
    each image.

    ExchangeRefused with up to a hundred problems, each with its place; PermissionDenied.
    Memory: what ``Limits`` says of images, labels and one item; not the boxes.
    """
    options = options or Options()
    _check_rights(by, options)
    sha256 = _sha256(content)
    cut = Counter[str]()
    reading = Reading(
        name=name,
        clip=options.clip,
        voc_origin=options.voc_origin,
        limits=options.limits,
        clipped=lambda: cut.update(boxes=1),
    )
    with transaction.atomic(), Staging(reading, keep_reviews=options.keep_reviews) as staging:
        _alone(name)
        with closing(FORMATS[kind].read(content, reading)) as rows:
            for row in around(rows):
                staging.take(row)
        staging.finish()
        done = Imported(
            images=len(staging.images),
            boxes=staging.boxes,
            already_there=staging.already_there,
            clipped=cut["boxes"],
            sha256=sha256,
            dry_run=options.dry_run,
        )
        if options.dry_run:
            return done
        staging.store(by=by, sha256=sha256)
        record(
            "annotations.imported",
            by=by,
            subject=(RESOURCE, sha256),
            details={
                "format": kind,
                "file_name": name[:512],
                "keep_reviews": options.keep_reviews,
                "images": done.images,
                "boxes": done.boxes,
                "already_there": done.already_there,
                "clipped": done.clipped,
            },
        )
    log.info("annotations imported", format=kind, images=done.images, boxes=done.boxes)
    return done


def _check_rights(by: User, options: Options) -> None:
    if not by.has_perm(MAY_IMPORT):
        raise PermissionDenied("You may not make annotations, so not import them either.")
    if options.keep_reviews and not by.has_perm(MAY_KEEP_REVIEWS):
        raise PermissionDenied(
            "Only moderators and admins may keep the reviews of a file. Import it without: what it"
            " holds is then reviewed here."
        )


def _sha256(content: IO[bytes]) -> str:
    content.seek(0)
    digest = hashlib.sha256()
    while chunk := content.read(_CHUNK):
        digest.update(chunk)
    content.seek(0)
    return digest.hexdigest()


def _alone(name: str) -> None:
    """One import at a time: another's boxes would not be seen as there already."""
    if not locks.try_to_hold("annotations.imported"):
        raise ExchangeRefused.because(name, "another file is being imported. Try again soon.")
