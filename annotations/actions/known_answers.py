"""Annotations with a known answer, hidden among the rest to check reviewers (gold items)."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.models import User
from annotations.errors import NotNow
from annotations.models import Annotation, ReviewExtra, ReviewKind, ReviewStatus
from audit.recording import record


@transaction.atomic
def make_known(keys: Collection[UUID], *, by: User) -> int:
    """Deal these annotations as checks; what was decided on each is the answer. How many are new.

    PermissionDenied; NotNow where one of them is not decided.
    """
    _check_may(by)
    found = list(
        Annotation.objects.select_for_update(of=("self",)).filter(pk__in=keys).order_by("pk")
    )
    waiting = sum(one.review_status == ReviewStatus.PENDING for one in found)
    if waiting:
        raise NotNow(
            f"{waiting} of {len(found)} still wait for review: what was not decided has no known"
            " answer."
        )
    open_now = set(
        ReviewExtra.objects.filter(
            annotation__in=found, kind=ReviewKind.GOLD, is_open=True
        ).values_list("annotation_id", flat=True)
    )
    made = [one for one in found if one.pk not in open_now]
    for one in made:
        ReviewExtra.objects.update_or_create(
            annotation=one,
            kind=ReviewKind.GOLD,
            defaults={
                "expected_decision": one.review_status,
                "expected_label": one.label,
                "avoid": None,
                "is_open": True,
            },
        )
        record(
            "annotation.made_known",
            by=by,
            subject=one,
            details={"decision": one.review_status, "label": one.label},
        )
    return len(made)


@transaction.atomic
def forget(annotation: Annotation, *, by: User) -> bool:
    """Deal it as a check no more; whether it was dealt. PermissionDenied."""
    _check_may(by)
    changed = ReviewExtra.objects.filter(
        annotation=annotation, kind=ReviewKind.GOLD, is_open=True
    ).update(is_open=False)
    if changed:
        record("annotation.made_unknown", by=by, subject=annotation)
    return bool(changed)


def is_known(annotation: Annotation) -> bool:
    """Whether it is dealt as a check."""
    return ReviewExtra.objects.filter(
        annotation=annotation, kind=ReviewKind.GOLD, is_open=True
    ).exists()


def _check_may(by: User) -> None:
    if not by.has_perm("annotations.change_imagecollection"):
        raise PermissionDenied("You may not choose annotations with known answers.")
