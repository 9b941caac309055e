"""Claims: their terms, and reading jobs from their answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, cast
from uuid import UUID

import psycopg
from django.db import connections, transaction
from django.db.models.base import ModelState

from jobs.statements.names import CLAIMED_AS, claimed_columns

if TYPE_CHECKING:
    from django.db import models

    from database.backend.base import DatabaseWrapper
    from jobs.models.job import Job

J_co = TypeVar("J_co", covariant=True)


class Held(NamedTuple):
    """One attempt at one job."""

    id: UUID
    attempt: int


class Place(NamedTuple):
    """A place in line; ``rank`` is the priority's negative, so that the order ascends."""

    rank: int
    turn: int
    id: UUID


@dataclass(frozen=True, slots=True)
class Terms:
    """What a claim is to take and under which limits.

    ``time_limit``       for each attempt
    ``usual``            seconds such a job takes, for its estimated completion
    ``place``            look only further down the line: what was dead there need not be stepped
                         over again. For a moment only: somebody may have come in before it
    ``limit_per_person`` how many jobs of one person may run at the same time
    ``rated``            the queue has a rate, so claims must be counted
    """

    worker: str
    slots: int
    time_limit: timedelta
    usual: float | None = None
    place: Place | None = None
    limit_per_person: int | None = None
    rated: bool = False

    @property
    def guarded(self) -> bool:
        """Whether claims have to wait for each other."""
        return self.rated or self.limit_per_person is not None

    def as_parameters(self) -> list[Any]:
        """The parameters with which a row is marked as claimed."""
        return [self.worker, self.time_limit.total_seconds(), self.usual]


class Exchange(NamedTuple, Generic[J_co]):
    """What came of it: attempts that had lost their lease, and the jobs claimed, in line order."""

    lost: set[UUID]
    claimed: list[J_co]


def fetch(alias: str, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run a statement with its parameters apart from its text, and read the answer in binary.

    Django's own cursor writes parameters into the text, which is slow for thousands of them. Never
    prepared on the server: plans made for unknown numbers are wrong for a queue, and a pooler that
    hands out connections by transaction cannot keep them.
    """
    with _answer(alias, statement, parameters) as cursor:
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def read_claim(
    queryset: models.QuerySet[Any], statement: str, parameters: Sequence[Any], worker: str
) -> tuple[int, list[Any]]:
    """The figure that the statement's rows begin with, and the jobs, in line order."""

    def one(number: int) -> tuple[Any, ...]:
        cursor.scroll(number, mode="absolute")
        row: tuple[Any, ...] = cursor.fetchone()
        return row

    with _answer(queryset.db, statement, parameters) as cursor:
        figure = int.from_bytes(cursor.pgresult.get_value(0, 0) or b"", "big", signed=True)
        rows = readable(cursor.fetchall, one, cursor.rowcount)
    return figure, made(queryset.model, queryset.db, rows, worker)


def readable(
    load_all: Callable[[], list[tuple[Any, ...]]],
    load_one: Callable[[int], tuple[Any, ...]],
    size: int,
) -> list[tuple[Any, ...]]:
    """The rows, without those that hold what Python has no room for (a day after 9999, say).

    One such row must not keep the others from being run; the worker sees to it by itself.
    """
    try:
        return load_all()
    except psycopg.DataError:
        rows = []
        for number in range(size):
            with suppress(psycopg.DataError):
                rows.append(load_one(number))
        return rows


@contextmanager
def _answer(alias: str, statement: str, parameters: Sequence[Any]) -> Iterator[Any]:
    connection = cast("DatabaseWrapper", connections[alias])
    if not (connection.in_atomic_block or connection.runs_as_usual()):  # who acts is told to it
        with transaction.atomic(alias), _answer(alias, statement, parameters) as cursor:
            yield cursor
        return
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, parameters, prepare=False, binary=True)
        yield cursor


def place_of(job: Job) -> Place:
    """Where the job stood in line."""
    return Place(-job.priority, job.turn or 0, job.id)


def place_in(model: type[Job], row: Sequence[Any]) -> Place:
    """Where the job of a claim's row stood in line."""
    at = {attribute: number for number, (_, attribute) in enumerate(claimed_columns(model), 1)}
    return Place(-row[at["priority"]], row[at["turn"]] or 0, row[at[model._meta.pk.attname]])


def made(model: type[Job], alias: str, rows: Sequence[tuple[Any, ...]], worker: str) -> list[Any]:
    """The jobs of a claim, in line order, as ``Model.from_db`` would make them.

    Without the cost of thirty assignments by name: a worker makes tens of thousands a second.
    """
    attributes = [attribute for _, attribute in claimed_columns(model)]
    key = attributes.index(model._meta.pk.attname) + 1
    common = {**CLAIMED_AS, "status": model.states.running, "worker_id": worker}
    names = (*attributes, *common)
    values = tuple(common.values())
    jobs = []
    for row in rows:
        if row[key] is None:
            continue
        job: Any = model.__new__(model)
        job.__dict__ = fields = dict(zip(names, row[1:] + values, strict=True))
        fields["_state"] = state = ModelState()
        state.adding, state.db = False, alias
        jobs.append(job)
    return jobs
