"""The bytes that were handed in."""

from __future__ import annotations

import hashlib

from django.core.exceptions import SuspiciousOperation
from django.core.files import File
from django.core.files.storage import default_storage

from imaging import paths
from imaging.errors import SourceLost
from imaging.models import Image


def open_original(image: Image) -> File[bytes] | None:
    """The stored file; None when it is gone, leads out of the storage, or is not the image's.

    A row that plain SQL wrote may name any file of the storage, also somebody else's. One that lies
    where its hash says is what it is; of another the bytes must have that hash.
    """
    if not image.file_path:
        return None
    try:
        file: File[bytes] = default_storage.open(image.file_path)
    except (OSError, SuspiciousOperation, ValueError):
        return None
    if image.file_path == paths.original(image.file_hash, image.mime_type):
        return file
    if hashlib.file_digest(file, "sha256").hexdigest() == image.file_hash:
        file.seek(0)
        return file
    file.close()
    return None


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
