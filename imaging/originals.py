"""The bytes that were handed in."""

from __future__ import annotations

import hashlib

from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import default_storage

from imaging.errors import SourceLost
from imaging.models import Image


def read_original(image: Image) -> bytes:
    """The image's bytes, proven to be those that were handed in."""
    try:
        with default_storage.open(image.file_path) as file:
            data: bytes = file.read()
    except (FileNotFoundError, IsADirectoryError, SuspiciousOperation):
        raise SourceLost(
            f"{image.file_name}: the stored file {image.file_path} is gone. Restore it from a"
            " backup and retry, or hand the image in again."
        ) from None
    if hashlib.sha256(data).hexdigest() != image.file_hash:
        raise SourceLost(
            f"{image.file_name}: the stored file {image.file_path} no longer holds the bytes that"
            " were handed in. Restore it from a backup and retry."
        )
    return data
