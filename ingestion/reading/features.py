"""Files of one kind as a stream of feature matrices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingestion.reading import header, kernels, strict
from ingestion.reading.errors import TableRefused, shown
from ingestion.reading.header import Columns
from ingestion.reading.sources import Source
from ingestion.reading.tables import BLOCK, Rows, Table


@dataclass(frozen=True, slots=True)
class FeatureBlock:
    """Some rows of a stream, in order.

    ``values``     (rows, features), C-contiguous, float64 or float32, all finite
    ``metadata``   for each row, the texts of the metadata columns
    ``file``       the name of the file that they stand in
    ``first_row``  the number of the first of them in that file, from 1
    ``lines``      (rows): the line of the file on which each begins, from 1
    ``before``     how many rows of the stream went before
    """

    values: NDArray[Any]
    metadata: list[tuple[str, ...]]
    file: str
    first_row: int
    lines: NDArray[np.int64]
    before: int


def header_of(source: Source) -> tuple[str, ...]:
    """The names of a file's columns; TableRefused."""
    with closing(Table(source, block=1 << 16)) as table:
        return table.header


def read(
    sources: Sequence[Source],
    *,
    end_meta: str,
    start_dim: str,
    end_dim: str,
    dtype: type[np.float64 | np.float32] = np.float64,
    block: int = BLOCK,
) -> Iterator[FeatureBlock]:
    """The rows of files with the same header, one file after the other.

    ``block`` bytes are read at a time; memory does not grow with the files. TableRefused names the
    file, row and column of whatever is wrong: a feature that is no finite number, a row of another
    width, a header that differs from the first file's, a file that changed while it was read. The
    headers are compared before the first row is given out.
    """
    first: tuple[str, ...] = ()
    for source in sources:
        names = header_of(source)
        if first:
            header.same(first, names, first_file=sources[0].name, file=source.name)
        else:
            first = names
            chosen = header.columns(
                names, end_meta=end_meta, start_dim=start_dim, end_dim=end_dim, file=source.name
            )
    before = 0
    for source in sources:
        table = Table(source, block=block)
        if table.header != first:
            table.close()
            header.same(first, table.header, first_file=sources[0].name, file=source.name)
        for rows in table.blocks():
            yield _as_features(rows, chosen, dtype, before)
            before += len(rows)
        if table.rows == 0:
            raise TableRefused("no_rows", "it has a header, but no row of data.", file=source.name)


def _as_features(rows: Rows, chosen: Columns, dtype: type[Any], before: int) -> FeatureBlock:
    values = numbers(rows, chosen.features)
    if dtype is not np.float64:
        values = _narrowed(rows, chosen.features, values, dtype)
    every = range(len(rows))
    return FeatureBlock(
        values=values,
        metadata=rows.texts(every, chosen.metadata),
        file=rows.source.name,
        first_row=rows.first_row,
        lines=rows.lines,
        before=before,
    )


def numbers(rows: Rows, columns: range) -> NDArray[np.float64]:
    """The numbers in these columns, (rows, columns) C-contiguous; TableRefused for the first that
    is none, row by row.
    """
    spans = rows.spans[:, columns.start : columns.stop]
    out = np.empty((len(rows), len(columns)), dtype=np.float64)
    hard = np.empty(out.size, dtype=np.int32)
    decimal = rows.source.dialect.decimal
    left, wrong = kernels.numbers(rows.data, spans, ord(decimal), out, hard)
    for place in hard[:left].tolist():
        row, column = divmod(place, len(columns))
        value = strict.number(rows.text(row, columns[column]), decimal)
        if value is None:  # stands before ``wrong``, where reading stopped
            raise _no_number(rows, row, columns[column])
        out[row, column] = value
    if wrong >= 0:
        row, column = divmod(wrong, len(columns))
        raise _no_number(rows, row, columns[column])
    return out


def _narrowed(
    rows: Rows, columns: range, values: NDArray[np.float64], dtype: type[Any]
) -> NDArray[Any]:
    with np.errstate(over="ignore"):
        narrow = values.astype(dtype)
    wrong = np.argwhere(~np.isfinite(narrow))
    if wrong.size:
        row, column = (int(place) for place in wrong[0])
        raise rows.refused(
            "not_finite",
            f"{shown(rows.text(row, columns[column]))} is too large for a float of"
            f" {8 * narrow.itemsize} bits.",
            row,
            columns[column],
        )
    return narrow


def _no_number(rows: Rows, row: int, column: int) -> TableRefused:
    text = rows.text(row, column)
    code, reason = why_no_number(text, rows.source.dialect.decimal)
    return rows.refused(code, reason, row, column)


def why_no_number(text: str, decimal: str) -> tuple[str, str]:
    """The code and the sentence for a cell that ``strict.number`` does not take."""
    bare = text.strip(" \t")
    if not bare:
        return "empty_cell", "the cell is empty. Fill it, or leave the row out."
    other = "," if decimal == "." else "."
    if strict.number(bare, other) is not None:
        return "not_a_number", (
            f"{shown(text)} has a decimal {'comma' if other == ',' else 'point'}, but the file is"
            f" read with a decimal {'comma' if decimal == ',' else 'point'}. Choose the other"
            " decimal sign."
        )
    if bare.lstrip("+-").lower() in {"nan", "inf", "infinity", "1.#inf", "1.#qnan", "na", "n/a"}:
        return "not_finite", (
            f"{shown(text)} is no finite number. Leave the row out, or fill the gap before it is"
            " uploaded."
        )
    if strict.is_number(bare, decimal):
        return "not_finite", f"{shown(text)} is larger than any float of 64 bits."
    return "not_a_number", f"{shown(text)} is no number. Is this column a feature?"
