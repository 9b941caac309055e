"""Every encrypted column there is, found from the models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection, models

from database.encryption.fields import Encrypted, key_target
from database.encryption.place import Place


@dataclass(frozen=True, slots=True)
class Column:
    """One encrypted column, and what SQL needs to know of it."""

    model: type[models.Model]
    field: Encrypted[Any, Any]

    @property
    def name(self) -> str:
        """``table.column``, for people."""
        return f"{self.model._meta.db_table}.{self.field.column}"

    @property
    def table(self) -> str:
        """The table's name, quoted."""
        return connection.ops.quote_name(self.model._meta.db_table)

    @property
    def column(self) -> str:
        """The column's name, quoted."""
        return connection.ops.quote_name(str(self.field.column))

    @property
    def key(self) -> str:
        """The primary key's column, quoted."""
        return connection.ops.quote_name(str(self.model._meta.pk.column))

    @property
    def key_type(self) -> str:
        """The primary key's type in SQL."""
        return str(key_target(self.model._meta.pk).rel_db_type(connection))

    def place(self, key: Any) -> Place:
        """Where the secret of the row with this key lives."""
        return Place(*self.field.identity(), str(key))


def columns() -> Iterator[Column]:
    """All of them, table by table."""
    for model in sorted(apps.get_models(), key=lambda model: model._meta.db_table):
        if model._meta.proxy or not model._meta.managed:
            continue
        for field in model._meta.local_concrete_fields:
            if isinstance(field, Encrypted):
                yield Column(model, field)


def missing_tables() -> list[str]:
    """Tables with encrypted columns that no migration has made yet."""
    with connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor))
    return sorted({column.model._meta.db_table for column in columns()} - there)


def usage() -> dict[str, Counter[str]]:
    """How many secrets each master key wraps: its name, then ``table.column``.

    Envelopes that do not begin as one are counted under an empty name.
    """
    found: dict[str, Counter[str]] = {}
    with connection.cursor() as cursor:
        for column in columns():
            cursor.execute(
                f"SELECT {KEY_ID.format(column=column.column)}, count(*) FROM {column.table}"
                f" WHERE {column.column} IS NOT NULL GROUP BY 1"
            )
            for key_id, count in cursor.fetchall():
                name = bytes(key_id or b"").decode("ascii", "replace")
                found.setdefault(name, Counter())[column.name] += count
    return found


# The name of the master key as it stands in an envelope (docs/secrets.md).
KEY_ID = (
    "CASE WHEN octet_length({column}) > 2 AND get_byte({column}, 0) = 1"
    " THEN substring({column} FROM 3 FOR get_byte({column}, 1)) END"
)
