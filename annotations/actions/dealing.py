"""What the desk shows next: an annotation that waits, or now and then a check of the reviewer.

Checks (``review_extras``) stand between the others as often as their collection asks for. Whether
one follows an annotation is drawn from the reviewer and the annotation alone: asked again, the
desk answers the same, and nobody can count the places at which a check comes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from django.db.models import Exists, OuterRef

from accounts.models import User
from annotations.actions import claims
from annotations.actions.claims import Filters, Place
from annotations.models import (
    Annotation,
    AnnotationReview,
    ReviewExtra,
    ReviewKind,
    ReviewStatus,
)

_DRAWS: Final = 2**64


@dataclass(frozen=True, slots=True)
class Step:
    """How far a reviewer has come: the place in the queue, and whether a check followed it."""

    place: Place
    was_extra: bool = False


@dataclass(frozen=True, slots=True)
class Dealt:
    """One annotation for the desk; ``extra`` is None where it waits for review."""

    annotation: Annotation
    step: Step
    extra: ReviewExtra | None = None


def next_for(
    by: User, filters: Filters, *, after: Step | None = None, holding: Collection[UUID] = ()
) -> Dealt | None:
    """What comes behind a step, claimed for the reviewer; None when nothing waits for them.

    ``holding``  keys that the desk has already: at its end the queue begins again, and would bring
    them once more
    """
    if after is not None and not after.was_extra:
        extra = _extra_behind(after.place.key, by, filters, holding)
        if extra is not None:
            return Dealt(extra.annotation, Step(after.place, was_extra=True), extra)
    place = after.place if after is not None else None
    for _ in range(len(holding) + 1):
        found = claims.next_for(by, filters, after=place)
        if found is None:
            return None
        place = Place(found.review_rank, found.pk)
        if found.pk not in holding:
            return Dealt(found, Step(place))
    return None


def previous_for(by: User, filters: Filters, *, before: Step) -> Dealt | None:
    """What waits before a step, claimed for the reviewer; None at the beginning of the queue."""
    found = claims.next_for(by, filters, before=before.place)
    return None if found is None else Dealt(found, Step(Place(found.review_rank, found.pk)))


def draw(by: User, annotation_id: UUID) -> float:
    """A number from 0 up to 100, the same for the same reviewer and annotation each time."""
    digest = hashlib.blake2b(by.pk.bytes + annotation_id.bytes, digest_size=8).digest()
    return int.from_bytes(digest) / _DRAWS * 100


def _extra_behind(
    annotation_id: UUID, by: User, filters: Filters, holding: Collection[UUID]
) -> ReviewExtra | None:
    """The check that follows this annotation at the reviewer's desk, where one does."""
    home = (
        Annotation.objects.filter(pk=annotation_id, collection__isnull=False)
        .values_list("collection_id", "collection__gold_percent", "collection__spot_check_percent")
        .first()
    )
    if home is None:
        return None
    collection, gold, spot_checks = home
    drawn = draw(by, annotation_id)
    if drawn < gold:
        kind = ReviewKind.GOLD
    elif drawn < gold + spot_checks:
        kind = ReviewKind.SPOT_CHECK
    else:
        return None
    return _open_extra(kind, by, replace(filters, collection=collection), holding)


def _open_extra(
    kind: ReviewKind, by: User, filters: Filters, holding: Collection[UUID]
) -> ReviewExtra | None:
    """The oldest that the reviewer neither answered nor decided on before."""
    # A check stands at no stage: it is shown whatever stage the reviewer works at.
    decided = replace(filters, stage="").apply(
        Annotation.objects.exclude(review_status=ReviewStatus.PENDING).exclude(reviewed_by=by)
    )
    known = AnnotationReview.objects.filter(annotation=OuterRef("annotation"), reviewer=by)
    return (
        ReviewExtra.objects.filter(kind=kind, is_open=True, annotation__in=decided)
        .exclude(avoid=by)
        .exclude(annotation__in=list(holding))
        .filter(~Exists(known))
        .select_related("annotation")
        .order_by("created_at", "id")
        .first()
    )
