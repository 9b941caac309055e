"""The first rows of a file, to be looked at."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Final

from ingestion.reading import strict
from ingestion.reading.checking import ColumnKind
from ingestion.reading.errors import TableRefused
from ingestion.reading.sources import Source
from ingestion.reading.tables import Table

_BLOCK: Final = 1 << 16
LONGEST_CELL: Final = 200


@dataclass(frozen=True, slots=True)
class Preview:
    """The header, the first rows, what the columns hold in them, and what stopped it short."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    kinds: tuple[ColumnKind, ...]
    problem: str


def preview(source: Source, *, rows: int = 20, columns: int | None = None) -> Preview:
    """The first ``rows`` of a file, and of those the first ``columns``.

    A problem is told, not raised: whoever looks at a preview wants to see how far it goes.
    """
    header: tuple[str, ...] = ()
    found: list[tuple[str, ...]] = []
    problem = ""
    try:
        with closing(Table(source, block=_BLOCK)) as table:
            header = table.header[:columns]
            for block in table.blocks():
                some = range(min(rows - len(found), len(block)))
                found += block.texts(some, range(len(header)))
                if len(found) >= rows:
                    break
    except TableRefused as refused:
        problem = str(refused)
    kinds = tuple(
        _kind([row[column] for row in found], source.dialect.decimal)
        for column in range(len(header))
    )
    cut = tuple(tuple(cell[:LONGEST_CELL] for cell in row) for row in found)
    return Preview(header, cut, kinds, problem)


def _kind(cells: list[str], decimal: str) -> ColumnKind:
    full = [cell for cell in cells if cell.strip()]
    numbers = sum(strict.number(cell, decimal) is not None for cell in full)
    if not full:
        return ColumnKind.EMPTY
    if numbers == len(cells):
        return ColumnKind.NUMBER
    return ColumnKind.MOSTLY_NUMBER if numbers > len(full) / 2 else ColumnKind.TEXT
