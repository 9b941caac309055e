"""Packing old samples: fewer bytes, the same bits, readable in SQL through the same view.

Sensors mostly give decimals of a few digits, which take a double's 53 bits only because they are
written in binary. Where every number of a feature is ``n / 10^k`` to the last bit, the whole
numbers n are kept instead, in 2 or 4 bytes after their middle is taken away, feature by feature, so
that the server's own compression finds what repeats.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import numpy as np
import structlog
from django.db import DataError, IntegrityError, connection, transaction
from django.utils import timezone
from numpy.typing import NDArray

from audit.recording import record
from database import locks, system_settings
from database.actor import acting_as_system
from database.fields import uuid7
from monitoring import arrays
from monitoring.arrays import Doubles, Flags, Larges, Shorts, Wholes

log = structlog.get_logger(__name__)

Floats = NDArray[np.float64]

# 10^15 is the last power by which a number of 53 bits can be asked for its digits.
_MOST_DIGITS: Final = 15
_EXACT: Final = float(2**53)
_MICRO: Final = 1e6

_OLD: Final = """
    SELECT id, created_at FROM monitor_data WHERE created_at < %s AND id > %s ORDER BY id LIMIT %s
"""
_ARRAYS: Final = ("monitor_values", "x_values", "y_values", "scores", "p_values", "metadata")
_READ: Final = f"""
    SELECT b.dinsight_id, b.analysis_id, b.process_order, b.first_row, b.row_count,
        b.monitor_values, b.x_values, b.y_values, b.scores, b.p_values, b.severities, b.off_map,
        m.calibration_count,
        {" + ".join(f"coalesce(pg_column_size(b.{name}), 0)" for name in _ARRAYS)}
    FROM monitor_data b JOIN dinsight_data m ON m.id = b.dinsight_id
    WHERE b.id = %s AND b.created_at = %s
"""
_PACKED_ARRAYS: Final = (
    "x_micros", "y_micros", "scores", "ranks", "metadata", "kinds", "slots", "exponents", "bases",
    "shorts", "wholes", "floats",
)  # fmt: skip
_SIZE: Final = f"""
    SELECT {" + ".join(f"coalesce(pg_column_size({name}), 0)" for name in _PACKED_ARRAYS)}
    FROM monitor_data_archive WHERE id = %s
"""
_WRITE: Final = """
    INSERT INTO monitor_data_archive (
        id, dinsight_id, analysis_id, process_order, first_row, row_count, created_at,
        x_micros, y_micros, scores, ranks, rank_of, severities, off_map,
        kinds, slots, exponents, bases, shorts, wholes, floats, metadata
    ) VALUES (
        %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
        -- From row to row: numbers in JSON may have more digits than any of Python's.
        (SELECT metadata FROM monitor_data WHERE id = %s AND created_at = %s)
    )
