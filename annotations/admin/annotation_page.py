"""The page of one annotation: the picture, what is said of it, every version and every decision."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from accounts.admin.posting import person
from accounts.models import User
from annotations.actions import deciding, editing, known_answers
from annotations.admin import shown
from annotations.admin.sections import sections
from annotations.errors import AnnotationError
from annotations.models import (
    Annotation,
    AnnotationHistory,
    AnnotationReview,
    Decision,
    ReviewKind,
    ReviewStatus,
)
from config.admin.formats import duration
from imaging.admin.pictures import file_url, image_url
from imaging.admin.search import as_id

_SHOWN: Final = 100
# Who runs the review chooses what it is checked by.
KNOWN: Final = "annotations.change_imagecollection"
_OTHERS: Final = 200


@dataclass(frozen=True, slots=True)
class Version:
    """One version, and who made it when and why."""

    number: int
    picture: SafeString
    label: str
    badge: SafeString
    stage: str
    notes: str
    by: str
    at: datetime | None
    reason: str
    comment: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Review:
    """One decision of one reviewer."""

    review: AnnotationReview
    badge: SafeString
    reason: str
    took: str


def view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """The page; it changes nothing."""
    if not request.user.has_perm("annotations.view_annotation"):
        raise PermissionDenied("Your role may not see annotations.")
    key = as_id(object_id)
    related = ("image", "collection", "reviewed_by", "user", "ai_job")
    annotation = Annotation.objects.select_related(*related).filter(pk=key).first() if key else None
    if annotation is None:
        messages.warning(request, f"There is no annotation {object_id[:64]}.")
        return HttpResponseRedirect(reverse("admin:annotations_annotation_changelist"))
    may = request.user.has_perm
    versions = _versions(annotation)
    others = Annotation.objects.filter(image_id=annotation.image_id).exclude(pk=annotation.pk)
    boxes = [shown.box_of(one.bounding_box) for one in others.order_by("id")[:_OTHERS]]
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": annotation.label or "Unnamed",
        "sections": sections(request),
        "annotation": annotation,
        "image": annotation.image,
        "image_url": image_url(annotation.image_id),
        "preview_url": file_url(annotation.image, "preview"),
        "drawn": shown.boxes_drawn(
            shown.box_of(annotation.bounding_box),
            [box for box in boxes if box],
            label=annotation.label,
        ),
        "badge": shown.status_badge(annotation.review_status),
        "reason": shown.reason_words(annotation.rejection_reason),
        "confidence": shown.share(annotation.vision_confidence),
        "calibrated": shown.share(annotation.calibrated_confidence),
        "others": others.order_by("id").values("pk", "label", "review_status")[:20],
        "versions": versions,
        # Of the decision that stands; once it is taken back, another version is in force.
        "comment": versions[0].comment,
        "reviews": _reviews(request, annotation),
        "may_choose_known": may(KNOWN) and annotation.review_status != ReviewStatus.PENDING,
        # Whoever is checked by it must not be told.
        "is_known": may(KNOWN) and known_answers.is_known(annotation),
        "may_remove": may("annotations.delete_annotation"),
        "may_restore": may("annotations.change_annotation"),
        "may_reopen": may("annotations.review_annotation")
        and annotation.review_status != ReviewStatus.PENDING,
        "may_review": may("annotations.review_annotation")
        and annotation.review_status == ReviewStatus.PENDING,
        "box_json": annotation.bounding_box,
    }
    return TemplateResponse(request, "annotations/annotation.html", context)


def _versions(annotation: Annotation) -> list[Version]:
    """The current version, then the earlier ones; each is told with the change that made it."""
    earlier = list(
        AnnotationHistory.objects.filter(annotation_id=annotation.pk).order_by("-version")[:_SHOWN]
    )
    people = _names({one.changed_by_id for one in earlier})
    said = _comments(annotation)
    states: list[Annotation | AnnotationHistory] = [annotation, *earlier]
    found = []
    for at, state in enumerate(states):
        made_by = earlier[at] if at < len(earlier) else None
        first_by = annotation.vision_provider or str(annotation.user or "")
        found.append(
            Version(
                number=state.version,
                picture=shown.small_picture(
                    annotation.image, state.bounding_box, label=state.label, edge=96
                ),
                label=state.label or "unnamed",
                badge=shown.status_badge(state.review_status),
                stage=state.review_stage,
                notes=state.notes,
                by=people.get(made_by.changed_by_id, "the system") if made_by else first_by,
                at=made_by.changed_at if made_by else annotation.created_at,
                reason=(made_by.reason or "changed") if made_by else "made",
                comment=said.get(state.version, ""),
                is_current=at == 0,
            )
        )
    return found


def _comments(annotation: Annotation) -> dict[int, str]:
    """What was said with the decisions, by the version that each made."""
    decisions = annotation.reviews.filter(kind=ReviewKind.REVIEW).exclude(comment="")
    return {
        version + 1: comment
        for version, comment in decisions.exclude(decision=Decision.REOPENED).values_list(
            "version", "comment"
        )
    }


def _names(keys: set[UUID | None]) -> dict[UUID | None, str]:
    people = User.objects.filter(pk__in=[key for key in keys if key])
    return {one.pk: str(one) for one in people}


def _reviews(request: HttpRequest, annotation: Annotation) -> list[Review]:
    """The decisions, the latest first; checks of reviewers only for whoever sets them up."""
    rows = annotation.reviews.select_related("reviewer").order_by("-created_at", "-id")
    if not request.user.has_perm("annotations.change_imagecollection"):
        rows = rows.filter(kind=ReviewKind.REVIEW)
    return [
        Review(
            one,
            shown.decision_badge(one.decision),
            shown.reason_words(one.rejection_reason),
            duration(one.duration_ms),
        )
        for one in rows[:_SHOWN]
    ]


# --- Changes --------------------------------------------------------------------------------------


@require_POST
def restore(request: HttpRequest, annotation_id: UUID) -> HttpResponse:
    """Make an earlier version the current one again."""
    to_version = _number(request, "to_version")

    def change() -> str:
        deciding.restore(
            annotation_id, to_version, by=person(request), version=_number(request, "version")
        )
        return f"Version {to_version} is in force again; it waits for review."

    return _answered(request, annotation_id, change)


@require_POST
def reopen(request: HttpRequest, annotation_id: UUID) -> HttpResponse:
    """Have a decided annotation reviewed anew."""
    change = functools.partial(
        deciding.reopen, annotation_id, by=person(request), version=_number(request, "version")
    )

    def reopened() -> str:
        change()
        return "It waits for review again."

    return _answered(request, annotation_id, reopened)


@require_POST
def make_known(request: HttpRequest, annotation_id: UUID) -> HttpResponse:
    """Deal it among the rest, to check reviewers by it."""

    def change() -> str:
        known_answers.make_known([annotation_id], by=person(request))
        return "Reviewers may be checked with it from now on: what was decided is its answer."

    return _answered(request, annotation_id, change)


@require_POST
def forget_known(request: HttpRequest, annotation_id: UUID) -> HttpResponse:
    """Deal it no more."""

    def change() -> str:
        known_answers.forget(Annotation.objects.get(pk=annotation_id), by=person(request))
        return "Nobody is checked with it any more."

    return _answered(request, annotation_id, change)


@require_POST
def remove(request: HttpRequest, annotation_id: UUID) -> HttpResponse:
    """Take it away."""
    annotation = Annotation.objects.select_related("image").filter(pk=annotation_id).first()
    if annotation is None:
        messages.warning(request, "This annotation is not here any more.")
    else:
        editing.remove(annotation, by=person(request))
        messages.success(request, f"The annotation in {annotation.image.file_name} was removed.")
    return HttpResponseRedirect(reverse("admin:annotations_annotation_changelist"))


def _number(request: HttpRequest, name: str) -> int:
    text = request.POST.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _answered(request: HttpRequest, annotation_id: UUID, change: Callable[[], str]) -> HttpResponse:
    """Make the change and say what came of it, on the annotation's page."""
    try:
        messages.success(request, change())
    except Annotation.DoesNotExist:
        messages.warning(request, "This annotation is not here any more.")
        return HttpResponseRedirect(reverse("admin:annotations_annotation_changelist"))
    except AnnotationError as error:
        messages.warning(request, str(error))
    return HttpResponseRedirect(shown.annotation_url(annotation_id))
