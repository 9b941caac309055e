"""What a map shows: its healthy rows, the samples on it, and what they are coloured by.

Sent as little-endian numbers, which a page reads without parsing. A map of 100,000 samples takes
2.2 MB and no work in the browser.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from monitoring import arrays
from monitoring.admin.region import core, region
from monitoring.models import Analysis, AnalysisStatus, AnalysisType, BaselineMap

Floats = NDArray[np.float32]

# The newest so many samples are shown, and healthy rows evenly taken.
MOST_SAMPLES: Final = 200_000
MOST_HEALTHY: Final = 50_000
UNJUDGED: Final = 255
_MAGIC: Final = b"LMAP"
_SIZES: Final = """
    SELECT coalesce(max(process_order + row_count) - 1, 0), count(*) FROM monitor_data
     WHERE dinsight_id = %s
    UNION ALL
    SELECT coalesce(max(process_order + row_count) - 1, 0), count(*) FROM monitor_data_archive
     WHERE dinsight_id = %s
"""
_BLOCKS: Final = """
    SELECT process_order, row_count, created_at, analysis_id, x_values, y_values, scores, p_values,
        severities, off_map
    FROM monitor_data WHERE dinsight_id = %s AND process_order + row_count > %s
    ORDER BY process_order
"""
_PACKED: Final = """
    SELECT process_order, row_count, created_at, analysis_id, x_micros, y_micros, scores, ranks,
        severities, off_map, rank_of
    FROM monitor_data_archive WHERE dinsight_id = %s AND process_order + row_count > %s
    ORDER BY process_order
