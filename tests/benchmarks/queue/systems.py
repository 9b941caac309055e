"""What a benchmark asks of a queue, whichever it is."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar

from tests.benchmarks.queue.processes import Process
from tests.benchmarks.queue.server import Connection, Server

Produced = dict[str, float]  # the moment just before each job was added, by its id


@dataclass(frozen=True, slots=True)
class Look:
    """What one statement saw of a queue."""

    at: float  # the server's clock when the statement began, seconds since the epoch
    waiting: int  # jobs that nobody has taken
    unfinished: int  # jobs that wait or run


class System(ABC):
    """A queue in a database of its own. Its tables are made when it is entered."""

    database: ClassVar[str]
    look_sql: ClassVar[str] = ""  # the columns of a Look
    empty_sql: ClassVar[str] = ""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = name
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        """The benchmark's own view of the database, as superuser."""
        if self._connection is None:
            self._connection = self.server.connect(self.database)
        return self._connection

    def look(self) -> Look:
        """Count the jobs."""
        row = self.connection.execute(self.look_sql).fetchone()
        assert row is not None
        return Look(float(row[0]), int(row[1]), int(row[2]))

    def empty(self) -> None:
        """Remove every job, and what remains of those before."""
        self.connection.execute(self.empty_sql)

    def close(self) -> None:
        """Leave the database."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @abstractmethod
    def fill(self, count: int) -> float:
        """Add ``count`` jobs in bulk, as fast as the system can; the seconds of it."""

    @abstractmethod
    def worker(
        self, environment: Mapping[str, str] | None = None
    ) -> AbstractContextManager[Process]:
        """One worker process, ended with the block."""

    @abstractmethod
    def produce(self, pauses: Sequence[float]) -> Produced:
        """Add a job, pause (milliseconds), and so on; the jobs note their beginning."""

    @abstractmethod
    def verdict(self, count: int) -> str | None:
        """What went wrong with the ``count`` jobs of the last filling, or None; any may be left."""


def pauses(count: int) -> list[float]:
    """Milliseconds between paced jobs, 20 to 50, the same ones for every system."""
    source = random.Random(7)
    return [source.uniform(20.0, 50.0) for _ in range(count)]
