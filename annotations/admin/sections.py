"""The pages about annotations, as a row of links under each page's title."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest
from django.urls import reverse

# Title, url name, permission.
_PAGES: Final = (
    ("Desk", "annotations_desk", "annotations.review_annotation"),
    ("Annotations", "annotations_annotation_changelist", "annotations.view_annotation"),
    ("Collections", "annotations_imagecollection_changelist", "annotations.view_annotation"),
    ("AI jobs", "annotations_aiannotationjob_changelist", "annotations.view_annotation"),
    ("Batches", "annotations_batchjob_changelist", "annotations.view_annotation"),
    ("Knowledge", "annotations_knowledge", "annotations.view_annotation"),
    ("Exercises", "annotations_exercises", "annotations.review_annotation"),
)


@dataclass(frozen=True, slots=True)
class Section:
    """One page about annotations."""

    title: str
    url: str
    current: bool


def sections(request: HttpRequest) -> list[Section]:
    """The pages that this person may see; the present one is, or belongs to, one of them."""
    match = request.resolver_match
    here = (match.url_name or "") if match else ""
    return [
        Section(title, reverse(f"admin:{name}"), here.startswith(name.removesuffix("changelist")))
        for title, name, permission in _PAGES
        if request.user.has_perm(permission)
    ]
