"""One point of a map, told in full: its texts, its figures, and the features that say why."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import numpy as np

from monitoring import arrays
from monitoring.admin.map_data import source_key
from monitoring.admin.shown import RANKS
from monitoring.maps import Unusable, place
from monitoring.models import Anomaly, BaselineMap
from monitoring.scoring import deviations

_COLUMNS: Final = """
    SELECT b.process_order, b.created_at, b.analysis_id, b.first_row + i - 1,
        {x}, {y}, b.scores[i], {p_value}, b.severities[i]::integer, b.off_map[i], {values},
        block_metadata(b.metadata, i)
    FROM (
        SELECT *, (%s - process_order + 1)::integer AS i FROM {table}
        WHERE dinsight_id = %s AND process_order <= %s ORDER BY process_order DESC LIMIT 1
    ) AS b WHERE i <= b.row_count
"""
_SAMPLE: Final = _COLUMNS.format(
    table="monitor_data",
    x="b.x_values[i]",
    y="b.y_values[i]",
    p_value="b.p_values[i]",
    values="block_values(b.monitor_values, i)",
)
_PACKED: Final = _COLUMNS.format(
    table="monitor_data_archive",
    x="b.x_micros[i] / 1e6::double precision",
    y="b.y_micros[i] / 1e6::double precision",
    p_value="b.ranks[i]::double precision / b.rank_of",
    values="packed_values(b.kinds, b.slots, b.exponents, b.bases, b.shorts, b.wholes, b.floats, i)",
)
_HEALTHY: Final = """
    SELECT block_values(feature_values, i), block_metadata(metadata, i)
    FROM (
        SELECT *, (%s - row_start + 1)::integer AS i FROM feature_data
        WHERE file_upload_id = %s AND source_key = %s AND row_start <= %s
        ORDER BY row_start DESC LIMIT 1
    ) AS b WHERE i <= row_count
"""


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a point; ``severity`` as a word, None where nobody judged it.

    ``number``: of a sample, in its map; of a healthy row, in its file. ``features`` as anomalies
    have them, the most deviating first; ``anomaly`` is what was made of it, if anything.
    """

    number: int
    is_healthy: bool
    x: float
    y: float
    metadata: dict[str, Any] = field(default_factory=dict)
    features: list[dict[str, Any]] = field(default_factory=list)
    score: float | None = None
    p_value: float | None = None
    severity: str | None = None
    off_map: bool = False
    file_row: int | None = None
    at: Any = None
    analysis_id: UUID | None = None
    anomaly: Anomaly | None = None


def sample(chosen: BaselineMap, order: int) -> Told | None:
    """The sample of this number; inside a transaction."""
    rows = arrays.fetch(_SAMPLE, [order, chosen.pk, order])
    rows = rows or arrays.fetch(_PACKED, [order, chosen.pk, order])
    if not rows:
        return None
    _, at, analysis_id, file_row, x, y, score, p_value, severity, off_map, values, texts = rows[0]
    anomaly = (
        Anomaly.objects.filter(analysis_id=analysis_id, process_order=order).first()
        if analysis_id and severity
        else None
    )
    features = list(anomaly.features) if anomaly else _deviating(chosen, values)
    return Told(
        number=order,
        is_healthy=False,
        x=x,
        y=y,
        metadata=texts or {},
        features=features,
        score=_finite(score),
        p_value=_finite(p_value),
        severity=None if severity is None else RANKS[severity],
        off_map=bool(off_map),
        file_row=file_row,
        at=at,
        analysis_id=analysis_id,
        anomaly=anomaly,
    )


def healthy(chosen: BaselineMap, row: int) -> Told | None:
    """The row of this number, from 1, of the file that the map was made of."""
    places = arrays.fetch(
        "SELECT x_values[%s], y_values[%s] FROM dinsight_data WHERE id = %s",
        [row, row, chosen.pk],
    )
    if not places or places[0][0] is None:
        return None
    rows = arrays.fetch(_HEALTHY, [row, chosen.file_upload_id, source_key(chosen), row])
    values, texts = rows[0] if rows else (None, None)
    return Told(
        number=row,
        is_healthy=True,
        x=places[0][0],
        y=places[0][1],
        metadata=texts or {},
        features=_deviating(chosen, values),
        file_row=row,
    )


def _deviating(chosen: BaselineMap, values: Any) -> list[dict[str, Any]]:
    """The features that deviate most, computed anew; none for a map that takes no samples."""
    if values is None or not chosen.takes_samples or len(values) != len(chosen.features):
        return []
    table = np.asarray(values, np.float64)[None]
    try:
        baseline, _ = chosen.loaded()
        found = deviations(table, place(table, baseline, threads=1), baseline)
    except Unusable:
        return []
    return [
        {
            "name": chosen.features[feature],
            "value": float(table[0, feature]),
            "deviation": round(float(size), 3),
        }
        for feature, size in zip(found.features[0], found.sizes[0], strict=True)
    ]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
