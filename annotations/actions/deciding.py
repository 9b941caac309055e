"""Decisions of reviewers: one at a time, through the stages, and taken back."""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from annotations import comments, labels
from annotations.actions import claims
from annotations.boxes import Box
from annotations.errors import (
    ChangedMeanwhile,
    NothingToUndo,
    NotNow,
    ReviewedBefore,
)
from annotations.events import tell_of_decision
from annotations.models import (
    Annotation,
    AnnotationHistory,
    AnnotationReview,
    Decision,
    RejectionReason,
    ReviewExtra,
    ReviewKind,
    ReviewStage,
    ReviewStatus,
)
from audit.recording import record
from database.actor import acting_as_system

# What a version is, as the history keeps it.
_SAID: Final = (
    "label",
    "bounding_box",
    "notes",
    "review_status",
    "review_stage",
    "reviewed_by_id",
    "reviewed_at",
    "rejection_reason",
)
_LONGEST_PAUSE_MS: Final = 30 * 60 * 1000  # beyond it the reviewer was elsewhere


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reviewer says of one annotation.

    ``version``  the one they saw
    ``label``, ``box``  as they should be; None: as they are
    ``comment``  plain text for the history
    ``duration_ms``  from showing to deciding
    """

    decision: Decision
    version: int
    label: str | None = None
    box: Box | None = None
    reason: str = ""
    comment: str = ""
    duration_ms: int | None = None


def decide(annotation_id: UUID, verdict: Verdict, *, by: User) -> AnnotationReview:
    """Approve or reject an annotation, with the reviewer's edits, at the stage it stands at.

    A rejection is the end; an approval is, at the last stage. ChangedMeanwhile, LookedAtByOther,
    ReviewedBefore, NotNow, LabelRefused, CommentRefused, PermissionDenied,
    Annotation.DoesNotExist.
    """
    _check(verdict, by)
    with transaction.atomic():
        annotation = _locked(annotation_id)
        claims.check(annotation, by=by)
        if annotation.review_status != ReviewStatus.PENDING:
            raise ChangedMeanwhile(
                annotation,
                f"It was {annotation.get_review_status_display()} meanwhile, by"
                f" {annotation.reviewed_by or 'somebody else'}.",
            )
        _check_version(annotation, verdict)
        stages = _stages(annotation)
        _check_other_reviewer(annotation, by)
        was = {"review_status": annotation.review_status, "review_stage": annotation.review_stage}
        edits = _edit(annotation, verdict)
        review = _review(annotation, verdict, by=by, kind=ReviewKind.REVIEW, was_edited=bool(edits))
        _move_on(annotation, verdict, stages, by=by)
        _save(annotation, str(verdict.decision))
        review.save(force_insert=True)
        claims.release(annotation, by=by)
        _maybe_check_again(annotation, review, by=by)
        tell_of_decision(annotation, was["review_status"])
        record(
            f"annotation.{verdict.decision}",
            by=by,
            subject=annotation,
            before=was,
            after={
                "review_status": annotation.review_status,
                "review_stage": annotation.review_stage,
            },
            details={"stage": was["review_stage"], "edited": sorted(edits)}
            | ({"reason": verdict.reason} if verdict.reason else {}),
        )
    return review


def check_again(extra: ReviewExtra, verdict: Verdict, *, by: User) -> AnnotationReview:
    """A reviewer's answer to a spot check or to an annotation with a known answer.

    The annotation stays as it is, but for a spot check that disagrees: it is reviewed anew.
    """
    _check(verdict, by)
    with transaction.atomic():
        extra = ReviewExtra.objects.select_for_update().get(pk=extra.pk)
        annotation = _locked(extra.annotation_id)
        if extra.kind == ReviewKind.SPOT_CHECK and not extra.is_open:
            raise ChangedMeanwhile(annotation, "Somebody else made this check meanwhile.")
        kind = ReviewKind(extra.kind)
        if annotation.reviews.filter(reviewer=by, kind=kind).exists():
            raise NotNow("You answered this one before.")
        label = labels.clean(annotation.label if verdict.label is None else verdict.label)
        review = _review(annotation, verdict, by=by, kind=kind, was_edited=False)
        review.label = label
        review.agrees = verdict.decision == extra.expected_decision and (
            verdict.decision != Decision.APPROVED
            or label.casefold() == extra.expected_label.casefold()
        )
        review.save(force_insert=True)
        if kind == ReviewKind.SPOT_CHECK:
            extra.is_open = False
            extra.save(update_fields=["is_open"])
            if not review.agrees:
                _reopen(annotation, "a spot check disagreed")
        record(
            "annotation.checked",
            by=by,
            subject=annotation,
            details={"kind": str(kind), "agrees": review.agrees},
        )
    return review


def undo(*, by: User) -> Annotation:
    """Take back the reviewer's last decision; the annotation stands as it stood before it.

    NothingToUndo, if there is none, or if somebody changed the annotation since.
    """
    with transaction.atomic():
        last = (
            AnnotationReview.objects.filter(reviewer=by, kind=ReviewKind.REVIEW)
            .order_by("-created_at", "-id")
            .first()
        )
        if last is None or last.decision == Decision.REOPENED:
            raise NothingToUndo("There is no decision of yours to take back.")
        annotation = _locked(last.annotation_id)
        if annotation.version != last.version + 1:
            raise NothingToUndo(
                "Your last decision cannot be taken back: the annotation was changed since."
            )
        was = annotation.review_status
        _restore(annotation, last.version)
        _save(annotation, "undone")
        _close_checks(annotation)
        tell_of_decision(annotation, was)
        _note_reopening(annotation, by=by, stage=last.stage)
        claims.claim(annotation, by=by)
    return annotation


def reopen(annotation_id: UUID, *, by: User, version: int) -> Annotation:
    """Have a decided annotation reviewed anew, from its first stage."""
    _check_may(by)
    with transaction.atomic():
        annotation = _locked(annotation_id)
        if annotation.version != version:
            raise ChangedMeanwhile(annotation, "It was changed meanwhile; look at it again.")
        if annotation.review_status == ReviewStatus.PENDING:
            raise NotNow("It waits for review already.")
        stage = annotation.review_stage
        annotation.review_stage = _stages(annotation)[0]
        _reopen(annotation, "reopened", stage=annotation.review_stage)
        _note_reopening(annotation, by=by, stage=stage)
    return annotation


def restore(annotation_id: UUID, to_version: int, *, by: User, version: int) -> Annotation:
    """Make an annotation say again what an earlier version said; that is a new version.

    Its review begins anew, from its first stage; a decision on it falls.
    """
    if not by.has_perm("annotations.change_annotation"):
        raise PermissionDenied("You may not change annotations.")
    with transaction.atomic():
        annotation = _locked(annotation_id)
        if annotation.version != version:
            raise ChangedMeanwhile(annotation, "It was changed meanwhile; look at it again.")
        earlier = AnnotationHistory.objects.filter(
            annotation_id=annotation_id, version=to_version
        ).first()
        if earlier is None:
            raise NotNow(f"There is no version {to_version} of this annotation.")
        before = {"label": annotation.label}
        annotation.label, annotation.bounding_box = earlier.label, earlier.bounding_box
        annotation.notes = earlier.notes
        was = annotation.review_status
        if was != ReviewStatus.PENDING:
            let_fall(annotation, by=by)
        annotation.review_stage = _stages(annotation)[0]
        _clear_decision(annotation)
        _save(annotation, f"version {to_version} restored")
        tell_of_decision(annotation, was)
        record(
            "annotation.edited",
            by=by,
            subject=annotation,
            before=before,
            after={"label": annotation.label},
            details={"restored_version": to_version},
        )
    return annotation


# --- What is checked ------------------------------------------------------------------------------


def _check_may(by: User) -> None:
    if not by.has_perm("annotations.review_annotation"):
        raise PermissionDenied("You may not review annotations.")


def _check(verdict: Verdict, by: User) -> None:
    _check_may(by)
    if verdict.decision == Decision.REJECTED and verdict.reason not in RejectionReason.values:
        raise NotNow(f"A rejection has a reason: {', '.join(RejectionReason.values)}.")
    if verdict.decision == Decision.REOPENED:
        raise NotNow("A reviewer approves or rejects.")


def _check_version(annotation: Annotation, verdict: Verdict) -> None:
    if annotation.version != verdict.version:
        raise ChangedMeanwhile(
            annotation,
            "Somebody changed the box or the label while you looked at it. Look at it again.",
        )


def _check_other_reviewer(annotation: Annotation, by: User) -> None:
    undecided = claims.not_approved_earlier(by)
    if not Annotation.objects.filter(undecided, pk=annotation.pk).exists():
        raise ReviewedBefore(
            "You approved it at an earlier stage; the next stage is another reviewer's."
        )


def _locked(annotation_id: UUID) -> Annotation:
    return (
        Annotation.objects.select_for_update(of=("self",))
        .select_related("collection")
        .get(pk=annotation_id)
    )


# --- What changes ---------------------------------------------------------------------------------


def _stages(annotation: Annotation) -> list[str]:
    return annotation.collection.stages if annotation.collection else [str(ReviewStage.FINAL)]


def _edit(annotation: Annotation, verdict: Verdict) -> set[str]:
    """Take over the reviewer's edits; returns the names of what they changed."""
    edits = set()
    if verdict.label is not None:
        allowed = annotation.collection.labels if annotation.collection else ()
        label = labels.clean(verdict.label, allowed)
        if label != annotation.label:
            annotation.label = label
            edits.add("label")
    if verdict.box is not None and verdict.box.to_json() != annotation.bounding_box:
        annotation.bounding_box = verdict.box.to_json()
        edits.add("bounding_box")
    return edits


