"""Samples in pages, one by one, although they are stored in blocks, and old ones packed.

The order is that in which they were handed in: by moment, map and number. Blocks are read as a
page needs them, never more than one for each of its samples; the numbers of the features stay in
the database.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.core import signing
from django.db.models import F, Q, QuerySet

from config.admin.keyset import WrongCursor
from monitoring.models import MonitorBlock, PackedBlock
from monitoring.rules import SEVERITIES

# When, on which map, the how manieth.
Place = tuple[datetime, UUID, int]
Block = MonitorBlock | PackedBlock

_FEW: Final = 4
_MORE: Final = 4  # times as many each time
_MANY: Final = 128
_MILLION: Final = 1e6
_ORDER: Final = ("created_at", "dinsight_id", "process_order")
_WANTED: Final = (
    "dinsight_id", "analysis_id", "process_order", "first_row", "row_count", "metadata",
    "created_at", "scores", "severities", "off_map",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """Which samples: those beyond ``after``, of these severities (0 to 4; empty: all)."""

    newest_first: bool
    severities: Collection[int] = ()
    after: Place | None = None


def samples(
    recent: QuerySet[MonitorBlock], packed: QuerySet[PackedBlock], span: Span, count: int
) -> list[dict[str, Any]]:
    """The first ``count`` samples of the span, of these blocks."""
    found: list[dict[str, Any]] = []
    ways = (
        _in_order(_beyond(recent, span).only(*_WANTED, "x_values", "y_values", "p_values"), span),
        _in_order(
            _beyond(packed, span).only(*_WANTED, "x_micros", "y_micros", "ranks", "rank_of"), span
        ),
    )
    for block in heapq.merge(*ways, key=_key, reverse=span.newest_first):
        for sample in _unfolded(block, span):
            found.append(sample)
            if len(found) == count:
                return found
    return found


def place_of(sample: dict[str, Any]) -> Place:
    """Where the sample stands in the order."""
    return sample["created_at"], sample["map_id"], sample["number"]


def written(sample: dict[str, Any], *, newest_first: bool) -> str:
    """Where the sample stands, as a signed cursor of a list in this order."""
    at, map_id, number = place_of(sample)
    return signing.dumps([at.isoformat(), map_id.hex, number], salt=_salt(newest_first))


def place_in(cursor: str, *, newest_first: bool) -> Place:
    """The place that a cursor names; WrongCursor for one that no such list made."""
    try:
        at, map_id, number = signing.loads(cursor, salt=_salt(newest_first))
        return datetime.fromisoformat(at), UUID(map_id), int(number)
    except (signing.BadSignature, ValueError, TypeError):
        raise WrongCursor from None


def _salt(newest_first: bool) -> str:
    return f"monitoring.api.samples {newest_first:d}"


def _in_order(rows: QuerySet[Any], span: Span) -> Iterator[Any]:
    """The blocks, a few at a time: most pages need few."""
    sign = "-" if span.newest_first else ""
    ordered = rows.order_by(*(f"{sign}{name}" for name in _ORDER))
    start, size = 0, _FEW
    while True:
        found = list(ordered[start : start + size])
        yield from found
        if len(found) < size:
            return
        start, size = start + size, min(size * _MORE, _MANY)


def _key(block: Block) -> Place:
    return block.created_at, block.dinsight_id, block.process_order


def _beyond(rows: QuerySet[Any], span: Span) -> QuerySet[Any]:
    """Blocks that may hold a sample of the span."""
    if span.severities:
        rows = rows.filter(severities__overlap=list(span.severities))
    if span.after is None:
        return rows
    at, map_id, number = span.after
    word = "lt" if span.newest_first else "gt"
    # The block with the sample itself, too, if something beyond it stands there.
    beside = (
        Q(process_order__lt=number)
        if span.newest_first
        else Q(process_order__gt=number + 1 - F("row_count"))
    )
    return rows.filter(
        Q(**{f"created_at__{word}": at})
        | Q(created_at=at)
        & (Q(**{f"dinsight_id__{word}": map_id}) | Q(dinsight_id=map_id) & beside),
        # Stated once more so that months are chosen by it.
        **{f"created_at__{word}e": at},
    )


def _unfolded(block: Block, span: Span) -> Iterator[dict[str, Any]]:
    """The block's samples that belong to the span."""
    places: Sequence[int] = range(block.row_count)
    for index in reversed(places) if span.newest_first else places:
        severity = _at(block.severities, index)
        if span.severities and severity not in span.severities:
            continue
        sample = _sample(block, index, severity)
        if span.after is not None:
            here = place_of(sample)
            if here >= span.after if span.newest_first else here <= span.after:
                continue
        yield sample


def _sample(block: Block, index: int, severity: int | None) -> dict[str, Any]:
    return {
        "map_id": block.dinsight_id,
        "number": block.process_order + index,
        "analysis_id": block.analysis_id,
        "file_row": None if block.first_row is None else block.first_row + index,
        "created_at": block.created_at,
        **_measured(block, index),
        "score": _at(block.scores, index),
        "severity": None if severity is None else SEVERITIES[severity],
        "off_map": _at(block.off_map, index),
        "metadata": _texts(block.metadata, index),
    }


def _measured(block: Block, index: int) -> dict[str, Any]:
    """As the view ``monitor_samples`` has it."""
    if isinstance(block, MonitorBlock):
        return {
            "x": block.x_values[index],
            "y": block.y_values[index],
            "p_value": _at(block.p_values, index),
            "is_packed": False,
        }
    rank = _at(block.ranks, index)
    return {
        "x": block.x_micros[index] / _MILLION,
        "y": block.y_micros[index] / _MILLION,
        "p_value": None if rank is None or not block.rank_of else rank / block.rank_of,
        "is_packed": True,
    }


def _at(values: Sequence[Any] | None, index: int) -> Any:
    return None if values is None else values[index]


def _texts(metadata: Any, index: int) -> dict[str, Any] | None:
    """The texts of one row by column; other JSON is shown as it is, if it is an object."""
    if not isinstance(metadata, dict):
        return None
    rows, columns = metadata.get("rows"), metadata.get("columns")
    if not isinstance(rows, list) or not isinstance(columns, list):
        return metadata
    row = rows[index] if index < len(rows) else []
    return dict(zip(columns, row, strict=False)) if isinstance(row, list) else None
