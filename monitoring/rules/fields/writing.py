"""From a rule as JSON to the fields of a form, where these can say the same."""

from __future__ import annotations

from dataclasses import replace

from monitoring.rules.fields.amounts import (
    Amount,
    amount_of,
    amount_of_seconds,
    can_be_typed,
    number_text,
    typed_text,
    typed_texts,
)
from monitoring.rules.fields.reading import read_condition
from monitoring.rules.fields.shape import AS_NUMBER, COLUMN, KINDS, Comparisons, Fields, Row
from monitoring.rules.grammar import (
    AT_ONCE,
    META,
    All,
    AnyOf,
    Definition,
    Leaf,
    Not,
    Scalar,
    Span,
    Tree,
    Value,
)
from monitoring.rules.parsing import NotADefinition, parse
from monitoring.rules.samples import SEVERITIES


class _Unsaid(Exception):
    """The form has no field for this."""


def fields_of(document: object) -> Fields | None:
    """The fields that say what this condition says; None if it is none, or says more.

    The form knows comparisons joined once, without ``not``. What it makes of the fields is compared
    with the condition: they say the same, or it is None.
    """
    try:
        definition = parse(document)
        made = _fields(definition)
    except (NotADefinition, _Unsaid):
        return None
    read = read_condition(made)
    if read.wrong or _simple(parse(read.document)) != _simple(definition):
        return None
    return made


def _simple(definition: Definition) -> Definition:
    clear = definition.clear
    return replace(
        definition,
        condition=_unwrapped(definition.condition),
        clear=None if clear is None else _unwrapped(clear),
    )


def _unwrapped(tree: Tree) -> Tree:
    """Without lists of one; severities that a comparison lists in their order, each once."""
    match tree:
        case Leaf("severity", "in", tuple(values)):
            return replace(tree, value=tuple(one for one in SEVERITIES if one in values))
        case All(parts) | AnyOf(parts) if len(parts) == 1:
            return _unwrapped(parts[0])
        case All(parts):
            return All(tuple(map(_unwrapped, parts)))
        case AnyOf(parts):
            return AnyOf(tuple(map(_unwrapped, parts)))
        case _:
            return tree


def _fields(definition: Definition) -> Fields:
    columns = [key.removeprefix(META) for key in definition.group_by]
    if not all(map(can_be_typed, columns)):
        raise _Unsaid
    clear = definition.clear
    return Fields(
        condition=_comparisons(definition.condition),
        clear=Comparisons(join="") if clear is None else _comparisons(clear),
        lasting=_span(definition.lasting),
        calm=_span(definition.calm),
        columns=columns,
        no_data=definition.no_data.value,
        no_data_after=amount_of_seconds(definition.no_data_after),
    )


def _span(span: Span) -> Amount:
    return Amount() if span == AT_ONCE else amount_of(span)


def _comparisons(tree: Tree) -> Comparisons:
    match _unwrapped(tree):
        case Leaf() as leaf:
            return Comparisons("all", [_row(leaf)])
        case All(parts):
            return Comparisons("all", [_row(part) for part in parts])
        case AnyOf(parts):
            return Comparisons("any", [_row(part) for part in parts])
        case Not():
            raise _Unsaid


def _row(tree: Tree) -> Row:
    if not isinstance(tree, Leaf):
        raise _Unsaid
    if tree.metric.startswith(META):
        return _column(tree)
    row = Row(metric=tree.metric, op=tree.op)
    if tree.window is not None:
        row.window = amount_of(tree.window)
    match KINDS[tree.metric]:
        case "severity" if isinstance(tree.value, tuple):
            row.severities = tuple(map(str, tree.value))
        case "severity":
            row.severity = str(tree.value)
        case "truth":
            row.op, row.truth = "gte", "yes" if tree.value is True else "no"
        case _:
            row.value = _numbers(tree.value)
    return row


def _numbers(value: Value) -> str:
    values = value if isinstance(value, tuple) else (value,)
    return ", ".join(number_text(one) for one in values if not isinstance(one, str))


def _column(leaf: Leaf) -> Row:
    column = leaf.metric.removeprefix(META)
    values: tuple[Scalar, ...] = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    texts = [one for one in values if isinstance(one, str)]
    if any(isinstance(one, bool) for one in values):
        raise _Unsaid
    if not can_be_typed(column) or not all(map(can_be_typed, texts)):
        raise _Unsaid
    if not texts:
        op, typed = f"{AS_NUMBER}{leaf.op}", _numbers(leaf.value)
    else:
        op = leaf.op
        typed = typed_texts(texts) if leaf.op == "in" else typed_text(texts[0])
    return Row(metric=COLUMN, column=column, column_op=op, value=typed)
