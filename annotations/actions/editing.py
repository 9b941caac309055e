"""What people mark in images themselves: made, changed, removed."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction

from accounts.models import User
from annotations import labels
from annotations.actions import ai_jobs, deciding
from annotations.boxes import Box
from annotations.errors import NotNow
from annotations.events import tell_of_decision
from annotations.models import Annotation, ReviewStage, ReviewStatus
from audit.recording import record
from imaging.models import AnalysisStatus, Image

LONGEST_NOTES = 10_000


@transaction.atomic
def make(image: Image, box: Box, *, by: User, label: str = "", notes: str = "") -> Annotation:
    """A person's own mark in an image; it waits for review as any other.

    LabelRefused, NotNow for an archived image, PermissionDenied.
    """
    if not by.has_perm("annotations.add_annotation"):
        raise PermissionDenied("You may not mark things in images.")
    if image.analysis_status == AnalysisStatus.ARCHIVED:
        raise NotNow(f"{image.file_name} is archived; nothing is marked in it any more.")
    annotation = Annotation(
        image=image,
        user=by,
        label=labels.clean(label, ai_jobs.allowed_labels(image.pk)),
        bounding_box=box.to_json(),
        notes=_cleaned(notes),
    )
    annotation.save(force_insert=True)
    record(
        "annotation.made",
        by=by,
        subject=annotation,
        details={"image": str(image.pk)},
        after={"label": annotation.label},
    )
    return annotation


@transaction.atomic
def change(
    annotation: Annotation,
    *,
    by: User,
    label: str | None = None,
    box: Box | None = None,
    notes: str | None = None,
) -> Annotation:
    """Say something else of it; None leaves as is. The row is locked by the caller.

    With another label or box a decision on it falls: it is reviewed anew, from its first stage.
    LabelRefused, PermissionDenied.
    """
    if not by.has_perm("annotations.change_annotation"):
        raise PermissionDenied("You may not change annotations.")
    home = annotation.collection
    wanted: dict[str, object] = {
        "label": None if label is None else labels.clean(label, home.labels if home else ()),
        "bounding_box": None if box is None else box.to_json(),
        "notes": None if notes is None else _cleaned(notes),
    }
    changes: dict[str, object] = {
        name: value
        for name, value in wanted.items()
        if value is not None and value != getattr(annotation, name)
    }
    if not changes:
        return annotation
    was = annotation.review_status
    edited, label_before = sorted(changes), annotation.label
    reopened = was != ReviewStatus.PENDING and changes.keys() != {"notes"}
    if reopened:
        deciding.let_fall(annotation, by=by)
        changes = changes | {
            "review_status": ReviewStatus.PENDING,
            "review_stage": home.stages[0] if home else ReviewStage.FINAL,
            "reviewed_by": None,
            "reviewed_at": None,
            "rejection_reason": "",
        }
    _write(annotation, changes)
    record(
        "annotation.edited",
        by=by,
        subject=annotation,
        before={"label": label_before},
        after={"label": annotation.label},
        details={"edited": edited, "reviewed_anew": reopened},
    )
    tell_of_decision(annotation, was)
    return annotation


@transaction.atomic
def remove(annotation: Annotation, *, by: User) -> None:
    """Take it away; its versions stay in the history. PermissionDenied."""
    if not by.has_perm("annotations.delete_annotation"):
        raise PermissionDenied("You may not remove annotations.")
    record(
        "annotation.removed",
        by=by,
        subject=annotation,
        before={"label": annotation.label, "review_status": annotation.review_status},
        details={"image": str(annotation.image_id), "version": annotation.version},
    )
    # By the database's own cascade: who may remove it need not be able to remove its reviews.
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM annotations WHERE id = %s", [annotation.pk])


def _cleaned(notes: str) -> str:
    text = notes.strip()
    if len(text) > LONGEST_NOTES:
        raise NotNow(f"Notes have at most {LONGEST_NOTES:,} characters; these have {len(text):,}.")
    return text


def _write(annotation: Annotation, changes: dict[str, object]) -> None:
    """With the reason for the history; the trigger counts the version."""
    for name, value in changes.items():
        setattr(annotation, name, value)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.reason', 'edited', true)")
        Annotation.objects.filter(pk=annotation.pk).update(**changes)
        cursor.execute("SELECT set_config('app.reason', '', true)")
    annotation.version += 1
