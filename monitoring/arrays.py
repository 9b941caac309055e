"""Arrays between numpy and PostgreSQL, without a Python object for each number.

PostgreSQL's binary form of an array: the number of dimensions, a flag for nulls, the type; for each
dimension its size and its first index; then each value after its length, all big-endian
(``array_recv`` in its source). With numpy that is one copy.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.transaction import TransactionManagementError
from numpy.typing import ArrayLike, NDArray
from psycopg.adapt import Buffer, Dumper, Loader
from psycopg.pq import Format

# Of an array type: its own number, that of its values, and how numpy writes one.
_DOUBLE: Final = (1022, 701, ">f8")
_WHOLE: Final = (1007, 23, ">i4")
_SHORT: Final = (1005, 21, ">i2")
_LARGE: Final = (1016, 20, ">i8")
_FLAG: Final = (1000, 16, "?")
_TEXTS_OID: Final = 1009
_TEXT_OID: Final = 25


class Numbers:
    """An array that is sent as it is, of any number of dimensions."""

    kind: tuple[int, int, str]

    def __init__(self, values: ArrayLike) -> None:
        self.values = np.asarray(values)


class Doubles(Numbers):
    """``double precision[]``."""

    kind = _DOUBLE


class Wholes(Numbers):
    """``integer[]``."""

    kind = _WHOLE


class Shorts(Numbers):
    """``smallint[]``."""

    kind = _SHORT


class Larges(Numbers):
    """``bigint[]``."""

    kind = _LARGE


class Flags(Numbers):
    """``boolean[]``."""

    kind = _FLAG


class Texts:
    """``text[]``, sent as it is: written as text, each quote in it would be looked for."""

    def __init__(self, values: Sequence[str]) -> None:
        self.values = values


def encoded(array: Numbers) -> bytes:
    """The array in PostgreSQL's binary form."""
    _, oid, code = array.kind
    values = array.values
    if not values.size:
        return struct.pack(">iiI", 0, 0, oid)
    head = struct.pack(">iiI", values.ndim, 0, oid)
    head += b"".join(struct.pack(">ii", size, 1) for size in values.shape)
    body = np.empty(values.size, dtype=[("length", ">i4"), ("value", code)])
    body["length"] = np.dtype(code).itemsize
    body["value"] = values.ravel()
    return head + body.tobytes()


def encoded_texts(array: Texts) -> bytes:
    """Texts in PostgreSQL's binary form; ValueError for one with a NUL, which it cannot hold."""
    if not array.values:
        return struct.pack(">iiI", 0, 0, _TEXT_OID)
    parts = [struct.pack(">iiIii", 1, 0, _TEXT_OID, len(array.values), 1)]
    for text in array.values:
        data = text.encode()
        if b"\0" in data:
            raise ValueError("A text has a NUL character, which PostgreSQL cannot hold.")
        parts += (len(data).to_bytes(4), data)
    return b"".join(parts)


def decoded(data: Buffer) -> NDArray[Any]:
    """The array behind PostgreSQL's binary form; ValueError for one with nulls."""
    view = memoryview(data)
    dimensions, has_nulls, oid = struct.unpack_from(">iiI", view)
    code = {kind[1]: kind[2] for kind in (_DOUBLE, _WHOLE, _SHORT, _LARGE, _FLAG)}[oid]
    native = np.dtype(code).newbyteorder("=")
    if not dimensions:
        return np.empty(0, native)
    if has_nulls:
        raise ValueError("The array has nulls; a matrix of numbers has none.")
    shape = [struct.unpack_from(">i", view, 12 + 8 * axis)[0] for axis in range(dimensions)]
    body = np.frombuffer(
        view, dtype=[("length", ">i4"), ("value", code)], offset=12 + 8 * dimensions
    )
    return body["value"].astype(native).reshape(shape)


class _Dump(Dumper):
    format = Format.BINARY

    def dump(self, obj: Numbers) -> bytes:
        return encoded(obj)


class _DumpTexts(Dumper):
    format = Format.BINARY
    oid = _TEXTS_OID

    def dump(self, obj: Texts) -> bytes:
        return encoded_texts(obj)


class _Load(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> NDArray[Any]:
        return decoded(data)


def _cursor(using: str) -> psycopg.Cursor[tuple[Any, ...]]:
    """A cursor that speaks binary; for statements inside a transaction, whose actor is named."""
    connection = connections[using]
    if not connection.in_atomic_block:
        raise TransactionManagementError(
            "Arrays are read and written in a transaction: put this into transaction.atomic()."
        )
    connection.ensure_connection()
    cursor: psycopg.Cursor[tuple[Any, ...]] = psycopg.Cursor(connection.connection)
    cursor.adapters.register_dumper(Texts, _DumpTexts)
    for kind in (Doubles, Wholes, Shorts, Larges, Flags):
        cursor.adapters.register_dumper(kind, type(kind.__name__, (_Dump,), {"oid": kind.kind[0]}))
        cursor.adapters.register_loader(kind.kind[0], _Load)
    return cursor


def execute(statement: str, parameters: Sequence[Any], *, using: str = DEFAULT_DB_ALIAS) -> int:
    """Run a statement, also with ``Numbers`` and ``Texts``; returns how many rows it changed."""
    with connections[using].wrap_database_errors, _cursor(using) as cursor:
        cursor.execute(statement.encode(), parameters)
        return cursor.rowcount


def fetch(
    statement: str, parameters: Sequence[Any], *, using: str = DEFAULT_DB_ALIAS
) -> list[tuple[Any, ...]]:
    """The rows of a query; arrays of numbers come as numpy arrays."""
    with connections[using].wrap_database_errors, _cursor(using) as cursor:
        cursor.execute(statement.encode(), parameters, binary=True)
        return cursor.fetchall()
