"""Who looks at what: the next annotation for a reviewer, which no other is shown meanwhile.

A claim lasts for ten minutes and is prolonged while the page is open. It is a courtesy and not a
lock: what counts is the version that a decision names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from django.utils import timezone

from accounts.models import User
from annotations.errors import LookedAtByOther
from annotations.models import (
    Annotation,
    AnnotationReview,
    Decision,
    ReviewClaim,
    ReviewKind,
    ReviewStatus,
)

LASTS: Final = timedelta(minutes=10)

# Compared as a row, so that the index begins at the place; with OR it is walked from its beginning.
_PLACE: Final = Tuple(F("review_rank"), F("id"))

_CLAIM: Final = """
    INSERT INTO review_claims AS c (annotation_id, reviewer_id, expires_at)
    VALUES (%s, %s, clock_timestamp() + make_interval(secs => %s))
    ON CONFLICT (annotation_id) DO UPDATE
        SET reviewer_id = excluded.reviewer_id, claimed_at = clock_timestamp(),
            expires_at = excluded.expires_at
        WHERE c.expires_at <= clock_timestamp() OR c.reviewer_id = excluded.reviewer_id
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reviewer stands in the queue: the rank and the key of what they saw last."""

    rank: Decimal
    key: UUID


@dataclass(frozen=True, slots=True)
class Filters:
    """What a reviewer wants to see; empty is everything.

    ``least``, ``most``  bounds of the rank, which is the calibrated confidence where there is one
    """

    collection: UUID | None = None
    stage: str = ""
    provider: str = ""
    label: str = ""
    image: UUID | None = None
    least: Decimal | None = None
    most: Decimal | None = None

    def apply(self, rows: QuerySet[Annotation]) -> QuerySet[Annotation]:
        """The rows that fit."""
        given = {
            "collection_id": self.collection,
            "review_stage": self.stage or None,
            "vision_provider": self.provider or None,
            "label": self.label or None,
            "image_id": self.image,
            "review_rank__gte": self.least,
            "review_rank__lte": self.most,
        }
        return rows.filter(**{name: value for name, value in given.items() if value is not None})

    def to_json(self) -> dict[str, str]:
        """What was asked for, for jobs and for the address of a page."""
        given = {name: getattr(self, name) for name in self.__slots__}
        return {name: str(value) for name, value in given.items() if value not in {None, ""}}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Filters:
        """The same back; ValueError for what cannot be read."""
        try:
            return cls(
                collection=UUID(said["collection"]) if said.get("collection") else None,
                stage=str(said.get("stage", "")),
                provider=str(said.get("provider", "")),
                label=str(said.get("label", "")),
                image=UUID(said["image"]) if said.get("image") else None,
                least=Decimal(said["least"]) if said.get("least") else None,
                most=Decimal(said["most"]) if said.get("most") else None,
            )
        except (ArithmeticError, AttributeError, TypeError) as error:
            raise ValueError(f"These filters cannot be read: {error}") from None


def waiting(filters: Filters, *, by: User) -> QuerySet[Annotation]:
    """What the person may decide next, the least certain first; what others look at is left out."""
    now = timezone.now()
    others = ReviewClaim.objects.filter(annotation=OuterRef("pk"), expires_at__gt=now).exclude(
        reviewer=by
    )
    rows = filters.apply(Annotation.objects.filter(review_status=ReviewStatus.PENDING))
    return rows.filter(~Exists(others), not_approved_earlier(by)).order_by("review_rank", "id")


def not_approved_earlier(by: User) -> Q:
    """What the person did not approve at another stage.

    An approval makes a new version, so the first has none. Said here, it keeps PostgreSQL from
    joining each row with everything that the person ever approved.
    """
    return Q(version=1) | ~Q(Exists(approved_earlier(by)))


def approved_earlier(by: User) -> QuerySet[AnnotationReview]:
    """The person's approvals of an annotation (the outer query's row) at its other stages.

    A second stage is a second pair of eyes. What was reopened since begins anew.
    """
    reopened = AnnotationReview.objects.filter(
        annotation=OuterRef("annotation"),
        decision=Decision.REOPENED,
        created_at__gt=OuterRef("created_at"),
    )
    return (
        AnnotationReview.objects.filter(
            annotation=OuterRef("pk"),
            reviewer=by,
            kind=ReviewKind.REVIEW,
            decision=Decision.APPROVED,
        )
        .exclude(stage=OuterRef("review_stage"))
        .filter(~Exists(reopened))
    )


def next_for(
    by: User, filters: Filters, *, after: Place | None = None, before: Place | None = None
) -> Annotation | None:
    """Claim the next annotation after a place in the queue, or the one before it.

    At the end of the queue it begins again; None when there is nothing that the person may decide.
    """
    with transaction.atomic():
        rows = waiting(filters, by=by)
        if before is not None:
            rows = rows.filter(TupleLessThan(_PLACE, (before.rank, before.key)))
            rows = rows.order_by("-review_rank", "-id")
        found = None
        if after is not None:
            later = rows.filter(TupleGreaterThan(_PLACE, (after.rank, after.key)))
            found = _first_free(later, by)
        if found is None:
            found = _first_free(rows, by)
    return found


def _first_free(rows: QuerySet[Annotation], by: User) -> Annotation | None:
    """Whoever claims the same at this moment is passed by."""
    for _ in range(20):
        found = rows.select_for_update(of=("self",), skip_locked=True).first()
        if found is None or claim(found, by=by):
            return found
    return None


def claim(annotation: Annotation, *, by: User) -> bool:
    """Show it to nobody else for a while; False if somebody else has it."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [annotation.pk, by.pk, LASTS.total_seconds()])
        return bool(cursor.rowcount)


def prolong(annotation_id: UUID, *, by: User) -> bool:
    """The page is still open; False if the claim went to somebody else."""
    return bool(
        ReviewClaim.objects.filter(annotation_id=annotation_id, reviewer=by).update(
            expires_at=timezone.now() + LASTS
        )
    )


def release(annotation: Annotation, *, by: User) -> None:
    """Others may see it again."""
    ReviewClaim.objects.filter(annotation=annotation, reviewer=by).delete()


def release_all(*, by: User) -> int:
    """The reviewer leaves the desk; returns how many annotations others may see again."""
    removed, _ = ReviewClaim.objects.filter(reviewer=by).delete()
    return removed


def check(annotation: Annotation, *, by: User) -> None:
    """LookedAtByOther, if somebody else has it open."""
    held = (
        ReviewClaim.objects.filter(annotation=annotation, expires_at__gt=timezone.now())
        .exclude(reviewer=by)
        .select_related("reviewer")
        .first()
    )
    if held is not None:
        until = timezone.localtime(held.expires_at)
        raise LookedAtByOther(
            f"{held.reviewer} has this one open, until {until:%H:%M} at the latest."
            " Go on with the next."
        )