def _review(
    annotation: Annotation, verdict: Verdict, *, by: User, kind: ReviewKind, was_edited: bool
) -> AnnotationReview:
    pause = verdict.duration_ms
    return AnnotationReview(
        annotation=annotation,
        reviewer=by,
        kind=kind,
        stage=annotation.review_stage,
        decision=verdict.decision,
        rejection_reason=verdict.reason if verdict.decision == Decision.REJECTED else "",
        comment=comments.clean(verdict.comment),
        label=annotation.label,
        bounding_box=annotation.bounding_box,
        was_edited=was_edited,
        version=annotation.version,
        duration_ms=None if pause is None or not 0 <= pause <= _LONGEST_PAUSE_MS else pause,
    )


def _move_on(annotation: Annotation, verdict: Verdict, stages: list[str], *, by: User) -> None:
    """To the next stage, or to the end."""
    if verdict.decision == Decision.APPROVED and annotation.review_stage in stages[:-1]:
        annotation.review_stage = stages[stages.index(annotation.review_stage) + 1]
        return
    annotation.review_status = (
        ReviewStatus.APPROVED if verdict.decision == Decision.APPROVED else ReviewStatus.REJECTED
    )
    annotation.reviewed_by = by
    annotation.reviewed_at = timezone.now()
    annotation.rejection_reason = verdict.reason if verdict.decision == Decision.REJECTED else ""


