"""One pass over a whole file: its rows counted, what each column holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ingestion.reading import kernels, strict
from ingestion.reading.errors import TableRefused
from ingestion.reading.sources import Source
from ingestion.reading.tables import BLOCK, Rows, Table

MOST_REMARKS: Final = 100
_LONGEST_TEXT: Final = 100


class ColumnKind(StrEnum):
    """What a column holds."""

    NUMBER = "number"
    MOSTLY_NUMBER = "mostly_number"  # some cells are empty or no finite numbers
    TEXT = "text"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Remark:
    """Cells of a column of numbers that are none, and the first of them."""

    column: str
    cells: int
    row: int
    line: int
    text: str

    def as_json(self) -> dict[str, Any]:
        """For a row of the database."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file holds. ``kinds`` has one for each column, ``remarks`` at most MOST_REMARKS."""

    header: tuple[str, ...]
    rows: int
    kinds: tuple[ColumnKind, ...]
    remarks: tuple[Remark, ...]


@dataclass(slots=True)
class _Tally:
    """What is known of the columns so far."""

    found: NDArray[np.int64]  # as ``kernels.others`` fills it
    firsts: dict[int, tuple[int, int, str]] = field(default_factory=dict)  # row, line, text

    def add(self, rows: Rows) -> None:
        columns = self.found.shape[1]
        decimal = rows.source.dialect.decimal
        hard = np.empty(rows.spans.shape[0] * columns, dtype=np.int32)
        self.found[2] = -1
        left = kernels.others(rows.data, rows.spans, ord(decimal), self.found, hard)
        for place in hard[:left].tolist():
            row, column = divmod(place, columns)
            if strict.number(rows.text(row, column), decimal) is None:
                self.found[1, column] += 1
                if self.found[2, column] == -1 or row < self.found[2, column]:
                    self.found[2, column] = row
        for column in np.flatnonzero(self.found[2] >= 0).tolist():
            if column not in self.firsts:
                row = int(self.found[2, column])
                text = rows.text(row, column)[:_LONGEST_TEXT]
                self.firsts[column] = (rows.first_row + row, int(rows.lines[row]), text)


def check(
    source: Source,
    *,
    progress: Callable[[int], None] = lambda _: None,
    block: int = BLOCK,
) -> Facts:
    """Read a file to its end; TableRefused names the first row that is wrong.

    ``progress`` is called after each block with the bytes read so far, and may raise to stop.
    """
    table = Table(source, block=block)
    tally = _Tally(np.zeros((3, len(table.header)), dtype=np.int64))
    for rows in table.blocks():
        tally.add(rows)
        progress(table.read_bytes)
    if table.rows == 0:
        raise TableRefused("no_rows", "it has a header, but no row of data.", file=source.name)
    kinds = tuple(_kind(table.rows, int(empty), int(other)) for empty, other in tally.found[:2].T)
    return Facts(table.header, table.rows, kinds, _remarks(table.header, kinds, tally))


def _kind(rows: int, empty: int, other: int) -> ColumnKind:
    if empty == rows:
        return ColumnKind.EMPTY
    if empty + other == 0:
        return ColumnKind.NUMBER
    # A name that looks like a number now and then is still a name.
    numbers = rows - empty - other
    return ColumnKind.MOSTLY_NUMBER if numbers > other else ColumnKind.TEXT


def _remarks(
    header: tuple[str, ...], kinds: tuple[ColumnKind, ...], tally: _Tally
) -> tuple[Remark, ...]:
    mixed = [i for i, kind in enumerate(kinds) if kind is ColumnKind.MOSTLY_NUMBER]
    return tuple(
        Remark(header[column], int(tally.found[:2, column].sum()), *tally.firsts[column])
        for column in mixed[:MOST_REMARKS]
    )
