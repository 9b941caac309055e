"""Rows of reviews for tests: proposals, and what people decided on them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from django.utils import timezone

from accounts.models import User
from annotations.models import AiAnnotationJob, Annotation, AnnotationReview
from imaging.models import Image
from tests.annotations.knowledge import simulation
from tests.factories import make_image, make_user


def box(left: float, top: float, width: float, height: float) -> dict[str, Any]:
    """A box as it is stored."""
    return {
        "topLeft": {"x": left, "y": top},
        "bottomRight": {"x": left + width, "y": top + height},
        "width": width,
        "height": height,
    }


def proposal(image: Image, **given: Any) -> Annotation:
    """A bird that the local provider proposes, not saved."""
    values: dict[str, Any] = {
        "label": "robin",
        "bounding_box": box(0.25, 0.25, 0.5, 0.5),
        "vision_generated": True,
        "vision_confidence": Decimal("0.5"),
        "vision_provider": "local",
        "vision_model": "test-1",
    }
    return Annotation(image=image, **(values | given))


def decided(by: User, *, approved: bool = True) -> dict[str, Any]:
    """The fields of a decision."""
    return {
        "review_status": "approved" if approved else "rejected",
        "rejection_reason": "" if approved else "no_bird",
        "reviewed_by": by,
        "reviewed_at": timezone.now(),
    }


def fixed_images(count: int, *, user: User) -> list[Image]:
    """Images whose keys are the same each time: by these it goes which are held out together.

    With keys by chance, what is learnt would be by chance as well: four times in a thousand a
    curve came out better that should not.
    """
    there = Image.objects.count()
    keys = [uuid5(NAMESPACE_OID, f"image {there + number}") for number in range(count)]
    return [make_image(id=key, user=user) for key in keys]


def simulated(count: int, *, seed: int = 1, **given: Any) -> list[Annotation]:
    """So many decisions on the under-confident provider, five to an image."""
    by = make_user()
    images = fixed_images(-(-count // 5), user=by)
    made = simulation.decisions(count, np.random.default_rng(seed))
    return Annotation.objects.bulk_create(
        proposal(
            images[i // 5],
            vision_confidence=Decimal(str(made.stated[i])),
            **(decided(by, approved=bool(made.right[i])) | given),
        )
        for i in range(count)
    )


def waiting(confidences: Sequence[str], **given: Any) -> list[Annotation]:
    """Proposals with these confidences that nobody has decided on."""
    image = make_image()
    return Annotation.objects.bulk_create(
        proposal(image, vision_confidence=Decimal(one), **given) for one in confidences
    )


def said(annotation: Annotation, reviewer: User, decision: str, **given: Any) -> AnnotationReview:
    """A decision, a second after the one before."""
    values: dict[str, Any] = {
        "stage": "final",
        "label": annotation.label,
        "bounding_box": annotation.bounding_box,
        "version": annotation.version or 1,
    }
    return AnnotationReview.objects.create(
        annotation=annotation, reviewer=reviewer, decision=decision, **(values | given)
    )


def looked(image: Image, provider: str, **given: Any) -> AiAnnotationJob:
    """A provider's answer about an image."""
    values = {"status": "completed", "model": "test-1", "cost": "0.002", "response_time_ms": 400}
    return AiAnnotationJob.objects.create(image=image, provider=provider, **(values | given))


def days_ago(count: int) -> Any:
    """A moment so many days back."""
    return timezone.now() - timedelta(days=count)
