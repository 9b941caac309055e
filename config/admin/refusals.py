"""What the database refuses, as a sentence for the person who asked for it.

A trigger's ``RAISE EXCEPTION '…' USING ERRCODE = 'check_violation'`` is written for people: its
message is shown as it stands. PostgreSQL's own messages name tables and constraints; they are
replaced by what the model says about the constraint.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg
from django.db import DatabaseError
from django.db.models import Model

# SQLSTATE classes and codes that a person can answer (PostgreSQL 18, appendix A); any other
# database error is a fault of the program and is let be seen.
_INTEGRITY: Final = "23"
_RAISED: Final = "P0001"
_UNSTORABLE: Final = (
    "The text holds a character that cannot be stored (NUL, or half of a surrogate pair)."
    " Remove it and save again."
)
_ANSWERS: Final[dict[str, str]] = {
    "22021": _UNSTORABLE,
    "22P05": _UNSTORABLE,
    "40001": "Somebody else changed this at the same time. Look at it again, then try again.",
    "40P01": "Somebody else changed this at the same time. Look at it again, then try again.",
    "55P03": "Somebody else is changing this right now. Try again in a moment.",
    "42501": "The database does not allow this change: these rows are kept as they are.",
    "57014": "This took longer than allowed and was stopped. Nothing was changed.",
}
_BY_CODE: Final[dict[str, str]] = {
    "23505": "There is already a row with the same value. Values of {columns} must differ.",
    "23503": "This refers to something that is gone, or something else still refers to it.",
    "23502": "A value is missing: {columns} must be filled in.",
    "23514": "The values do not fit together (rule {constraint}).",
    "23P01": "This overlaps with what is already there.",
}


def refusal(error: DatabaseError, model: type[Model] | None = None) -> str | None:
    """The sentence for a refusal, or None when the error is no refusal but a fault."""
    cause = error.__cause__
    if not isinstance(cause, psycopg.Error):
        return None
    if not cause.sqlstate:  # the driver's own; it refuses NUL before the server sees it
        return _UNSTORABLE if isinstance(cause, psycopg.DataError) and "NUL" in str(cause) else None
    code, diagnosis = cause.sqlstate, cause.diag
    if code == _RAISED:
        return _sentence(diagnosis)
    if not code.startswith(_INTEGRITY):
        return _ANSWERS.get(code)
    if stated := _stated_by(model, diagnosis.constraint_name):
        return stated
    if not diagnosis.schema_name:  # raised by one of our functions, not by a constraint
        return _sentence(diagnosis)
    columns = diagnosis.column_name or _columns(diagnosis.message_detail) or "one column"
    template = _BY_CODE.get(code, "The database refused this change ({constraint}).")
    return template.format(columns=columns, constraint=diagnosis.constraint_name or code)


def _sentence(diagnosis: psycopg.errors.Diagnostic) -> str:
    parts = (diagnosis.message_primary, diagnosis.message_hint)
    sentences = (part.strip() for part in parts if part)
    return " ".join(text if text.endswith((".", "?")) else f"{text}." for text in sentences)


def _stated_by(model: type[Model] | None, name: str | None) -> str | None:
    """What the model's constraint of this name says for itself."""
    constraints: list[Any] = list(model._meta.constraints) if model and name else []
    for constraint in constraints:
        if constraint.name != name:
            continue
        message = constraint.violation_error_message
        if message != constraint.default_violation_error_message:
            return str(message)
    return None


def _columns(detail: str | None) -> str:
    """The columns of "Key (a, b)=(1, 2) already exists."; their values are not repeated."""
    if not detail or not detail.startswith("Key ("):
        return ""
    return detail.removeprefix("Key (").partition(")=")[0]
