"""The samples of an analysis, as rules look at them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from monitoring.actions.alerting_ledger import Seen
from monitoring.models import Analysis, Anomaly, MonitorBlock
from monitoring.rules import Sample
from monitoring.rules.samples import MetaValue
from monitoring.scoring import Detector


def of_analysis(analysis: Analysis, *, ratios: bool = True) -> list[Seen]:
    """The samples in the order in which they were placed; none once they are packed.

    ``ratios``: the rules look at the ratio, for which the map's detector is read. The system asks,
    so rows that somebody else hung on the analysis have to be left out here.
    """
    orders = Anomaly.objects.filter(analysis=analysis).values_list("process_order", "pk")
    keys = {order: key for order, key in orders if order is not None}
    largest = _largest(analysis) if ratios else None
    return [
        seen
        for block in MonitorBlock.objects.filter(analysis_id=analysis.pk, user_id=analysis.user_id)
        .defer("monitor_values", "x_values", "y_values")
        .order_by("process_order")
        for seen in _of_block(block, _calibration(analysis), largest, keys)
    ]


def _of_block(
    block: MonitorBlock, calibration: int | None, largest: float | None, keys: dict[int, UUID]
) -> Iterator[Seen]:
    metadata = _texts(block.metadata)
    for index in range(block.row_count):
        score = _at(block.scores, index)
        yield Seen(
            _sample(block, index, block.created_at, score, calibration, largest, metadata),
            keys.get(block.process_order + index),
        )


def _sample(  # noqa: PLR0917 - one place, beside its caller
    block: MonitorBlock,
    index: int,
    at: datetime,
    score: float | None,
    calibration: int | None,
    largest: float | None,
    metadata: list[dict[str, MetaValue]],
) -> Sample:
    return Sample(
        at=at,
        severity=_at(block.severities, index),
        distance=score,
        p_value=_at(block.p_values, index),
        ratio=None if score is None or largest is None else _ratio(score, largest),
        off_map=_at(block.off_map, index),
        calibration=calibration,
        meta=metadata[index] if index < len(metadata) else {},
    )


def _at(values: list[Any] | None, index: int) -> Any:
    return None if values is None else values[index]


def _texts(metadata: Any) -> list[dict[str, MetaValue]]:
    """The texts of each row by column, of ``{"columns": […], "rows": [[…], …]}``."""
    if not isinstance(metadata, dict) or not isinstance(metadata.get("rows"), list):
        return []
    columns = metadata.get("columns") or []
    return [dict(zip(columns, row, strict=False)) for row in metadata["rows"]]


def with_maps(analyses: QuerySet[Analysis]) -> QuerySet[Analysis]:
    """Analyses with what is read here of their maps; a map weighs megabytes."""
    heavy = ("x_values", "y_values", "baseline", "detector", "features", "constant")
    return analyses.select_related("dinsight").defer(*(f"dinsight__{name}" for name in heavy))


def _calibration(analysis: Analysis) -> int | None:
    return analysis.dinsight.calibration_count if analysis.dinsight else None


def _largest(analysis: Analysis) -> float | None:
    stored = analysis.dinsight.detector if analysis.dinsight else None
    return None if stored is None else Detector.from_bytes(bytes(stored)).largest


def _ratio(score: float, largest: float) -> float:
    """As ``monitoring.scoring`` has it."""
    if largest > 0:
        return score / largest
    return math.inf if score > 0 else 0.0
