"""Collections: made, changed, filled with images."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.models import User
from annotations import labels
from annotations.errors import LabelRefused, NotNow
from annotations.models import CollectionImage, ImageCollection
from audit.recording import record

STAGES: Final = {
    "final": ["final"],
    "L1,final": ["L1", "final"],
    "L2,final": ["L2", "final"],
    "L1,L2,final": ["L1", "L2", "final"],
}
_LARGEST_LABELS: Final = 100_000  # image_collections_labels_check
_TOLD: Final = (
    "name",
    "description",
    "labels",
    "stages",
    "spot_check_percent",
    "gold_percent",
    "is_archived",
)


def cleaned_labels(lines: Sequence[str]) -> list[str]:
    """Each label once, in the given order; LabelRefused, also for more than a collection keeps."""
    found: dict[str, str] = {}
    for line in lines:
        if label := labels.clean(line):
            found.setdefault(label.casefold(), label)
    once = list(found.values())
    size = len(json.dumps(once, ensure_ascii=False).encode())
    if size > _LARGEST_LABELS:
        raise LabelRefused(
            f"{len(once):,} labels take {size:,} bytes; a collection keeps {_LARGEST_LABELS:,}."
            " Choose fewer or shorter ones."
        )
    return once


@transaction.atomic
def create(collection: ImageCollection, *, by: User) -> ImageCollection:
    """Store a new collection."""
    _check(by)
    collection.created_by = by
    collection.save(force_insert=True)
    record("collection.created", by=by, subject=collection, after=_told(collection))
    return collection


@transaction.atomic
def change(collection: ImageCollection, *, by: User) -> ImageCollection:
    """Store what was changed of a collection; what waits keeps the stage it stands at."""
    _check(by)
    before = _told(ImageCollection.objects.select_for_update().get(pk=collection.pk))
    after = _told(collection)
    if before == after:
        return collection
    collection.save(update_fields=list(_TOLD))
    changed = [name for name in _TOLD if before[name] != after[name]]
    record(
        "collection.changed",
        by=by,
        subject=collection,
        before={name: before[name] for name in changed},
        after={name: after[name] for name in changed},
    )
    return collection


@transaction.atomic
def add_images(collection: ImageCollection, images: Sequence[UUID], *, by: User) -> int:
    """Put images into the collection, out of any other; returns how many were not in it before.

    Their annotations go with them, and what waits begins at the collection's first stage.
    """
    _check(by)
    if collection.is_archived:
        raise NotNow(f"{collection} is archived; no images are added to it.")
    here = set(
        CollectionImage.objects.filter(collection=collection, image__in=images).values_list(
            "image_id", flat=True
        )
    )
    wanted = [key for key in images if key not in here]
    moved = set(
        CollectionImage.objects.filter(image__in=wanted)
        .select_for_update()
        .values_list("image_id", flat=True)
    )
    CollectionImage.objects.filter(image__in=moved).update(collection=collection)
    CollectionImage.objects.bulk_create(
        [CollectionImage(collection=collection, image_id=key) for key in wanted if key not in moved]
    )
    if wanted:
        record(
            "collection.changed",
            by=by,
            subject=collection,
            details={"images_added": len(wanted), "from_other_collections": len(moved)},
        )
    return len(wanted)


@transaction.atomic
def remove_images(collection: ImageCollection, images: Sequence[UUID], *, by: User) -> int:
    """Take images out of the collection; returns how many were in it. Annotations stay."""
    _check(by)
    members = CollectionImage.objects.filter(collection=collection, image__in=images)
    removed, _ = members.delete()
    if removed:
        record("collection.changed", by=by, subject=collection, details={"images_removed": removed})
    return removed


def _check(by: User) -> None:
    if not by.has_perm("annotations.change_imagecollection"):
        raise PermissionDenied("You may not change collections.")


def _told(collection: ImageCollection) -> Mapping[str, Any]:
    told: dict[str, Any] = {name: getattr(collection, name) for name in _TOLD}
    return told | {name: f"{told[name]:.2f}" for name in ("spot_check_percent", "gold_percent")}
