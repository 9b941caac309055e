"""What a table calls things, quoted for SQL."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from django.db import connection, models
from psycopg import sql

# In place of the person, for jobs that are for nobody.
NOBODY = "'00000000-0000-0000-0000-000000000000'::uuid"

# What a claim sets, the same for all.
CLAIMED_AS: Final[dict[str, Any]] = {
    "available_at": None,
    "completed_at": None,
    "cancel_requested": False,
    "progress_done": 0,
    "progress_total": None,
    "progress_message": "",
}
_LEFT_BEHIND: Final = {
    *CLAIMED_AS,
    "status",
    "worker_id",
    "error_message",
    "last_error_at",
    "unique_key",
    "estimated_completion_at",
}


@cache
def names(model: type[models.Model]) -> dict[str, str]:
    """What a statement on this table is composed of.

    ``in_line``      the rows that may be claimed, in the words of the line's index
    ``in_own_line``  the same, in the words of the index of people's own lines
    ``line``         the order in which they are served
    ``person``       for whom a row is, NOBODY's included
    ``runs``, ``waits``  that a row known by its key is running, or in line, in words that the
                     planner does not take for those of a partial index: every job passes through
                     these indexes and leaves a dead entry there
    """
    states = model.states  # type: ignore[attr-defined] # a concrete Job
    quoted = {
        state: literal(str(getattr(states, state)))
        for state in ("ready", "running", "done", "failed", "cancelled", "waiting")
    }
    held_back = f"(status = {quoted['ready']} AND available_at IS NOT NULL)"
    if states.retrying is not None:
        held_back = (
            f"(status = {quoted['waiting']}"
            f" OR status = {quoted['ready']} AND available_at IS NOT NULL)"
        )
    quote = connection.ops.quote_name
    table = model._meta.db_table
    return {
        **quoted,
        "table": quote(table),
        "table_name": literal(table),
        "last_turn": quote(f"last_turn_{table}"),
        "held_back": held_back,
        "in_line": f"(status = {quoted['ready']} AND available_at IS NULL)",
        "in_own_line": f"(status || '' = {quoted['ready']} AND available_at IS NULL)",
        "line": "-priority, turn, id",
        "waits": f"(status IS NOT DISTINCT FROM {quoted['ready']} AND available_at IS NULL)",
        "runs": f"q.status IS NOT DISTINCT FROM {quoted['running']}",
        "person": f"coalesce(user_id, {NOBODY})" if has_person(model) else NOBODY,
        "columns": ", ".join(f"q.{quote(column)}" for column, _ in claimed_columns(model)),
    }


@cache
def claimed_columns(model: type[models.Model]) -> tuple[tuple[str, str], ...]:
    """The (column, attribute) pairs that a claim returns.

    Not what a claim itself has just set, nor what is of no use to a running job. What Python has to
    convert stays behind until the handler asks for it, JSON above all: a value that Python cannot
    read (a number of 5,000 digits, say) then fails its own job, where it would stop the worker that
    claims it.
    """
    return tuple(
        (str(field.column), field.attname)
        for field in model._meta.concrete_fields
        if field.attname not in _LEFT_BEHIND
        and not isinstance(field, models.JSONField)
        and not field.get_db_converters(connection)
    )


@cache
def has_person(model: type[models.Model]) -> bool:
    """Whether the table says for whom a job runs."""
    return any(field.column == "user_id" for field in model._meta.concrete_fields)


def literal(text: str) -> str:
    """The text as an SQL literal."""
    return sql.Literal(text).as_string(None)
