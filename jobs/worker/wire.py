"""A connection on which a statement is under way while the worker does something else."""

from __future__ import annotations

import select
from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import pq
from psycopg.adapt import Transformer

from database.connections import is_pooled, own_connection
from jobs.claiming import readable

_ROWS = {pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK}
_CLOSED = "The connection was closed while a claim was under way."


class Answer:
    """What the server has sent back, read only when somebody wants the rows."""

    def __init__(self, connection: psycopg.Connection[Any], result: pq.abc.PGresult) -> None:
        self._transformer = Transformer(connection)
        self._transformer.set_pgresult(result)
        self._result = result
        self.size = result.ntuples

    def number(self) -> int:
        """The whole number that the first row begins with."""
        return int.from_bytes(self._result.get_value(0, 0) or b"", "big", signed=True)

    def has_jobs(self) -> bool:
        """Whether the first row, and so every row, has something after its number."""
        return self._result.get_value(0, 1) is not None

    def last(self) -> tuple[Any, ...] | None:
        """The last row, if Python can read it."""
        try:
            return self._row(self.size - 1)
        except psycopg.DataError:
            return None

    def rows(self) -> list[tuple[Any, ...]]:
        """All rows that Python can read."""
        return readable(
            lambda: self._transformer.load_rows(0, self.size, tuple), self._row, self.size
        )

    def _row(self, number: int) -> tuple[Any, ...]:
        row: tuple[Any, ...] = self._transformer.load_row(number, tuple)
        return row


class Wire:
    """Sends one statement at a time, in a transaction of its own, and never waits for its answer.

    Errors are Django's. After one, the connection is closed, and opened again by the next
    statement; what became of the statement is not known then.
    """

    def __init__(self) -> None:
        self._connection: psycopg.Connection[Any] | None = None
        self._pooled = False
        self._prepared: dict[bytes, bytes] = {}
        self.busy = False

    def waitables(self) -> list[int]:
        """What becomes readable when the answer, or a part of it, is there."""
        return [self._connection.fileno()] if self.busy and self._connection else []

    def send(self, statement: str, parameters: Sequence[str | None]) -> None:
        """Send a statement with ``%s`` for each parameter; parameters are literals in text."""
        places = tuple(f"${number}" for number in range(1, len(parameters) + 1))
        try:
            with connections[DEFAULT_DB_ALIAS].wrap_database_errors:
                if self._connection is None:
                    self._open()
                assert self._connection is not None
                server = self._connection.pgconn
                text = (statement % places).encode()
                values = [None if value is None else value.encode() for value in parameters]
                if self._pooled:
                    server.send_query_params(text, values, result_format=pq.Format.BINARY)
                else:
                    server.send_query_prepared(
                        self._prepare(text), values, result_format=pq.Format.BINARY
                    )
                while server.flush():
                    select.select([], [server.socket], [])
        except BaseException:
            self.close()
            raise
        self.busy = True

    def _open(self) -> None:
        """Connect, with one plan for all times: no statistics can turn it from the indexes.

        Not behind a pooler, which would pass settings and statements on to other clients.
        """
        self._connection = own_connection(application_name="lacuna claims")
        self._prepared = {}
        self._pooled = is_pooled(self._connection)
        if not self._pooled:
            self._connection.execute("SET enable_seqscan = off")
            self._connection.execute("SET plan_cache_mode = force_generic_plan")

    def _prepare(self, text: bytes) -> bytes:
        """The name under which the server keeps the statement."""
        assert self._connection is not None, "opened"
        name = self._prepared.get(text)
        if name is None:
            name = f"claim_{len(self._prepared)}".encode()
            result = self._connection.pgconn.prepare(name, text)
            if result.status not in _ROWS:
                raise psycopg.errors.error_from_result(result)
            self._prepared[text] = name
        return name

    def answer(self) -> Answer | None:
        """The answer, once it is complete."""
        assert self._connection is not None, "something was sent"
        server = self._connection.pgconn
        try:
            with connections[DEFAULT_DB_ALIAS].wrap_database_errors:
                server.consume_input()
                if server.is_busy():
                    return None
                result = server.get_result()
                if result is None or server.status != pq.ConnStatus.OK:
                    raise psycopg.OperationalError(_CLOSED)
                while server.get_result() is not None:  # one statement has one answer
                    pass
                if result.status not in _ROWS:
                    raise psycopg.errors.error_from_result(result)
        except BaseException:
            self.close()
            raise
        self.busy = False
        return Answer(self._connection, result)

    def wait(self, seconds: float) -> Answer | None:
        """The answer, or None if it has not come within so many seconds."""
        while self.busy:
            if not select.select(self.waitables(), [], [], seconds)[0]:
                return None
            if (answer := self.answer()) is not None:
                return answer
        return None

    def close(self) -> None:
        """Close the connection; a statement under way is left to the server."""
        self.busy = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None
