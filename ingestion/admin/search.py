"""Finding files by what people have at hand: a name, an id, a hash."""

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
from ingestion.admin.states import word_of
from ingestion.models import FileUpload

_HASH: Final = re.compile(r"[0-9a-f]{64}")


def matching_files(files: QuerySet[FileUpload], text: str) -> QuerySet[FileUpload]:
    """Files whose name begins with the text, or with this id or hash.

    Served by ``idx_file_uploads_original_filename``, the primary key and the index of hashes.
    """
    text = text.strip().replace("\x00", "").lower()
    if not text:
        return files
    wanted = Q(lowered_name__startswith=text)
    try:
        wanted |= Q(pk=UUID(text))
    except ValueError:
        if _HASH.fullmatch(text):
            wanted |= Q(sha256=text)
    return files.alias(lowered_name=Lower("original_filename")).filter(wanted)


def find_files(request: HttpRequest, text: str) -> Iterator[SearchHit]:
    """Files for the search at the top of every page, the newest first."""
    found = matching_files(FileUpload.objects.defer("header", "column_kinds"), text)
    for file in found.order_by("-created_at", "-id")[:HITS_PER_PROVIDER]:
        yield SearchHit(
            kind="File",
            title=file.original_filename,
            url=reverse("admin:ingestion_fileupload_change", args=[file.pk]),
            note=f"{word_of(file)}, {relative_moment(file.created_at)}",
        )