def _clear_decision(annotation: Annotation) -> None:
    annotation.review_status = ReviewStatus.PENDING
    annotation.reviewed_by, annotation.reviewed_at = None, None
    annotation.rejection_reason = ""


def _reopen(annotation: Annotation, why: str, *, stage: str = ReviewStage.FINAL) -> None:
    was = annotation.review_status
    annotation.review_stage = stage
    _clear_decision(annotation)
    _save(annotation, why)
    _close_checks(annotation)
    tell_of_decision(annotation, was)


def _close_checks(annotation: Annotation) -> None:
    """What is decided anew may be decided otherwise: it checks nobody until it is chosen again."""
    # By the system's right: that follows from the change, also where a non-reviewer made it.
    with acting_as_system():
        ReviewExtra.objects.filter(annotation=annotation, is_open=True).update(is_open=False)


def let_fall(annotation: Annotation, *, by: User) -> None:
    """Before a decided annotation is changed into something else: its decision stands no more.

    It is noted among the decisions, where it counts that an earlier approval is over. Whoever may
    change but not review has no row there; the entry in the log tells of it.
    """
    _close_checks(annotation)
    if by.has_perm("annotations.review_annotation"):
        _note_decision_over(annotation, by=by, stage=annotation.review_stage)


def _restore(annotation: Annotation, version: int) -> None:
    earlier = AnnotationHistory.objects.get(annotation_id=annotation.pk, version=version)
    for name in _SAID:
        setattr(annotation, name, getattr(earlier, name))


def _note_decision_over(annotation: Annotation, *, by: User, stage: str) -> None:
    AnnotationReview.objects.create(
        annotation=annotation,
        reviewer=by,
        stage=stage,
        decision=Decision.REOPENED,
        label=annotation.label,
        bounding_box=annotation.bounding_box,
        version=annotation.version,
    )


def _note_reopening(annotation: Annotation, *, by: User, stage: str) -> None:
    _note_decision_over(annotation, by=by, stage=stage)
    record(
        "annotation.reopened",
        by=by,
        subject=annotation,
        after={"review_status": annotation.review_status, "review_stage": annotation.review_stage},
    )


def _save(annotation: Annotation, why: str) -> None:
    """Write what was decided, with the reason for the history; the trigger counts the version."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.reason', %s, true)", [why])
        said: dict[str, Any] = {name: getattr(annotation, name) for name in _SAID}
        Annotation.objects.filter(pk=annotation.pk).update(**said)
        cursor.execute("SELECT set_config('app.reason', '', true)")
    annotation.version += 1


def is_checked(percent: Decimal | None) -> bool:
    """Whether chance has a decision checked, of which ``percent`` in a hundred are."""
    return percent is not None and random.SystemRandom().uniform(0, 100) < percent


def _maybe_check_again(annotation: Annotation, review: AnnotationReview, *, by: User) -> None:
    """A given share of what is decided for good is shown to somebody else as well."""
    if annotation.review_status == ReviewStatus.PENDING or annotation.collection is None:
        return
    if not is_checked(annotation.collection.spot_check_percent):
        return
    ReviewExtra.objects.update_or_create(
        annotation=annotation,
        kind=ReviewKind.SPOT_CHECK,
        defaults={
            "expected_decision": review.decision,
            "expected_label": annotation.label,
            "avoid": by,
            "is_open": True,
        },
    )
