"""From the fields of a form to a rule as JSON; every problem is named with its field."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from monitoring.rules.fields.amounts import (
    SAMPLES,
    SECONDS,
    Amount,
    number_of,
    seconds_of,
    text_of,
    texts_of,
)
from monitoring.rules.fields.shape import AS_NUMBER, KINDS, Comparisons, Fields, Row
from monitoring.rules.grammar import META, MOST_POINTS, MOST_SECONDS, Definition, NoData
from monitoring.rules.parsing import NotADefinition, Problem, parse
from monitoring.rules.samples import SEVERITIES

_LAST_STEP: Final = re.compile(r"(\.[^.\[]*|\[[^\[]*\])\Z")
_SHOWN: Final = 40
_DAYS: Final = MOST_SECONDS // 86_400


@dataclass(slots=True)
class Read:
    """What the fields say: ``document``, and by field what is wrong with it.

    ``places`` leads from a place in the document (``$.condition.any[0].value``) to its field;
    ``subjects`` from a place to what it is called where several share a field.
    """

    document: Any = None
    places: dict[str, str] = field(default_factory=dict)
    subjects: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, list[str]] = field(default_factory=dict)

    def refuse(self, name: str, sentence: str) -> None:
        """Say what is wrong with a field."""
        self.wrong.setdefault(name, []).append(sentence)

    def take(self, problems: list[Problem]) -> None:
        """Take the parser's problems over, each beside the field that it is about."""
        for one in problems:
            subject = self.subjects.get(one.path)
            sentence = f"{subject}: {one.sentence}" if subject else one.sentence
            self.refuse(self.field_of(one.path), sentence)

    def field_of(self, path: str) -> str:
        """The field of the innermost place that is known around this one."""
        while path not in self.places and path != "$":
            path, steps = _LAST_STEP.subn("", path)
            if not steps:
                path = "$"
        return self.places.get(path, "")


def read_condition(fields: Fields) -> Read:
    """The condition that the fields say, checked whole.

    What cannot be read stands in ``wrong`` and is left out of ``document``; so is what the grammar
    does not take. Problems come all at once.
    """
    read = Read(document={}, places={"$": "condition"})
    document = read.document
    _add(document, "condition", _tree(read, "condition", fields.condition))
    if fields.clear.join:
        _add(document, "clear", _tree(read, "clear", fields.clear))
    _add(document, "for", _optional(read, "lasting", fields.lasting, "$.for"))
    _add(document, "keep_firing_for", _optional(read, "calm", fields.calm, "$.keep_firing_for"))
    _add(document, "group_by", _columns(read, fields))
    read.places["$.no_data"] = "no_data"
    if fields.no_data != NoData.KEEP:
        document["no_data"] = fields.no_data
    _add(document, "no_data_after", _silence(read, fields.no_data_after))
    _check(read)
    return read


def _add(document: dict[str, Any], key: str, value: Any) -> None:
    if value is not None:
        document[key] = value


def _columns(read: Read, fields: Fields) -> list[str] | None:
    read.places["$.group_by"] = "columns"
    typed = texts_of(fields.more_columns)
    if typed is None:
        read.refuse("more_columns", "A quotation mark is not closed, or the list is too long.")
    return [f"{META}{one}" for one in dict.fromkeys([*fields.columns, *(typed or [])])] or None


def _silence(read: Read, amount: Amount) -> dict[str, Any] | None:
    if amount.unit == SAMPLES:
        amount = Amount(amount.number, SECONDS)
    span = _optional(read, "no_data_after", amount, "$.no_data_after")
    return None if span == {"seconds": Definition.no_data_after} else span


def _check(read: Read) -> None:
    """The grammar's own problems; what could not be read has been told already."""
    if "condition" not in read.document:
        return
    try:
        parse(read.document)
    except NotADefinition as error:
        read.take(error.problems)


# --- Spans ----------------------------------------------------------------------------------------


def _optional(read: Read, name: str, amount: Amount, path: str) -> dict[str, Any] | None:
    return read_span(read, name, amount, path) if amount.number.strip() else None


def read_span(read: Read, name: str, amount: Amount, path: str) -> dict[str, Any] | None:
    """So many samples, or so long, as JSON."""
    read.places[path] = name
    if amount.unit == SAMPLES:
        points = number_of(amount.number)
        if isinstance(points, int) and 1 <= points <= MOST_POINTS:
            return {"points": points}
        read.refuse(name, f"It is a whole number of samples from 1 to {MOST_POINTS:,}.")
        return None
    seconds = seconds_of(amount)
    if seconds is not None and 1 <= seconds <= MOST_SECONDS:
        return {"seconds": seconds}
    read.refuse(name, f"It is a time from 1 second to {_DAYS} days.")
    return None