"""


@dataclass(slots=True)
class Batch:
    """Samples that were judged together: ``first`` and ``count`` in the arrays."""

    first: int
    count: int
    at: datetime
    analysis_id: UUID | None
    threshold: float | None = None
    file: str = ""


@dataclass(slots=True)
class Samples:
    """Samples of a map in the order in which they came, from the oldest shown.

    ``order`` (n,) their numbers; ``places`` (n, 2) map units; ``scores``, ``p_values`` (n,), NaN
    where they are not known; ``severities`` (n,) 0 to 4, 255 for none; ``off_map`` (n,).
    """

    order: NDArray[np.int32]
    places: Floats
    scores: Floats
    p_values: Floats
    severities: NDArray[np.uint8]
    off_map: NDArray[np.bool_]
    batches: list[Batch] = field(default_factory=list)


def sizes(map_id: UUID) -> tuple[int, int, int]:
    """The number of the last sample, blocks, and blocks that are packed."""
    with connection.cursor() as cursor:
        cursor.execute(_SIZES, [map_id, map_id])
        (last, blocks), (packed_last, packed) = cursor.fetchall()
    return max(last, packed_last), blocks, packed


def tag(chosen: BaselineMap) -> str:
    """What differs as soon as the map shows something else, as an entity tag (RFC 9110)."""
    last, blocks, packed = sizes(chosen.pk)
    return f'"{chosen.pk.hex}-{last}-{blocks}-{packed}"'


def before(map_id: UUID) -> int:
    """The number of the last sample that is too old to be shown."""
    return max(0, sizes(map_id)[0] - MOST_SAMPLES)


def healthy(chosen: BaselineMap) -> Floats:
    """(n, 2) places of the healthy rows that are shown."""
    rows = arrays.fetch("SELECT x_values, y_values FROM dinsight_data WHERE id = %s", [chosen.pk])
    if not rows:
        return np.empty((0, 2), np.float32)
    places = np.stack(rows[0], axis=1).astype(np.float32)
    return places[shown_healthy(len(places))]


def shown_healthy(rows: int) -> NDArray[np.int64]:
    """Which of so many healthy rows are shown, from 0."""
    if rows <= MOST_HEALTHY:
        return np.arange(rows)
    return np.linspace(0, rows - 1, MOST_HEALTHY).astype(np.int64)


def samples(chosen: BaselineMap) -> Samples:
    """The samples that are shown; inside a transaction."""
    first = before(chosen.pk)
    blocks = [
        *(_unpacked(row) for row in arrays.fetch(_PACKED, [chosen.pk, first + 1])),
        *arrays.fetch(_BLOCKS, [chosen.pk, first + 1]),
    ]
    blocks.sort(key=lambda block: int(block[0]))
    made = Samples(
        order=_joined([np.arange(row[0], row[0] + row[1]) for row in blocks], np.int32),
        places=_joined([np.stack(row[4:6], axis=1) for row in blocks], np.float32, (0, 2)),
        scores=_joined([_or(row[6], row[1], np.nan) for row in blocks], np.float32),
        p_values=_joined([_or(row[7], row[1], np.nan) for row in blocks], np.float32),
        severities=_joined([_or(row[8], row[1], UNJUDGED) for row in blocks], np.uint8),
        off_map=_joined([_or(row[9], row[1], False) for row in blocks], np.bool_),
    )
    made.batches = _batches(blocks, chosen.pk)
    return made


def encoded(points: Floats, found: Samples) -> bytes:
    """The map in bytes: ``LMAP``, then four counts (version, healthy, samples, bytes of JSON), then

    healthy x, healthy y, x, y, score, p-value as float32, the samples' numbers as int32, severity
    and off the map as bytes, and JSON with the region, the core of the healthy rows (left, bottom,
    right, top) and the batches.
    """
    low, high = core(points)
    told = {
        "core": [round(float(value), 6) for value in (*low, *high)],
        "region": [[[round(x, 6), round(y, 6)] for x, y in loop] for loop in region(points)],
        "batches": [
            {
                "first": one.first,
                "count": one.count,
                "at": one.at.timestamp(),
                "threshold": one.threshold,
                "file": one.file,
            }
            for one in found.batches
        ],
    }
    tail = json.dumps(told, separators=(",", ":")).encode()
    numbers = (points[:, 0], points[:, 1], found.places[:, 0], found.places[:, 1])
    return b"".join(
        (
            _MAGIC,
            struct.pack("<4I", 1, len(points), len(found.order), len(tail)),
            *(one.astype("<f4").tobytes() for one in (*numbers, found.scores, found.p_values)),
            found.order.astype("<i4").tobytes(),
            found.severities.tobytes(),
            found.off_map.astype(np.uint8).tobytes(),
            tail,
        )
    )


def source_key(chosen: BaselineMap) -> str:
    """Under which key the features that the map was made of are kept."""
    config = chosen.config
    said = {
        "dialect": chosen.dialect,
        "columns": [config.end_meta, config.start_dim, config.end_dim],
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _unpacked(row: tuple[Any, ...]) -> tuple[Any, ...]:
    ranks, rank_of = row[7], row[10]
    p_values = None if ranks is None else ranks / rank_of
    return (*row[:4], row[4] / 1e6, row[5] / 1e6, row[6], p_values, row[8], row[9])


def _or(values: Any, count: int, otherwise: Any) -> Any:
    return np.full(count, otherwise) if values is None else values


def _joined(parts: Sequence[Any], kind: Any, empty: tuple[int, ...] = (0,)) -> Any:
    return np.concatenate(parts).astype(kind) if parts else np.empty(empty, kind)


def _batches(blocks: Sequence[tuple[Any, ...]], map_id: UUID) -> list[Batch]:
    """Blocks of one analysis that follow each other are one batch."""
    analyses = Analysis.objects.filter(
        dinsight=map_id, analysis_type=AnalysisType.PLACE, status=AnalysisStatus.COMPLETED
    )
    names = analyses.values_list("pk", "results", "file_upload__original_filename")
    known = {key: (results or {}, name) for key, results, name in names}
    made: list[Batch] = []
    at = 0
    for _, count, moment, analysis_id, *_ in blocks:
        last = made[-1] if made else None
        if last and analysis_id is not None and last.analysis_id == analysis_id:
            last.count += count
        else:
            results, name = known.get(analysis_id, ({}, ""))
            threshold = results.get("threshold")
            made.append(Batch(at, count, moment, analysis_id, threshold, name))
        at += count
    return made
