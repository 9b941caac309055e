"""How annotations, boxes and decisions look on the pages, and what the desk is told of them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.models import User
from annotations.actions.dealing import Dealt
from annotations.admin.tickets import Ticket
from annotations.boxes import Box
from annotations.errors import BoxRefused
from annotations.models import Annotation, Decision, RejectionReason, ReviewStatus
from config.admin.formats import NOTHING, State, badge, percent
from imaging.admin.pictures import file_url, image_url
from imaging.models import Image

STATUS: Final[dict[str, tuple[str, State]]] = {
    ReviewStatus.PENDING: ("Waits", "notice"),
    ReviewStatus.APPROVED: ("Approved", "good"),
    ReviewStatus.REJECTED: ("Rejected", "bad"),
}
_DECISIONS: Final[dict[str, tuple[str, State]]] = {
    Decision.APPROVED: ("Approved", "good"),
    Decision.REJECTED: ("Rejected", "bad"),
    Decision.REOPENED: ("Taken back", "neutral"),
}
# In the order of the digits that choose them.
REASONS: Final = [(value, label.capitalize()) for value, label in RejectionReason.choices]
# Beyond these an image is a flock, and the others are not drawn.
_OTHERS: Final = 200
_UNNAMED: Final = "unnamed"


def annotation_url(annotation_id: object) -> str:
    """The address of an annotation's page."""
    return reverse("admin:annotations_annotation_change", args=[annotation_id])


def status_badge(status: str) -> SafeString:
    """What people decided, as icon, word and tint."""
    return badge(*STATUS.get(status, (status, "neutral")))


def decision_badge(decision: str) -> SafeString:
    """What one reviewer said, as icon, word and tint."""
    return badge(*_DECISIONS.get(decision, (decision, "neutral")))


def reason_words(reason: str) -> str:
    """A rejection's reason as the desk calls it."""
    return dict(REASONS).get(reason, reason)


def share(value: Decimal | None) -> str:
    """A confidence as ``42 %``."""
    return percent(value, digits=0)


def box_of(data: object) -> Box | None:
    """The box, or None where plain SQL got one past the database's checks."""
    try:
        return Box.from_json(data)
    except BoxRefused:
        return None


def boxes_drawn(current: Box | None, others: Iterable[Box] = (), *, label: str = "") -> SafeString:
    """Boxes over a picture, in hundredths of it; the current one has a light line and a halo."""
    faint = format_html_join(
        "",
        '<rect class="box-other" x="{}" y="{}" width="{}" height="{}"/>',
        ((*_corner(box),) for box in others),
    )
    drawn = SafeString("")
    if current is not None:
        drawn = format_html_join(
            "",
            '<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>',
            ((name, *_corner(current)) for name in ("box-halo", "box-line")),
        )
    return format_html(
        '<svg class="boxes" viewBox="0 0 100 100" preserveAspectRatio="none" role="img"'
        ' aria-label="{}">{}{}</svg>',
        f"Box of {label or _UNNAMED}",
        faint,
        drawn,
    )


def small_picture(image: Image, data: object, *, label: str = "", edge: int = 96) -> SafeString:
    """The image's preview with one box, for lists and histories."""
    return format_html(
        '<span class="boxed"><img src="{}" width="{}" alt="" loading="lazy"'
        ' decoding="async">{}</span>',
        file_url(image, "preview"),
        edge,
        boxes_drawn(box_of(data), label=label),
    )


def _corner(box: Box) -> tuple[str, str, str, str]:
    numbers = (box.left, box.top, box.width, box.height)
    left, top, width, height = (f"{number * 100:.4g}" for number in numbers)
    return left, top, width, height


# --- For the desk ---------------------------------------------------------------------------------


def item(dealt: Dealt, *, by: User, stage: str = "") -> dict[str, Any]:
    """What the desk shows of an annotation; a check of the reviewer looks like any other.

    Boxes are ``[left, top, right, bottom]`` in fractions of the upright image.
    """
    annotation = (
        Annotation.objects.select_related("image", "collection")
        .defer("image__metadata", "notes")
        .get(pk=dealt.annotation.pk)
    )
    image, home = annotation.image, annotation.collection
    rows = Annotation.objects.filter(image_id=image.pk).exclude(pk=annotation.pk).order_by("id")
    others = rows.values_list("bounding_box", "label")[:_OTHERS]
    return {
        "ticket": Ticket.of(dealt).seal(by=by),
        "id": str(annotation.pk),
        "url": annotation_url(annotation.pk),
        "version": annotation.version,
        "label": annotation.label,
        "box": edges(annotation.bounding_box),
        "others": [
            {"box": box, "label": label}
            for data, label in others
            if (box := edges(data)) is not None
        ],
        "confidence": share(annotation.vision_confidence),
        "calibrated": share(annotation.calibrated_confidence),
        "provider": annotation.vision_provider or "a person",
        "model": annotation.vision_model,
        "stage": stage if dealt.extra and stage else annotation.review_stage,
        "collection": {"id": str(home.pk), "name": home.name} if home else None,
        "image": {
            "id": str(image.pk),
            "name": image.file_name,
            "url": image_url(image.pk),
            "preview": file_url(image, "preview"),
            "width": image.width or 4,
            "height": image.height or 3,
        },
    }


def edges(data: object) -> list[float] | None:
    """A box as ``[left, top, right, bottom]``; None where it is none."""
    box = box_of(data)
    return None if box is None else [box.left, box.top, box.right, box.bottom]


def current_state(annotation: Annotation) -> dict[str, Any]:
    """How an annotation stands now, for whoever wanted to write something else."""
    return {
        "version": annotation.version,
        "label": annotation.label or NOTHING,
        "box": edges(annotation.bounding_box),
        "status": STATUS.get(annotation.review_status, (annotation.review_status, ""))[0].lower(),
        "stage": annotation.review_stage,
        "reason": reason_words(annotation.rejection_reason),
        "by": str(annotation.reviewed_by) if annotation.reviewed_by else "",
        "waits": annotation.review_status == ReviewStatus.PENDING,
    }
