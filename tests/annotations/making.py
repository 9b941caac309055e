"""Annotations for tests."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from annotations.boxes import Box
from annotations.models import Annotation, ImageCollection
from imaging.models import Image
from tests.factories import make_image

BOX = Box(0.1, 0.2, 0.5, 0.6)


def make_annotation(**given: Any) -> Annotation:
    """A proposal of the local provider that waits for review, unless told otherwise."""
    defaults: dict[str, Any] = {
        "label": "robin",
        "bounding_box": BOX.to_json(),
        "vision_generated": True,
        "vision_confidence": Decimal("0.5"),
        "vision_provider": "local",
        "vision_model": "test-1",
    }
    if "image" not in given:
        given["image"] = make_image()
    made = Annotation.objects.create(**(defaults | given))
    made.refresh_from_db()
    return made


def make_collection(*images: Image, **given: Any) -> ImageCollection:
    """A collection with these images in it."""
    made = ImageCollection.objects.create(**({"name": f"Birds {given}"[:200]} | given))
    for image in images:
        made.members.create(image=image)
    return made
