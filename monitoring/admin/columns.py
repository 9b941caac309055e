"""What the points of a map can be coloured by: a metadata column, or a feature."""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitoring import arrays
from monitoring.admin.map_data import before, shown_healthy, source_key
from monitoring.models import BaselineMap

_MAGIC: Final = b"LCOL"
# Words that get a colour of their own; the others share one.
MOST_WORDS: Final = 8
_NUMBERS, _WORDS = 0, 1
# A column counts as numbers if so many of its cells are.
_MOSTLY: Final = 0.95
_FEW: Final = 6
_LONGEST: Final = 60
_HEALTHY_TEXTS: Final = """
    SELECT row_start, row_count, metadata FROM feature_data
    WHERE file_upload_id = %s AND source_key = %s ORDER BY row_start
"""
_SAMPLE_TEXTS: Final = """
    SELECT process_order, row_count, metadata FROM (
        SELECT process_order, row_count, metadata, dinsight_id FROM monitor_data
        UNION ALL SELECT process_order, row_count, metadata, dinsight_id FROM monitor_data_archive
    ) AS blocks
    WHERE dinsight_id = %s AND process_order + row_count > %s ORDER BY process_order
"""
_HEALTHY_NUMBERS: Final = """
    SELECT feature_values[:][%s:%s] FROM feature_data
    WHERE file_upload_id = %s AND source_key = %s ORDER BY row_start
"""
_SAMPLE_NUMBERS: Final = """
    SELECT process_order, CASE array_ndims(monitor_values)
        WHEN 2 THEN monitor_values[:][%s:%s] ELSE monitor_values[%s:%s] END
    FROM monitor_data WHERE dinsight_id = %s AND process_order + row_count > %s
"""
_PACKED_NUMBERS: Final = """
    SELECT process_order, kinds[%(k)s]::integer, exponents[%(k)s]::integer, bases[%(k)s],
        CASE kinds[%(k)s] WHEN 2 THEN shorts[slots[%(k)s]:slots[%(k)s]][:] END,
        CASE kinds[%(k)s] WHEN 4 THEN wholes[slots[%(k)s]:slots[%(k)s]][:] END,
        CASE kinds[%(k)s] WHEN 8 THEN floats[slots[%(k)s]:slots[%(k)s]][:] END
    FROM monitor_data_archive WHERE dinsight_id = %(map)s AND process_order + row_count > %(first)s
"""


class NoSuchColumn(LookupError):
    """The map knows no column of this name."""


def names(chosen: BaselineMap) -> list[str]:
    """The metadata columns of the rows that the map was made of."""
    rows = arrays.fetch(_HEALTHY_TEXTS + " LIMIT 1", [chosen.file_upload_id, source_key(chosen)])
    return [str(name) for name in _columns(rows[0][2])] if rows else []


def column(chosen: BaselineMap, name: str) -> bytes:
    """The column's values for every point shown, healthy rows first; inside a transaction.

    ``LCOL``, then three counts (0 for numbers or 1 for words, points, bytes of JSON), a float32 for
    each point, NaN where nothing is known, and JSON: of words the list that the values count in, of
    numbers the range of the middle 98 %. NoSuchColumn.
    """
    if name in chosen.features:
        values = _numbers(chosen, chosen.features.index(name) + 1)
        return _encoded(_NUMBERS, values, _range(values))
    texts = _texts(chosen, name)
    if texts is None:
        raise NoSuchColumn(f"The map has no column {name[:_LONGEST]!r}.")
    numbers = _as_numbers(texts)
    if numbers is not None:
        return _encoded(_NUMBERS, numbers, _range(numbers))
    known = Counter(text for text in texts if text)
    words = [word for word, _ in known.most_common(MOST_WORDS)]
    rank = {word: place for place, word in enumerate(words)}
    rest = float(len(words)) if len(known) > len(words) else np.nan
    codes = np.array([rank.get(text, rest) if text else np.nan for text in texts], np.float32)
    told = [word[:_LONGEST] for word in words] + (["others"] if len(known) > len(words) else [])
    return _encoded(_WORDS, codes, {"words": told})