"""


class Packed(NamedTuple):
    """The features of some samples, feature by feature; see ``PackedBlock``."""

    kinds: list[int]
    slots: list[int]
    exponents: list[int]
    bases: list[int]
    shorts: NDArray[np.int16]
    wholes: NDArray[np.int32]
    floats: Floats


class _Column(NamedTuple):
    kind: int
    exponent: int
    base: int
    values: NDArray[Any]


def packed(values: Floats) -> Packed:
    """(rows, features) numbers, packed; ``unpacked`` gives the same bits."""
    kinds: list[int] = []
    slots: list[int] = []
    exponents: list[int] = []
    bases: list[int] = []
    held: dict[int, list[NDArray[Any]]] = {2: [], 4: [], 8: []}
    for column in np.asarray(values, np.float64).T:
        found = _column(np.ascontiguousarray(column))
        held[found.kind].append(found.values)
        kinds.append(found.kind)
        slots.append(len(held[found.kind]))
        exponents.append(found.exponent)
        bases.append(found.base)
    return Packed(
        kinds,
        slots,
        exponents,
        bases,
        np.array(held[2], np.int16),
        np.array(held[4], np.int32),
        np.array(held[8], np.float64),
    )


def unpacked(block: Packed) -> Floats:
    """The (rows, features) numbers of ``packed``, as the function packed_values() reads them."""
    held: dict[int, NDArray[Any]] = {2: block.shorts, 4: block.wholes, 8: block.floats}
    columns = []
    for kind, slot, exponent, base in zip(
        block.kinds, block.slots, block.exponents, block.bases, strict=True
    ):
        values = held[kind][slot - 1]
        if kind != 8:
            values = (base + values.astype(np.int64)).astype(np.float64) / 10.0**exponent
        columns.append(values)
    return np.array(columns, np.float64).T


def _column(column: Floats) -> _Column:
    raw = _Column(8, 0, 0, column)
    if not np.isfinite(column).all() or (np.signbit(column) & (column == 0)).any():
        return raw
    for exponent in range(_MOST_DIGITS + 1):
        scaled = column * 10.0**exponent
        if np.abs(scaled).max() > _EXACT:
            return raw
        whole = np.rint(scaled)
        if not np.array_equal(whole / 10.0**exponent, column):
            continue
        numbers = whole.astype(np.int64)
        low, high = int(numbers.min()), int(numbers.max())
        if high - low < 1 << 16:
            base = low + (1 << 15)
            return _Column(2, exponent, base, (numbers - base).astype(np.int16))
        if high - low < 1 << 32:
            base = low + (1 << 31)
            return _Column(4, exponent, base, (numbers - base).astype(np.int32))
        return raw
    return raw


@dataclass
class Outcome:
    """What packing did: blocks and samples, bytes before and after, blocks left as they are."""

    blocks: int = 0
    samples: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    left: int = 0

    @property
    def ratio(self) -> float | None:
        """How many times fewer bytes there are."""
        return round(self.bytes_before / self.bytes_after, 3) if self.bytes_after else None


def limit() -> datetime:
    """The moment before which samples are old: the setting ``monitor_data_days``."""
    days: int = system_settings.get("monitor_data_days")
    return timezone.now() - timedelta(days=days)


def due(before: datetime) -> int:
    """How many blocks are older."""
    with acting_as_system(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM monitor_data WHERE created_at < %s", [before])
        return int(cursor.fetchone()[0])


def pack(before: datetime, *, page: int = 100) -> Iterator[Outcome]:
    """Pack the blocks that are older, each in a transaction of its own; yields after each page.

    The walk may be left, and begun again, at any point. A block that cannot be packed without
    losing a bit stays as it is and is counted in ``left``. What was yielded sums up from the start.
    """
    done, last = Outcome(), UUID(int=0)
    while True:
        with acting_as_system():
            with connection.cursor() as cursor:
                cursor.execute(_OLD, [before, last, page])
                keys = cursor.fetchall()
            packed_before = replace(done)
            for key, created_at in keys:
                last = key
                try:
                    _pack_one(key, created_at, done)
                except (ValueError, DataError, IntegrityError) as error:  # as plain SQL wrote it
                    done.left += 1
                    log.warning("samples stay as they are", block=str(key), error=str(error))
            _record(packed_before, done)
        if not keys:
            return
        yield done


def _record(before: Outcome, done: Outcome) -> None:
    if done.blocks == before.blocks:
        return
    told = {
        name: getattr(done, name) - getattr(before, name)
        for name in ("blocks", "samples", "bytes_before", "bytes_after")
    }
    with transaction.atomic():
        record("monitor_data.archived", details=told)
    log.info("samples packed", **told)


@transaction.atomic
def _pack_one(key: UUID, created_at: datetime, done: Outcome) -> None:
    locks.hold("monitor_data_archive")
    rows = arrays.fetch(_READ, [key, created_at])
    if not rows:
        return  # somebody else packed it
    row = rows[0]
    map_id, analysis_id, order, first_row, count = row[:5]
    values, x, y, scores, p_values, severities, off_map, healthy, size = row[5:]
    micros = _micros(x), _micros(y)
    ranks = None if p_values is None else _ranks(p_values, healthy)
    if micros[0] is None or micros[1] is None or (p_values is not None and ranks is None):
        done.left += 1
        return
    block = packed(values.reshape(count, -1))
    if not np.array_equal(unpacked(block).view(np.int64), values.reshape(count, -1).view(np.int64)):
        done.left += 1
        return
    new = uuid7()
    arrays.execute(
        _WRITE,
        [
            new, map_id, analysis_id, order, first_row, count, created_at,
            Wholes(micros[0]), Wholes(micros[1]),
            None if scores is None else Doubles(scores),
            None if ranks is None else Wholes(ranks),
            None if ranks is None else healthy + 1,
            None if severities is None else Shorts(severities),
            None if off_map is None else Flags(off_map),
            Shorts(block.kinds), Wholes(block.slots), Shorts(block.exponents),
            Larges(block.bases), Shorts(block.shorts), Wholes(block.wholes), Doubles(block.floats),
            key, created_at,
        ],
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM monitor_data WHERE id = %s AND created_at = %s", [key, created_at]
        )
        cursor.execute(_SIZE, [new])
        after = cursor.fetchone()[0]
    done.blocks += 1
    done.samples += count
    done.bytes_before += size
    done.bytes_after += after


def _micros(values: Floats) -> NDArray[np.int32] | None:
    """Millionths of a map unit, if they are the numbers to the last bit."""
    if not (np.abs(values) < 2**31 / _MICRO).all():
        return None
    whole = np.rint(values * _MICRO) + 0.0  # without the sign of a zero, as whole numbers are
    if not np.array_equal((whole / _MICRO).view(np.int64), values.view(np.int64)):
        return None
    return whole.astype(np.int32)


def _ranks(p_values: Floats, healthy: int | None) -> NDArray[np.int32] | None:
    """p-values as how many scores of ``healthy`` + 1 are at least as high, to the last bit."""
    if healthy is None:
        return None
    ranks = np.rint(p_values * (healthy + 1))
    exact = np.array_equal(ranks / float(healthy + 1), p_values)
    return ranks.astype(np.int32) if exact else None
