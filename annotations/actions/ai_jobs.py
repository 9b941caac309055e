"""Asking AI providers about images: queueing the question, and storing what came back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from accounts.models import User
from annotations import labels
from annotations.boxes import Box
from annotations.errors import BoxRefused, LabelRefused, NotNow
from annotations.knowledge.calibrated import curve_in_force
from annotations.models import (
    AiAnnotationJob,
    Annotation,
    AnnotationReview,
    BatchJob,
    ReviewClaim,
)
from audit.recording import record
from database import system_settings
from database.actor import acting_as_system
from imaging.models import AnalysisStatus, Image
from jobs.errors import DuplicateJob
from providers.interface import Answer, Prompt, Schema
from providers.models import Provider

_LIVE = AiAnnotationJob.states.live
_MOST_FALLBACKS = 5
# A provider may be down for hours, and a budget used up until tomorrow.
_RETRIES = 12


@dataclass(frozen=True, slots=True)
class Asked:
    """The job that answers a request, and whether it was made for it."""

    job: AiAnnotationJob
    created: bool


@transaction.atomic
def ask(
    image: Image,
    *,
    by: User,
    provider: str = "local",
    model: str = "",
    fallbacks: Sequence[str] = (),
    priority: int = 5,
    batch: BatchJob | None = None,
) -> Asked:
    """Queue a question about the image, in the caller's transaction where there is one.

    ``fallbacks`` are asked in this order when the provider cannot answer. Asking again for what
    waits or runs answers with that job. PermissionDenied; NotNow for an archived image and for
    names that no provider has.
    """
    if not by.has_perm("annotations.annotate_image"):
        raise PermissionDenied("You may not have images annotated.")
    check_names([provider, *fallbacks])
    status = Image.objects.filter(pk=image.pk).values_list("analysis_status", flat=True).first()
    if status is None:
        raise NotNow(f"{image.file_name} is not stored any more.")
    if status == AnalysisStatus.ARCHIVED:
        raise NotNow(f"{image.file_name} is archived; an archived image is not annotated.")
    key = f"{image.pk}:{provider}:{model}"
    job = AiAnnotationJob(
        image=image,
        user=by,
        provider=provider,
        model=model,
        fallbacks=list(fallbacks),
        priority=priority,
        unique_key=key,
        batch_job=batch,
        max_retries=_RETRIES,
    )
    try:
        if waiting := _waiting(key):
            return Asked(waiting, created=False)
        AiAnnotationJob.objects.enqueue([job])
    except DuplicateJob:  # somebody else asked the same in this very moment
        if waiting := _waiting(key):
            return Asked(waiting, created=False)
        raise NotNow(f"{image.file_name} is being annotated at this moment.") from None
    record(
        "ai_job.requested",
        by=by,
        subject=image,
        details={"job": str(job.pk), "provider": provider, "model": model},
    )
    return Asked(job, created=True)


def check_names(names: Sequence[str]) -> None:
    """NotNow for too many, and for a name that no provider has."""
    if len(names) > _MOST_FALLBACKS + 1:
        raise NotNow(f"At most {_MOST_FALLBACKS} providers can stand in for another.")
    known = set(Provider.objects.filter(name__in=names).values_list("name", flat=True))
    for name in names:
        if name not in known:
            there = ", ".join(Provider.objects.order_by("rank").values_list("name", flat=True))
            raise NotNow(f"There is no provider {name!r:.60}. There are: {there}.")


def _waiting(key: str) -> AiAnnotationJob | None:
    return AiAnnotationJob.objects.filter(unique_key=key, status__in=_LIVE).first()


def store(
    job: AiAnnotationJob,
    answer: Answer,
    *,
    provider: str,
    prompt: Prompt,
    schema: Schema,
    cost: Decimal,
    milliseconds: int,
    from_cache: bool,
    remarks: Sequence[str] = (),
) -> list[Annotation]:
    """The boxes of an answer, as annotations that wait for review; in the job's transaction.

    What the same provider and model proposed for the image before, and nobody has decided on, is
    replaced: asking again does not double the work of reviewers.
    """
    made, refused = _proposals(job, answer, provider)
    removed = _remove(_untouched(job, provider, answer.model))
    Annotation.objects.bulk_create(made, batch_size=500)
    _note(
        job,
        answer,
        {
            "provider": provider,
            "model": answer.model,
            "prompt_version": prompt.version,
            "schema_version": schema.version,
            "prompt": prompt.text,
            "labels": list(prompt.labels),
        },
        remarks=[*answer.remarks, *remarks, *refused],
        boxes=len(made),
    )
    AiAnnotationJob.objects.filter(pk=job.pk).update(
        provider=provider,
        model=answer.model,
        cost=cost,
        response_time_ms=milliseconds,
        from_cache=from_cache,
        box_count=len(made),
        error_code="",
    )
    record(
        "annotation.proposed",
        by=job.user_id,
        subject=("image", str(job.image_id)),
        details={
            "job": str(job.pk),
            "provider": provider,
            "model": answer.model,
            "boxes": len(made),
            "replaced": removed,
            "from_cache": from_cache,
            "cost": str(cost),
        },
    )
    return made


def _proposals(
    job: AiAnnotationJob, answer: Answer, provider: str
) -> tuple[list[Annotation], list[str]]:
    """The boxes that can be kept, not saved yet, and what was wrong with others."""
    made, remarks = [], []
    allowed = allowed_labels(job.image_id)
    curve = curve_in_force(provider, answer.model)
    for number, box in enumerate(answer.boxes):
        try:
            place = Box.of_size(box.left, box.top, box.width, box.height)
        except BoxRefused as error:
            remarks.append(f"box {number}: {error}")
            continue
        try:
            label = labels.clean(box.label, allowed)
        except LabelRefused as error:
            label = ""
            remarks.append(f"box {number}: {error}")
        confidence = Decimal(str(round(box.confidence, 4)))
        made.append(
            Annotation(
                image_id=job.image_id,
                user_id=job.user_id,
                label=label,
                bounding_box=place.to_json(),
                vision_generated=True,
                vision_confidence=confidence,
                calibrated_confidence=None if curve is None else curve.mean(confidence),
                vision_provider=provider,
                vision_model=answer.model,
                ai_job=job,
            )
        )
    return made, remarks


def _untouched(job: AiAnnotationJob, provider: str, model: str) -> QuerySet[Annotation]:
    """What the model proposed for the image before, and nobody has touched or looks at."""
    decided = AnnotationReview.objects.filter(annotation=OuterRef("pk"))
    looked_at = ReviewClaim.objects.filter(annotation=OuterRef("pk"), expires_at__gt=timezone.now())
    return Annotation.objects.filter(
        ~Exists(decided),
        ~Exists(looked_at),
        image_id=job.image_id,
        vision_generated=True,
        vision_provider=provider,
        vision_model=model,
        review_status="pending",
        version=1,
    )


def _remove(rows: QuerySet[Annotation]) -> int:
    """How many went; what somebody takes up or decides on in this very moment stays."""
    # By the system's right: who may have images annotated may not remove annotations of others.
    with acting_as_system(), connection.cursor() as cursor:
        locked = rows.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True)
        # Whoever held one of them may have claimed it until the lock was had: asked once more.
        keys = list(rows.filter(pk__in=list(locked)).values_list("pk", flat=True))
        cursor.execute("DELETE FROM annotations WHERE id = ANY(%s)", [keys])
        return int(cursor.rowcount)


def allowed_labels(image_id: UUID) -> Sequence[str]:
    """The labels of the image's collection; none: any."""
    found = (
        Image.objects.filter(pk=image_id)
        .values_list("collection_member__collection__labels", flat=True)
        .first()
    )
    return [str(one) for one in found or ()]


def _note(
    job: AiAnnotationJob,
    answer: Answer,
    asked: dict[str, Any],
    *,
    remarks: Sequence[str],
    boxes: int,
) -> None:
    """What was asked and answered, beside the job; encrypted, where the settings say so."""
    said = {
        "raw": answer.raw,
        "request_id": answer.request_id,
        "remarks": list(remarks)[:200],
        "boxes": boxes,
    }
    if system_settings.get("encrypt_ai_payloads"):
        job.request_payload, job.response_payload = {}, None
        job.sealed_payloads = {"request": asked, "response": said}
    else:
        job.request_payload, job.response_payload = asked, said
        job.sealed_payloads = None
    job.save(update_fields=["request_payload", "response_payload", "sealed_payloads"])
