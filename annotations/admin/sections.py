"""The pages about annotations, as a row of links under each page's title."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest

from config.admin.sections import Listed, Section
from config.admin.sections import sections as allowed

_PAGES: Final[tuple[Listed, ...]] = (
    ("Desk", "annotations_desk", "annotations.review_annotation"),
    ("Annotations", "annotations_annotation_changelist", "annotations.view_annotation"),
    ("Collections", "annotations_imagecollection_changelist", "annotations.view_annotation"),
    ("AI jobs", "annotations_aiannotationjob_changelist", "annotations.view_annotation"),
    ("Batches", "annotations_batchjob_changelist", "annotations.view_annotation"),
    ("Knowledge", "annotations_knowledge", "annotations.view_annotation"),
    ("Exercises", "annotations_exercises", "annotations.review_annotation"),
)


def sections(request: HttpRequest) -> list[Section]:
    """The pages that this person may see."""
    return allowed(request, _PAGES)
