"""The connections of a verification: they see one moment, and nothing that was set for them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import psycopg
from psycopg import sql

from audit.sealing import store
from database.connections import connection_parameters

Piece = TypeVar("Piece")
Answer = TypeVar("Answer")

# Set for this transaction, whatever was set for the role or the database by its owner: a path on
# which only the server's own functions lie, and no limit that would cut a long verification short.
_SETTINGS: Final = """
    SELECT pg_catalog.set_config(s.name, wanted.value, true)
    FROM pg_catalog.pg_settings s JOIN (VALUES
        ('search_path', 'pg_catalog, pg_temp'),
        ('enable_seqscan', 'off'),
        ('row_security', 'off'),
        ('statement_timeout', '0'),
        ('transaction_timeout', '0'),
        ('idle_in_transaction_session_timeout', '0')
    ) AS wanted (name, value) ON s.name OPERATOR(pg_catalog.=) wanted.name
"""

_connection: store.Connection | None = None


def settle(connection: store.Connection) -> None:
    """Make the transaction that is open independent of what its role was given as settings.

    Row security is off: a policy that hides rows from this role is an error, not an empty table.
    """
    connection.execute(_SETTINGS)


def _open(parameters: dict[str, Any], role: str | None) -> store.Connection:
    connection = psycopg.connect(**parameters)
    if role:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        connection.commit()
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    return connection


@contextmanager
def snapshot(using: str) -> Iterator[tuple[store.Connection, str]]:
    """A connection that sees one moment, and the name by which others can see it too."""
    with _open(*connection_parameters(using, application_name="lacuna verifier")) as connection:
        settle(connection)
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None, "a snapshot has a name"
        yield connection, row[0]


def in_processes(
    function: Callable[[store.Connection, Piece], Answer],
    pieces: Iterable[Piece],
    *,
    processes: int,
    moment: str,
    using: str,
) -> Iterator[Answer]:
    """What the function gives for each piece, in their order, on connections of that moment."""
    parameters, role = connection_parameters(using, application_name="lacuna verifier")
    with ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("forkserver"),
        initializer=_open_worker,
        initargs=(parameters, role, moment),
    ) as pool:
        for piece in [pool.submit(_in_worker, function, piece) for piece in pieces]:
            yield piece.result()


def _open_worker(parameters: dict[str, Any], role: str | None, moment: str) -> None:
    """Connect this process, and let it see what the first connection sees."""
    global _connection  # noqa: PLW0603 - one connection for the process's life
    _connection = _open(parameters, role)
    _connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(moment)))
    settle(_connection)


def _in_worker(function: Callable[[store.Connection, Piece], Answer], piece: Piece) -> Answer:
    assert _connection is not None, "_open_worker comes first"
    return function(_connection, piece)
