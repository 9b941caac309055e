"""Reading a file of analyses, and bringing its rows back to their tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import IO, Any, Final, NamedTuple

import numpy as np
import psycopg
import pyarrow as pa
from django.db import connection
from psycopg import sql
from pyarrow import parquet

from monitoring.archives.columns import columns
from monitoring.archives.schema import NESTED, Head, head
from monitoring.errors import ArchiveDamaged, NotNow

_AT_ONCE: Final = 2_000


class Part(NamedTuple):
    """Some rows of a table."""

    table: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


class ArchiveFile:
    """A file that was opened: ``name`` is what messages call it, ``head`` what it says of itself.

    At most one row group is in memory, besides two thousand rows as Python objects.
    """

    def __init__(self, source: IO[bytes], name: str) -> None:
        self.name = name
        with self._readable():
            self._file = parquet.ParquetFile(source)
            shape = self._file.schema_arrow
        self.head: Head = head(shape.metadata, name=name)
        self._outer = tuple(one for one in shape.names if one != NESTED)
        if len(self._outer) == len(shape.names) or not pa.types.is_list(shape.field(NESTED).type):
            raise ArchiveDamaged(f"{name} has no anomalies beside its analyses.")
        self._inner = tuple(field.name for field in shape.field(NESTED).type.value_type)

    def months(self) -> list[date]:
        """The first days of the months, in UTC, that have anomalies."""
        found: set[date] = set()
        for table in self._groups([f"{NESTED}.list.element.timestamp"]):
            moments = table.column(NESTED).combine_chunks().flatten().field("timestamp")
            whole = np.asarray(moments.cast(pa.int64())).astype("datetime64[us]")
            found.update(np.unique(whole.astype("datetime64[M]")).astype(object))
        return sorted(found)

    def of_dataset(self) -> dict[str, list[str]]:
        """The keys of the analyses of each dataset."""
        found: dict[str, list[str]] = {}
        for table in self._groups(["id", "dataset_id"]):
            for row in table.to_pylist():
                found.setdefault(row["dataset_id"], []).append(row["id"])
        return found

    def parts(self) -> Iterator[Part]:
        """All rows, each analysis before its anomalies; ArchiveDamaged unless all are there."""
        analyses = anomalies = 0
        for table in self._groups():
            analyses += len(table)
            for rows in _tuples(table.select(self._outer)):
                yield Part("analyses", self._outer, rows)
            nested = table.column(NESTED).combine_chunks().flatten()
            anomalies += len(nested)
            for rows in _tuples(pa.Table.from_arrays(nested.flatten(), names=self._inner)):
                yield Part("anomalies", self._inner, rows)
        if (analyses, anomalies) != (self.head.analyses, self.head.anomalies):
            raise ArchiveDamaged(
                f"{self.name} has {analyses} analyses with {anomalies} anomalies, not the"
                f" {self.head.analyses} with {self.head.anomalies} that it speaks of. Restore it"
                " from a backup of the storage."
            )

    def restore(self) -> None:
        """Insert all rows, in the caller's transaction.

        ArchiveDamaged when something is missing; NotNow for a column that is in the file and no
        longer in its table.
        """
        statements: dict[str, sql.Composed] = {
            "analyses": self._insertion("analyses", self._outer),
            "anomalies": self._insertion("anomalies", self._inner),
        }
        with (
            connection.wrap_database_errors,
            psycopg.Cursor(connection.connection) as cursor,
        ):
            for part in self.parts():
                cursor.executemany(statements[part.table], part.rows)

    def _insertion(self, table: str, names: Sequence[str]) -> sql.Composed:
        known = {column.name: column for column in columns(table)}
        gone = [name for name in names if name not in known]
        if gone:
            raise NotNow(
                f"{self.name} has {', '.join(f'{table}.{name}' for name in gone)}, which the"
                " database no longer has. Add it again, or read the file with any reader of"
                " Parquet."
            )
        return sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, names)),
            sql.SQL(", ").join(known[name].given for name in names),
        )

    def _groups(self, names: list[str] | None = None) -> Iterator[Any]:
        for number in range(self._file.num_row_groups):
            with self._readable():
                table = self._file.read_row_group(number, columns=names, use_threads=False)
            yield table

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError) as error:
            raise ArchiveDamaged(
                f"{self.name} is no whole Parquet file: {error} Restore it from a backup of the"
                " storage."
            ) from None


def _tuples(table: Any) -> Iterator[list[tuple[Any, ...]]]:
    for start in range(0, len(table), _AT_ONCE):
        piece = table.slice(start, _AT_ONCE)
        yield list(zip(*(column.to_pylist() for column in piece.columns), strict=True))