# --- Rows -----------------------------------------------------------------------------------------


def _tree(read: Read, name: str, said: Comparisons) -> dict[str, Any] | None:
    """One comparison stands alone; several are joined."""
    path = f"$.{name}"
    read.places[path] = name
    filled = said.filled
    if not filled:
        read.refuse(f"{name}-0-metric", "Choose what is looked at.")
        return None
    join = said.join if said.join in {"all", "any"} else "all"
    leaves = list[dict[str, Any]]()
    for place, row in filled:
        # As long as a row cannot be read, the places of the others do not matter.
        where = path if len(filled) == 1 else f"{path}.{join}[{len(leaves)}]"
        leaf = _leaf(read, f"{name}-{place}", row, where)
        leaves += [leaf] if leaf is not None else []
    if not leaves:
        return None
    return leaves[0] if len(filled) == 1 else {join: leaves}


def _leaf(read: Read, name: str, row: Row, path: str) -> dict[str, Any] | None:
    kind = KINDS.get(row.metric)
    is_column = kind == "column"
    op_field = f"{name}-{'column_op' if is_column else 'op'}"
    read.places |= {
        path: name,
        f"{path}.metric": f"{name}-{'column' if is_column else 'metric'}",
        f"{path}.op": op_field,
    }
    match kind:
        case None:
            read.refuse(f"{name}-metric", "Choose what is looked at.")
            return None
        case "severity":
            said = _severity(read, name, row, path)
        case "truth":
            read.places[f"{path}.value"] = f"{name}-truth"
            said = {"op": "eq", "value": row.truth == "yes"}
        case "column":
            return _column(read, name, row, path)
        case _:
            said = _with(row.op, _value(read, name, row.op, row.value, path, as_number=True))
    if said is not None and kind == "window":
        window = read_span(read, f"{name}-window", row.window, f"{path}.window")
        said = None if window is None else said | {"window": window}
    return None if said is None else {"metric": row.metric} | said


def _with(op: str, value: Any) -> dict[str, Any] | None:
    return None if value is None else {"op": op, "value": value}


def _severity(read: Read, name: str, row: Row, path: str) -> dict[str, Any] | None:
    if row.op != "in":
        read.places[f"{path}.value"] = f"{name}-severity"
        return _with(row.op, row.severity)
    read.places[f"{path}.value"] = f"{name}-severities"
    chosen = [one for one in SEVERITIES if one in row.severities]
    if not chosen:
        read.refuse(f"{name}-severities", "Choose one or more.")
        return None
    return _with(row.op, chosen)


def _column(read: Read, name: str, row: Row, path: str) -> dict[str, Any] | None:
    column = row.column.strip()
    if not column:
        read.refuse(f"{name}-column", "Name the column.")
    as_number = row.column_op.startswith(AS_NUMBER)
    op = row.column_op.removeprefix(AS_NUMBER)
    value = _value(read, name, op, row.value, path, as_number=as_number)
    said = _with(op, value)
    return None if said is None or not column else {"metric": f"{META}{column}"} | said


def _value(read: Read, name: str, op: str, typed: str, path: str, *, as_number: bool) -> Any:
    """A value, or with ``in`` a list; None if it cannot be read, which is told."""
    field_name = f"{name}-value"
    read.places[f"{path}.value"] = field_name
    if not typed.strip():
        read.refuse(field_name, "Say what it is compared with.")
        return None
    if op != "in":
        return _number(read, field_name, typed) if as_number else _text(read, field_name, typed)
    texts = texts_of(typed)
    if texts is None:
        read.refuse(field_name, "A quotation mark is not closed, or the list is too long.")
        return None
    values = [_number(read, field_name, text) for text in texts] if as_number else texts
    return None if None in values else values


def _number(read: Read, name: str, typed: str) -> int | float | None:
    number = number_of(typed)
    if number is None:
        shown = " ".join(typed.split())[:_SHOWN]
        read.refuse(name, f"“{shown}” is no number: write it as 12 or 0.05.")
    return number


def _text(read: Read, name: str, typed: str) -> str | None:
    text = text_of(typed)
    if text is None:
        read.refuse(name, "A quotation mark is not closed.")
    return text
