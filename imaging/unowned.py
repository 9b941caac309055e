"""Which stored pictures are needed; ``jobs.housekeeping.unowned`` removes the others."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePosixPath
from typing import Final
from uuid import UUID

from django.db.models import Q

from imaging import paths
from imaging.actions import uploads
from imaging.models import Image
from jobs.housekeeping import unowned

_KEY: Final = 2  # derived/ab/<the image's key>/…


def declare() -> None:
    """Tell the housekeeping where originals lie, and the pictures made of them."""
    unowned.register(
        unowned.Area(
            folder=paths.ORIGINALS, shape=paths.ORIGINAL, needed=originals, free=original_is_free
        )
    )
    unowned.register(unowned.Area(folder=paths.DERIVED, shape=paths.PICTURE, needed=derived))


def originals(stored: Collection[str]) -> set[str]:
    """Those that an image has: by its hash, or by naming the path."""
    hashes = {_sha256(path) for path in stored}
    rows = Image.objects.filter(Q(file_hash__in=hashes) | Q(file_path__in=stored))
    found = {text for row in rows.values_list("file_hash", "file_path") for text in row}
    return {path for path in stored if path in found or _sha256(path) in found}


def derived(stored: Collection[str]) -> set[str]:
    """Those of an image that is there: earlier results show theirs too."""
    keys = {path: UUID(PurePosixPath(path).parts[_KEY]) for path in stored}
    found = set(Image.objects.filter(pk__in=set(keys.values())).values_list("pk", flat=True))
    return {path for path, key in keys.items() if key in found}


def original_is_free(path: str) -> bool:
    """Whether nobody stores these bytes now, nor can before the transaction ends."""
    return uploads.hold(_sha256(path))


def _sha256(path: str) -> str:
    return PurePosixPath(path).stem