def _encoded(kind: int, values: NDArray[Any], told: dict[str, Any]) -> bytes:
    tail = json.dumps(told).encode()
    head = _MAGIC + struct.pack("<3I", kind, len(values), len(tail))
    return head + values.astype("<f4").tobytes() + tail


def _range(values: NDArray[Any]) -> dict[str, Any]:
    known = values[np.isfinite(values)]
    if not len(known):
        return {"low": 0, "high": 1}
    low, high = np.quantile(known, [0.01, 0.99])
    return {"low": float(low), "high": float(high)}


# --- Texts ----------------------------------------------------------------------------------------


def _texts(chosen: BaselineMap, name: str) -> list[str] | None:
    first = before(chosen.pk)
    sources = (
        arrays.fetch(_HEALTHY_TEXTS, [chosen.file_upload_id, source_key(chosen)]),
        arrays.fetch(_SAMPLE_TEXTS, [chosen.pk, first + 1]),
    )
    if not any(name in _columns(row[2]) for source in sources for row in source):
        return None
    parts = [[text for row in rows for text in _cells(row, name)] for rows in sources]
    known, shown = parts[0], shown_healthy(chosen.row_count)
    known += [""] * (chosen.row_count - len(known))
    return [known[place] for place in shown] + parts[1]


def _columns(metadata: Any) -> Sequence[str]:
    found: Sequence[str] = metadata.get("columns", ()) if isinstance(metadata, dict) else ()
    return found


def _cells(row: tuple[Any, ...], name: str) -> list[str]:
    """The column's text in each row of a block."""
    _, count, metadata = row
    columns = list(_columns(metadata))
    if name not in columns:
        return [""] * int(count)
    place = columns.index(name)
    return [str(texts[place]) if place < len(texts) else "" for texts in metadata["rows"]]


def _as_numbers(texts: Sequence[str]) -> NDArray[np.float32] | None:
    """The texts as numbers; None for words, and for numbers that only name a few things."""
    filled = [text for text in texts if text]
    if len(set(filled[:1000])) <= _FEW:
        return None
    values = np.full(len(texts), np.nan, np.float32)
    found = 0
    for place, text in enumerate(texts):
        try:
            values[place] = float(text)
            found += 1
        except ValueError:
            continue
    return values if found >= _MOSTLY * max(len(filled), 1) else None


# --- Numbers --------------------------------------------------------------------------------------


def _numbers(chosen: BaselineMap, place: int) -> NDArray[np.float32]:
    first = before(chosen.pk)
    source = [place, place, chosen.file_upload_id, source_key(chosen)]
    known = [row[0].ravel() for row in arrays.fetch(_HEALTHY_NUMBERS, source)]
    of_healthy = np.full(chosen.row_count, np.nan, np.float32)
    joined = np.concatenate(known) if known else np.empty(0)
    of_healthy[: len(joined)] = joined[: chosen.row_count]
    ends = [place, place, place, place, chosen.pk, first + 1]
    blocks = {row[0]: row[1].ravel() for row in arrays.fetch(_SAMPLE_NUMBERS, ends)}
    for order, *packed in arrays.fetch(
        _PACKED_NUMBERS % {"k": int(place), "map": "%s", "first": "%s"}, [chosen.pk, first + 1]
    ):
        blocks[order] = _unpacked(*packed)
    parts = [of_healthy[shown_healthy(chosen.row_count)], *(blocks[key] for key in sorted(blocks))]
    return np.concatenate(parts).astype(np.float32)


def _unpacked(  # noqa: PLR0917 - the columns of the query, in their order
    kind: int, exponent: int, base: int, shorts: Any, wholes: Any, floats: Any
) -> NDArray[np.float64]:
    """As ``packed_values()`` in the database has it."""
    if kind == 8:
        plain: NDArray[np.float64] = floats.ravel()
        return plain
    whole = (shorts if kind == 2 else wholes).ravel().astype(np.float64)
    return np.asarray((base + whole) / 10.0**exponent)
