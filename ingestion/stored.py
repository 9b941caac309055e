"""Stored files as sources to be read."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import IO, Any, cast

import numpy as np
from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import default_storage

from ingestion import paths, reading
from ingestion.errors import NotNow, SourceLost
from ingestion.models import FileStatus, FileUpload
from ingestion.reading import Dialect, FeatureBlock, Source


def sources(file: FileUpload) -> list[Source]:
    """What it takes to read the file: itself, or its parts in order."""
    if file.merged_files is None:
        return [_source(file.original_filename, file.file_path, file.file_size, file.sha256,
                        file.dialect)]  # fmt: skip
    return [
        _source(
            part["original_filename"],
            part["file_path"],
            part["file_size"],
            part["sha256"],
            Dialect(part["encoding"], part["delimiter"], part["decimal_sign"]),
        )
        for part in file.merged_files
    ]


def _source(name: str, path: str | None, size: int, sha256: str | None, dialect: Dialect) -> Source:
    return Source(name, functools.partial(open_bytes, name, path or ""), dialect, size, sha256)


def open_bytes(name: str, path: str) -> IO[bytes]:
    """The stored bytes; SourceLost where they are gone, or where no files of numbers lie."""
    try:
        if paths.is_stored(path):
            return cast("IO[bytes]", default_storage.open(path))
    except (FileNotFoundError, IsADirectoryError, SuspiciousOperation):
        pass
    raise SourceLost(
        f"{name}: the stored file {path or '(none)'} is gone. Restore it from a backup and retry,"
        " or upload it again."
    )


def read(
    files: Iterable[FileUpload],
    *,
    end_meta: str,
    start_dim: str,
    end_dim: str,
    dtype: type[np.float64 | np.float32] = np.float64,
    **options: Any,
) -> Iterator[FeatureBlock]:
    """The rows of files, one after the other, as ``reading.read`` gives them.

    NotNow for a file that is not ready; SourceLost; TableRefused for what is wrong in it.
    """
    every: list[Source] = []
    for file in files:
        if file.status != FileStatus.READY:
            raise NotNow(
                f"{file.original_filename} is {file.status}; only a file that is ready can be read."
            )
        every += sources(file)
    return reading.read(
        every, end_meta=end_meta, start_dim=start_dim, end_dim=end_dim, dtype=dtype, **options
    )
