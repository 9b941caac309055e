"""Turns what callers hand in into the columns of one INSERT."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.db import connections, models, transaction

from jobs.claiming import fetch
from jobs.statements import enqueue as statements
from jobs.statements.names import has_person

if TYPE_CHECKING:
    from jobs.models.job import Job

# What the engine writes, and nobody else.
ENGINES_OWN = frozenset(
    {
        "status",
        "turn",
        "attempt",
        "retry_count",
        "worker_id",
        "error_message",
        "last_error_at",
        "started_at",
        "completed_at",
        "estimated_completion_at",
        "deadline_at",
        "cancel_requested",
        "progress_done",
        "progress_total",
        "progress_message",
    }
)
_USUAL_PRIORITY = 5


class Columns(NamedTuple):
    """Columns with one value for all rows, columns with one for each, and the number of rows.

    The values are as the caller gave them, by attribute.
    """

    shared: dict[str, Any]
    listed: dict[str, Sequence[Any]]
    rows: int

    def each(self, attribute: str, default: Any) -> Sequence[Any]:
        """The attribute's value in every row."""
        if attribute in self.listed:
            return self.listed[attribute]
        return [self.shared.get(attribute, default)] * self.rows


def from_keywords(model: type[Job], given: dict[str, Any]) -> Columns:
    """What ``enqueue_rows`` was called with; TypeError or ValueError says what is wrong with it."""
    known = {field.attname for field in model._meta.concrete_fields} - ENGINES_OWN
    for name in given:
        if name not in known:
            allowed = ", ".join(sorted(known))
            raise TypeError(f"{model.__name__} takes no {name!r} here. It takes: {allowed}.")
    listed: dict[str, Sequence[Any]] = {
        name: value for name, value in given.items() if isinstance(value, (list, tuple))
    }
    shared = {name: value for name, value in given.items() if name not in listed}
    lengths = {len(values) for values in listed.values()}
    if not lengths:
        raise TypeError("At least one column must be a list: it says how many jobs there are.")
    if len(lengths) > 1:
        sizes = ", ".join(f"{name}: {len(values)}" for name, values in listed.items())
        raise ValueError(f"The lists differ in length ({sizes}).")
    return Columns(shared, listed, lengths.pop())


@cache
def as_new(model: type[Job]) -> dict[str, Any]:
    """What the engine's own attributes are in a job that has never been in line before."""
    fields = [field for field in model._meta.concrete_fields if field.attname in ENGINES_OWN]
    return {
        **{field.attname: field.get_default() for field in fields},
        "status": model.states.ready,
    }


def from_jobs(model: type[Job], jobs: Sequence[Job]) -> Columns:
    """The columns of model objects; what is the same in all of them is named once."""
    listed: dict[str, Sequence[Any]] = {}
    shared: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if field.attname in ENGINES_OWN:
            continue
        values = [field.pre_save(job, add=True) for job in jobs]
        first = values[0]
        if not field.primary_key and all(_same(field, value, first) for value in values):
            shared[field.attname] = first
        else:
            listed[field.attname] = values
    return Columns(shared, listed, len(jobs))


def insert(model: type[Job], given: Columns, using: str, *, skip_duplicates: bool) -> list[UUID]:
    """Insert the rows, each with its turn; the ids in order."""
    with transaction.atomic(using, savepoint=False):
        return _insert(model, given, using, skip_duplicates=skip_duplicates)


def _insert(model: type[Job], given: Columns, using: str, *, skip_duplicates: bool) -> list[UUID]:
    fields = {field.attname: field for field in model._meta.concrete_fields}
    shared = {str(fields[name].column): fields[name] for name in given.shared}
    parameters: list[Any] = [
        _prepared(fields[name], [value], using)[0] for name, value in given.shared.items()
    ]
    listed: list[tuple[str, bool]] = []
    for name, values in {**given.listed, "turn": _turns(model, given, using)}.items():
        array, whole = _array(fields[name], values, using)
        listed.append((str(fields[name].column), whole))
        parameters.append(array)
    statement = statements.enqueue(
        model, tuple(shared), tuple(listed), skip_duplicates=skip_duplicates
    )
    return [row[0] for row in fetch(using, statement, parameters)]


def _same(field: models.Field[Any, Any], one: Any, other: Any) -> bool:
    """Whether the two are stored alike; in JSON, 1 and 1.0 and true are equal only to Python."""
    return one is other or (not isinstance(field, models.JSONField) and one == other)


def _turns(model: type[Job], given: Columns, using: str) -> list[int]:
    """The turn of each row: by the same rule as the trigger's, one person's jobs in their order."""
    people = given.each("user_id", None) if has_person(model) else [None] * given.rows
    as_stored = model._meta.get_field("priority").get_prep_value
    priorities = map(as_stored, given.each("priority", _USUAL_PRIORITY))
    pairs = list(zip(map(_as_uuid, people), priorities, strict=True))
    wanted = list(dict.fromkeys(pairs))
    arrays = [[person for person, _ in wanted], [priority for _, priority in wanted]]
    found = fetch(using, statements.last_turns(model), arrays)
    reached = {(person, priority): turn for person, priority, turn in found}
    if not has_person(model):  # the key keeps the order
        return [reached[pair] + 1 for pair in pairs]
    turns = []
    for pair in pairs:
        turn = reached[pair] = reached[pair] + 1
        turns.append(turn)
    return turns


def _as_uuid(person: Any) -> UUID | None:
    return UUID(person) if isinstance(person, str) else person


def _array(field: models.Field[Any, Any], values: Sequence[Any], using: str) -> tuple[Any, bool]:
    """The values as one parameter, and whether that is one JSON array.

    As text where that is simple: the driver would look at each element on its own.
    """
    if isinstance(field, models.JSONField) and None not in values:
        return json.dumps(values, cls=field.encoder), True
    written = _LITERALS.get({type(value) for value in values}.pop()) if _alike(values) else None
    if written is not None:
        return f"{{{','.join(map(written, values))}}}", False
    return _prepared(field, values, using), False


def _alike(values: Sequence[Any]) -> bool:
    return len(set(map(type, values))) == 1


_LITERALS: dict[type, Callable[[Any], str]] = {UUID: lambda value: value.hex, int: str}


def _prepared(field: models.Field[Any, Any], values: Sequence[Any], using: str) -> list[Any]:
    """The values as the driver takes them."""
    if isinstance(field, models.JSONField):
        return [None if value is None else json.dumps(value, cls=field.encoder) for value in values]
    connection = connections[using]
    return [field.get_db_prep_save(value, connection) for value in values]
