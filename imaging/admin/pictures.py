"""Addresses and elements of an image's pictures, as the staff pages use them."""

from __future__ import annotations

import re
from typing import Any, Final
from uuid import UUID

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from imaging.models import AnalysisResult, Image

# What lists show of a picture, in CSS pixels; the stored thumbnail has up to 256.
SMALL: Final = 56
STRIP: Final = 132

_FINGERPRINT: Final = re.compile(r"[0-9a-f]{16,64}")


def image_url(image_id: UUID) -> str:
    """The address of an image's page."""
    return reverse("admin:imaging_image_change", args=[image_id])


def file_url(image: Image, kind: str) -> str:
    """The address of ``original``, ``preview`` or ``thumbnail``."""
    return reverse("admin:imaging_image_file", args=[image.pk, kind])


def has_layers(result: AnalysisResult) -> bool:
    """Whether pictures of the analysis can be asked for; plain SQL may store any fingerprint."""
    stored = bool(result.visualization_path)
    return stored and _FINGERPRINT.fullmatch(result.algorithm_fingerprint) is not None


def layer_url(image: Image, fingerprint: str, name: str) -> str:
    """The address of a picture that the analysis with this fingerprint made."""
    return reverse("admin:imaging_image_layer", args=[image.pk, fingerprint[:16], name])


def thumbnail(image: Image, *, edge: int = SMALL, alt: str = "") -> SafeString:
    """The small picture, cut to a square, loaded when it comes into view.

    It stands beside the image's name, so its own text is empty unless given.
    """
    return format_html(
        '<img class="thumb{}" src="{}" width="{}" height="{}" alt="{}" loading="lazy"'
        ' decoding="async">',
        " is-large" if edge > SMALL else "",
        file_url(image, "thumbnail"),
        edge,
        edge,
        alt,
    )


class PictureColumns:
    """For lists of what belongs to an image: its thumbnail and its name."""

    @admin.display(description="picture")
    def picture(self, row: Any) -> SafeString:
        """The image's thumbnail."""
        return thumbnail(row.image)

    @admin.display(description="image")
    def name(self, row: Any) -> SafeString:
        """The image's name, whatever its direction of writing."""
        return format_html('<bdi class="file-name" title="{0}">{0}</bdi>', row.image.file_name)
