"""What a table's columns are, and as what their values stand in a file.

The columns are those of the database's catalog, so that one added later is archived too. What
Parquet has a type for keeps it; keys, JSON and whatever else are text as PostgreSQL writes it, and
are read back from that. Generated columns are left out: the database makes them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
from django.db import connection
from psycopg import sql

_CATALOG: Final = """
    SELECT a.attname, format_type(a.atttypid, -1), a.attnotnull
    FROM pg_attribute a
    WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0
        AND NOT a.attisdropped AND a.attgenerated = ''
    ORDER BY a.attnum
"""
_TYPES: Final = {
    "boolean": pa.bool_(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "double precision": pa.float64(),
    "date": pa.date32(),
    "timestamp without time zone": pa.timestamp("us"),
    "timestamp with time zone": pa.timestamp("us", tz="UTC"),
    "bytea": pa.binary(),
}
# The key under which a field names its type in PostgreSQL: it tells JSON from other texts.
KIND: Final = b"postgresql"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its ``kind`` is its type in PostgreSQL's words, without a length."""

    table: str
    name: str
    kind: str
    required: bool

    @property
    def field(self) -> Any:
        """The ``pyarrow.Field``: the type of a list's items for ``kind[]``, text if all fails."""
        plain = _TYPES.get(self._item, pa.string())
        return pa.field(
            self.name,
            pa.list_(plain) if self._is_list else plain,
            nullable=not self.required,
            metadata={KIND: self.kind.encode()},
        )

    @property
    def selected(self) -> sql.Composable:
        """The column of the row ``t`` in a query, as the text that stands for it if need be."""
        name = sql.Identifier("t", self.name)
        if self._item in _TYPES:
            return name
        return sql.SQL("{}::text[]" if self._is_list else "{}::text").format(name)

    @property
    def given(self) -> sql.Composable:
        """The parameter of a statement that takes such a value."""
        # Without a length: what is too long is then refused, where a cast would cut it off.
        return sql.SQL("%s::{}").format(sql.SQL(self.kind))

    @property
    def _is_list(self) -> bool:
        return self.kind.endswith("[]")

    @property
    def _item(self) -> str:
        return self.kind.removesuffix("[]")


def columns(table: str) -> list[Column]:
    """The columns of a table, in their order."""
    with connection.cursor() as cursor:
        cursor.execute(_CATALOG, [table])
        return [Column(table, *row) for row in cursor.fetchall()]
