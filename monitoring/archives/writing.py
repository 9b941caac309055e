"""Writing analyses and their anomalies to a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import IO, Any, Final
from uuid import UUID

import psycopg
import pyarrow as pa
from django.db import DataError, connection
from psycopg import sql
from pyarrow import parquet

from monitoring.archives.columns import Column, columns
from monitoring.archives.schema import NESTED, Head, schema
from monitoring.errors import NotNow

# A row group is what a reader holds at once; an analysis is never divided.
MOST_ANOMALIES: Final = 20_000
_FETCHED_AT_ONCE: Final = 2_000
_ROWS: Final = """
    SELECT {columns} FROM {table} t
    JOIN unnest(%s::uuid[]) WITH ORDINALITY AS asked (key, place) ON t.{key} = asked.key
    ORDER BY asked.place, {order}
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """An analysis, and how many anomalies it has."""

    analysis_id: UUID
    anomalies: int


def write(target: IO[bytes], rows: Sequence[Counted], *, of: Head) -> None:
    """Write these analyses in this order, in a transaction in which nobody else changes them.

    At most one row group is in memory, besides two thousand rows as Python objects. NotNow for a
    value that a file cannot hold, such as the moment ``infinity``.
    """
    analyses, anomalies = columns("analyses"), columns("anomalies")
    shape = schema(analyses, anomalies, of=of)
    # Every page has a checksum of its own, which readers may ask for.
    with parquet.ParquetWriter(
        target, shape, compression="zstd", write_page_checksum=True
    ) as writer:
        for group in _groups(rows):
            ids = [row.analysis_id for row in group]
            table = _read(analyses, "id", ["id"], ids)
            nested = _read(anomalies, "analysis_id", ["timestamp", "id"], ids)
            offsets = list(accumulate((row.anomalies for row in group), initial=0))
            if (len(table), len(nested)) != (len(group), offsets[-1]):
                raise NotNow("These analyses changed while they were archived. Try again.")
            lists = pa.ListArray.from_arrays(
                pa.array(offsets, pa.int32()), nested, type=shape.field(NESTED).type
            )
            writer.write_table(
                pa.Table.from_arrays([*table.flatten(), lists], schema=shape),
                row_group_size=len(group),
            )


def _groups(rows: Sequence[Counted]) -> Iterator[list[Counted]]:
    """Neighbours that have so many anomalies together; an analysis with more stands alone."""
    group: list[Counted] = []
    held = 0
    for row in rows:
        if group and held + row.anomalies > MOST_ANOMALIES:
            yield group
            group, held = [], 0
        group.append(row)
        held += row.anomalies
    if group:
        yield group


def _read(wanted: Sequence[Column], key: str, order: Sequence[str], ids: Sequence[UUID]) -> Any:
    """The rows of a table that belong to these analyses, as one ``pyarrow.StructArray``."""
    statement = sql.SQL(_ROWS).format(
        columns=sql.SQL(", ").join(column.selected for column in wanted),
        table=sql.Identifier(wanted[0].table),
        key=sql.Identifier(key),
        order=sql.SQL(", ").join(sql.Identifier("t", name) for name in order),
    )
    kind = pa.struct([column.field for column in wanted])
    pieces = [_piece(wanted, rows) for rows in _portions(wanted[0].table, statement, ids)]
    try:
        return pa.concat_arrays(pieces) if pieces else pa.array([], kind)
    except pa.ArrowInvalid as error:
        raise NotNow(
            f"An analysis has more {wanted[0].table} than one row of a file can hold: {error}"
        ) from None


def _portions(
    table: str, statement: sql.Composed, ids: Sequence[UUID]
) -> Iterator[list[tuple[Any, ...]]]:
    # Binary, so that no setting of the session decides how many digits a number has.
    try:
        with (
            connection.wrap_database_errors,
            psycopg.ServerCursor(connection.connection, "archived") as cursor,
        ):
            cursor.execute(statement, [list(ids)], binary=True)
            while rows := cursor.fetchmany(_FETCHED_AT_ONCE):
                yield rows
    except DataError as error:
        raise NotNow(f"{table} has a value that a file cannot hold: {error}") from error


def _piece(wanted: Sequence[Column], rows: Sequence[tuple[Any, ...]]) -> Any:
    fields = [column.field for column in wanted]
    arrays = []
    for field, values in zip(fields, zip(*rows, strict=True), strict=True):
        try:
            arrays.append(pa.array(values, field.type))
        except (pa.ArrowException, OverflowError) as error:
            raise NotNow(
                f"{wanted[0].table}.{field.name} has a value that is no {field.type} in a file:"
                f" {error}"
            ) from None
    return pa.StructArray.from_arrays(arrays, fields=fields)
