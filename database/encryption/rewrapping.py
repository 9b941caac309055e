"""Going through every secret whose data key is not wrapped by the newest master key.

Nothing is remembered between runs: what is still to be done stands in the rows. A batch is read
without a lock, wrapped anew and decrypted once, and written by one statement that changes only rows
that still hold what was read and that nobody else is writing. What it left is met again in the next
pass. So a run may be killed and repeated, and never undoes or holds up a writer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import OperationalError, connection, transaction

from database.actor import acting_as_system
from database.encryption import envelope, providers
from database.encryption.errors import Undecryptable
from database.encryption.registry import Column, columns

# A row that others keep locked is tried so often, with a pause before each time but the first.
PASSES: Final = 5
PAUSE: Final = 0.5  # seconds

_SELECT: Final = """
    SELECT {key}, {column} FROM {table}
    WHERE {column} IS NOT NULL AND substring({column} FOR %s) <> %s AND {key} > %s::{key_type}
    ORDER BY {key} LIMIT %s
"""
_FIRST: Final = _SELECT.replace(" AND {key} > %s::{key_type}", "")
# Rows are locked without waiting, so there is no deadlock with a writer of many rows.
_WRITE: Final = """
    WITH new AS (
        SELECT * FROM unnest(%s::{key_type}[], %s::bytea[], %s::bytea[]) AS new (key, old, value)
    ), mine AS (
        SELECT t.{key} AS key, new.value FROM {table} t JOIN new ON new.key = t.{key}
        WHERE t.{column} = new.old FOR UPDATE OF t SKIP LOCKED
    )
    UPDATE {table} t SET {column} = mine.value FROM mine WHERE t.{key} = mine.key
"""


@dataclass(slots=True)
class Run:
    """What one run has done so far."""

    batch_size: int
    dry_run: bool = False
    rewrapped: int = 0
    # ``{"table", "column", "row", "why"}`` of each row that cannot be decrypted.
    undecryptable: list[dict[str, str]] = field(default_factory=list)
    # Rows that others held, or changed under our hands, and that wait for the next pass.
    left: int = 0
    _given_up: set[tuple[str, str]] = field(default_factory=set)

    def passes(self) -> Iterator[int]:
        """Do it, a batch at each step; yields how many rows the batch had.

        ProviderFailed or KeyringError end it: nothing is wrong with the rows.
        """
        for number in range(1 if self.dry_run else PASSES):
            if number:
                time.sleep(PAUSE)
            self.left = 0
            for column in columns():
                yield from self._column(column)
            if not self.left:
                return

    def _column(self, column: Column) -> Iterator[int]:
        start = envelope.prefix(providers.wrapping().newest())
        last: Any = None
        while rows := _read(column, start, last, self.batch_size):
            last = rows[-1][0]
            self._batch(column, rows)
            yield len(rows)

    def _batch(self, column: Column, rows: list[tuple[Any, bytes]]) -> None:
        keys, old, new = [], [], []
        for key, blob in rows:
            made = self._rewrapped(column, key, blob)
            if made is not None:
                keys.append(key)
                old.append(blob)
                new.append(made)
        if self.dry_run or not keys:
            self.rewrapped += len(keys)
            return
        written = _write(column, keys, old, new)
        self.rewrapped += written
        self.left += len(keys) - written

    def _rewrapped(self, column: Column, key: Any, blob: bytes) -> bytes | None:
        place = column.place(key)
        try:
            return envelope.rewrap(blob, place)
        except Undecryptable as error:
            why = error.why
        if (column.name, place.row) not in self._given_up and _still(column, key, blob):
            self._given_up.add((column.name, place.row))
            self.undecryptable.append(
                {
                    "table": column.model._meta.db_table,
                    "column": str(column.field.column),
                    "row": place.row,
                    "why": why,
                }
            )
        return None


def _read(column: Column, start: bytes, last: Any, limit: int) -> list[tuple[Any, bytes]]:
    """The next rows, by key, whose envelope does not begin with ``start``."""
    after = [] if last is None else [last]
    with acting_as_system(), connection.cursor() as cursor:
        cursor.execute(
            _sql(_FIRST if last is None else _SELECT, column), [len(start), start, *after, limit]
        )
        return [(key, bytes(blob)) for key, blob in cursor.fetchall()]


def _still(column: Column, key: Any, blob: bytes) -> bool:
    """Whether the row still holds this: a key may have been added and removed meanwhile."""
    with acting_as_system(), connection.cursor() as cursor:
        cursor.execute(
            _sql("SELECT FROM {table} WHERE {key} = %s AND {column} = %s", column), [key, blob]
        )
        return cursor.fetchone() is not None


def _write(column: Column, keys: list[Any], old: list[bytes], new: list[bytes]) -> int:
    """How many rows were written; none when the database chose us to end a deadlock."""
    try:
        with acting_as_system(), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_sql(_WRITE, column), [keys, old, new])
            return int(cursor.rowcount)
    except OperationalError as error:
        # A deadlock with a trigger's statement, or somebody's lock on the table: the next pass.
        if getattr(error.__cause__, "sqlstate", "") in {"40P01", "40001", "55P03"}:
            return 0
        raise


def _sql(statement: str, column: Column) -> str:
    return statement.format(
        table=column.table, column=column.column, key=column.key, key_type=column.key_type
    )
