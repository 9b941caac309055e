"""Finding images and jobs by what people have at hand: a name, an id, a hash."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.urls import reverse

from config.admin.formats import relative_moment
from config.admin.registry import HITS_PER_PROVIDER, SearchHit
from imaging.admin.states import image_word, job_word
from imaging.models import Image, ProcessingJob

# Fewer digits would find too many, and words such as "bad" or "face" are digits too.
_HASH: Final = re.compile(r"[0-9a-f]{6,64}")


def as_id(text: str) -> UUID | None:
    """The text as an id, or None."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def matching_images(images: QuerySet[Image], text: str) -> QuerySet[Image]:
    """Images whose name begins with the text, with this id, or whose hash begins with it.

    Served by ``idx_images_file_name`` (prefixes of the lower-case name), the primary key, and the
    index of hash prefixes.
    """
    text = text.strip().replace("\x00", "").lower()
    if not text:
        return images
    wanted = Q(lowered_name__startswith=text)
    if (image_id := as_id(text)) is not None:
        wanted |= Q(pk=image_id)
    if _HASH.fullmatch(text):
        wanted |= Q(file_hash__startswith=text)
    return images.alias(lowered_name=Lower("file_name")).filter(wanted)


def find_images(request: HttpRequest, text: str) -> Iterator[SearchHit]:
    """Images for the search at the top of every page, the newest first."""
    # Ordered by the name's own index would be arbitrary; few are read, so sorting them is cheap.
    found = matching_images(Image.objects.all(), text).order_by("-created_at", "-id")
    for image in found[:HITS_PER_PROVIDER]:
        yield SearchHit(
            kind="Image",
            title=image.file_name,
            url=reverse("admin:imaging_image_change", args=[image.pk]),
            note=f"{image_word(image.analysis_status)}, {relative_moment(image.created_at)}",
        )


def find_jobs(request: HttpRequest, text: str) -> Iterator[SearchHit]:
    """The job with this id."""
    job_id = as_id(text)
    if job_id is None:
        return
    for job in ProcessingJob.objects.filter(pk=job_id).select_related("image"):
        yield SearchHit(
            kind="Job",
            title=f"Analysis of {job.image.file_name}",
            url=reverse("admin:imaging_processingjob_change", args=[job.pk]),
            note=job_word(job.status),
        )
