"""Reading the file of an analysis, and telling how far the work is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from ingestion import reading, stored
from ingestion.errors import IngestionError
from ingestion.models import FileUpload
from ingestion.reading import Columns, FeatureBlock, TableRefused
from monitoring.errors import NotNow
from monitoring.maps import Unusable
from monitoring.models import MapConfig

# Told the share done, 0 to 1, and what is being done; raises to stop the work.
Look = Callable[[float, str], None]

# The same bits for any number of them, so they may follow the machine.
THREADS: Final = max(1, min(4, (os.cpu_count() or 2) // 2))
# Numbers in one block of an array: see docs/decisions/0022-features-in-arrays.md.
BLOCK_NUMBERS: Final = 32_768


def silent(share: float, message: str) -> None:
    """For work that nobody watches."""


def columns_of(file: FileUpload, config: MapConfig) -> Columns:
    """Which of the file's columns are metadata and which features; NotNow says why none can be."""
    try:
        return reading.columns(
            file.header or [],
            end_meta=config.end_meta,
            start_dim=config.start_dim,
            end_dim=config.end_dim,
            file=file.original_filename,
        )
    except TableRefused as refused:
        raise NotNow(str(refused)) from None


def same_features(file: FileUpload, names: Sequence[str], wanted: Sequence[str]) -> None:
    """NotNow, with the first difference, unless the file has the features of the map."""
    if list(names) == list(wanted):
        return
    for place, (name, other) in enumerate(zip(names, wanted, strict=False), 1):
        if name != other:
            raise NotNow(
                f"{file}: feature {place} is {name}, but the map was made with {other} there. Send"
                " the same columns in the same order, or make a new map."
            )
    raise NotNow(
        f"{file} has {len(names):,} features, the map has {len(wanted):,}. Send the same columns,"
        " or make a new map."
    )


def blocks(file: FileUpload, config: MapConfig) -> Iterator[FeatureBlock]:
    """The rows of the file as they are read, in order."""
    return stored.read(
        [file], end_meta=config.end_meta, start_dim=config.start_dim, end_dim=config.end_dim
    )


@contextmanager
def refusals(file: FileUpload) -> Iterator[None]:
    """What cannot be read or computed, as a NotNow with a sentence that names the file."""
    try:
        yield
    except (TableRefused, IngestionError) as refused:
        raise NotNow(str(refused)) from refused
    except Unusable as error:
        raise NotNow(f"{file}: {error}") from error


def rows_in_block(features: int) -> int:
    """How many rows of so many features one array holds."""
    return max(1, min(1024, BLOCK_NUMBERS // max(features, 1)))


def told_metadata(names: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, Any] | None:
    """The texts of some rows as a block keeps them; None where there are none."""
    if not names:
        return None
    clean = [[text.replace("\x00", "") for text in row] for row in rows]
    return {"columns": list(names), "rows": clean}


class Clock:
    """Seconds since it was made, or asked last."""

    def __init__(self) -> None:
        self._at = time.monotonic()

    def lap(self) -> float:
        """Seconds since the last lap; never 0, so that it may divide."""
        now = time.monotonic()
        self._at, before = now, self._at
        return max(now - before, 1e-6)
