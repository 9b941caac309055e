"""What other systems are told of annotations: decisions that stand, and those taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from annotations.models import Annotation, Decision, ReviewStatus
from webhooks.actions import emit, emit_each, is_wanted
from webhooks.registry import declare_event

APPROVED = "annotation.approved"
REJECTED = "annotation.rejected"
REOPENED = "annotation.reopened"

# By the status that an annotation has come to.
OF_STATUS = {
    ReviewStatus.APPROVED: APPROVED,
    ReviewStatus.REJECTED: REJECTED,
    ReviewStatus.PENDING: REOPENED,
}


def declare() -> None:
    """Make them known; ``AppConfig.ready`` calls it."""
    declare_event(APPROVED, "An annotation was approved at its last stage.")
    declare_event(REJECTED, "An annotation was rejected.")
    declare_event(REOPENED, "A decision on an annotation was taken back; it is reviewed anew.")


def tell_of_decision(annotation: Annotation, before: str) -> None:
    """Tell of a status that changed, in the transaction that changed it.

    ``before`` is the status it had; a stage that is not the last changes none, and is not told of.
    """
    if annotation.review_status != before:
        emit(OF_STATUS[ReviewStatus(annotation.review_status)], payload_of(annotation))


def tell_of_decisions(keys: Sequence[UUID], decision: Decision) -> None:
    """Tell of annotations that were decided for good in one statement, in its transaction."""
    event = APPROVED if decision == Decision.APPROVED else REJECTED
    if keys and is_wanted(event):
        rows = Annotation.objects.filter(pk__in=keys).order_by("pk")
        emit_each(event, [payload_of(row) for row in rows])


def payload_of(annotation: Annotation) -> dict[str, Any]:
    """Keys, label and version; of people no more than the key of who decided."""
    return {
        "annotation_id": annotation.pk,
        "image_id": annotation.image_id,
        "collection_id": annotation.collection_id,
        "label": annotation.label,
        "bounding_box": annotation.bounding_box,
        "version": annotation.version,
        "review_status": annotation.review_status,
        "rejection_reason": annotation.rejection_reason,
        "reviewed_by_id": annotation.reviewed_by_id,
    }
