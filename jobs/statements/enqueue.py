"""Inserting many jobs at once: arrays in, ids out."""

from __future__ import annotations

from functools import cache

from django.db import connection, models

from jobs.statements.names import names


@cache
def last_turns(model: type[models.Model]) -> str:
    """The turns after which people's next jobs stand. Parameters: arrays of people and priorities.

    Returns a row of person, priority and turn for each pair.
    """
    return """
        SELECT who, class, {last_turn}(who, class)
        FROM unnest(%s::uuid[], %s::integer[]) AS a (who, class)
    """.format(**names(model))


@cache
def enqueue(
    model: type[models.Model],
    shared: tuple[str, ...],
    listed: tuple[tuple[str, bool], ...],
    *,
    skip_duplicates: bool,
) -> str:
    """Insert a row for each element of the listed columns' arrays.

    Parameters: a value for each ``shared`` column, then an array for each ``listed`` one, which is
    one JSON array where the flag beside its name says so. Turns are among them, so the trigger has
    nothing to do. Returns the ids in the order of the arrays.
    """
    quote = connection.ops.quote_name
    known = names(model)
    arrays = [
        "jsonb_array_elements(%s::jsonb)"
        if whole
        else f"unnest(%s::{_array_type(model, column)}[])"
        for column, whole in listed
    ]
    own = [f"%s::{_type(model, column)}" for column in shared]
    own += [_stored(model, column, whole=whole) for column, whole in listed]
    columns = [*shared, *(column for column, _ in listed)]
    return f"""
        INSERT INTO {known["table"]} ({", ".join(map(quote, columns))}, status)
        SELECT {", ".join(own)}, {known["ready"]}
        FROM ROWS FROM ({", ".join(arrays)})
            AS a ({", ".join(quote(column) for column, _ in listed)})
        {"ON CONFLICT DO NOTHING" if skip_duplicates else ""}
        RETURNING id
    """


def _type(model: type[models.Model], column: str) -> str:
    field = next(field for field in model._meta.concrete_fields if field.column == column)
    kind = field.db_type(connection)
    assert kind is not None, "a concrete field has a type"
    return "text" if kind.startswith("varchar") else kind


def _array_type(model: type[models.Model], column: str) -> str:
    """JSON travels as text: the driver then has no element to wrap."""
    kind = _type(model, column)
    return "text" if kind == "jsonb" else kind


def _stored(model: type[models.Model], column: str, *, whole: bool) -> str:
    quoted = f"a.{connection.ops.quote_name(column)}"
    return f"{quoted}::jsonb" if _type(model, column) == "jsonb" and not whole else quoted
