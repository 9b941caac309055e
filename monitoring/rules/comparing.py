"""Whether a comparison holds: yes, no, or not to be told (Kleene's three values)."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from typing import Final

from monitoring.rules.grammar import META, All, AnyOf, Leaf, Not, Scalar, Tree
from monitoring.rules.samples import SEVERITIES, MetaValue, Sample, as_text


class Verdict(IntEnum):
    """The values, in Kleene's order: all is the least, any the greatest, not the mirror."""

    NO = -1
    UNKNOWN = 0
    YES = 1

    @classmethod
    def of(cls, holds: bool) -> Verdict:
        """Yes or no."""
        return cls.YES if holds else cls.NO


_OPS: Final[dict[str, Callable[[float, float], bool]]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "ne": operator.ne,
}


def combine(tree: Tree, verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a tree from those of its leaves, from left to right.

    Consumes as many of ``verdicts`` as the tree has leaves.
    """
    told = iter(verdicts)
    return _combine(tree, lambda: next(told))


def _combine(tree: Tree, following: Callable[[], Verdict]) -> Verdict:
    match tree:
        case Leaf():
            return following()
        case Not(part):
            return Verdict(-_combine(part, following))
        case All(parts):
            return min([_combine(part, following) for part in parts])
        case AnyOf(parts):
            return max([_combine(part, following) for part in parts])


def on_number(leaf: Leaf, number: float | None) -> Verdict:
    """The leaf's comparison with a number that may be missing or NaN."""
    if number is None or math.isnan(number):
        return Verdict.UNKNOWN
    if isinstance(leaf.value, tuple):
        return Verdict.of(any(number == one for one in leaf.value))
    assert not isinstance(leaf.value, str), "the parser lets none through"
    return Verdict.of(_OPS[leaf.op](number, leaf.value))


def on_sample(leaf: Leaf, sample: Sample) -> Verdict:
    """The verdict of a leaf that looks at the sample alone."""
    match leaf.metric:
        case "severity":
            return _on_severity(leaf, sample.severity)
        case "distance":
            return on_number(leaf, sample.distance)
        case "p_value":
            return on_number(leaf, sample.p_value)
        case "ratio":
            return on_number(leaf, sample.ratio)
        case "off_map":
            return on_number(leaf, sample.off_map)
        case _:
            return _on_meta(leaf, sample.meta.get(leaf.metric.removeprefix(META)))


def _on_severity(leaf: Leaf, severity: int | None) -> Verdict:
    if severity is None:
        return Verdict.UNKNOWN
    ranks = [SEVERITIES.index(str(name)) for name in _values(leaf)]
    return Verdict.of(severity in ranks if leaf.op == "in" else _OPS[leaf.op](severity, ranks[0]))


def _on_meta(leaf: Leaf, found: MetaValue) -> Verdict:
    equal = [_equals(one, found) for one in _values(leaf)]
    match leaf.op:
        case "in":
            return max(equal)
        case "eq":
            return equal[0]
        case "ne":
            return Verdict(-equal[0])
        case _:
            return on_number(leaf, _number(found))


def _values(leaf: Leaf) -> Sequence[Scalar]:
    return leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)


def _equals(wanted: Scalar, found: MetaValue) -> Verdict:
    """Text with text, a number with a number: what cannot be read as one is not known."""
    if isinstance(wanted, (str, bool)):
        text = as_text(found)
        return Verdict.UNKNOWN if text is None else Verdict.of(text == as_text(wanted))
    number = _number(found)
    return Verdict.UNKNOWN if number is None else Verdict.of(number == wanted)


def _number(found: MetaValue) -> float | None:
    if found is None or isinstance(found, bool):
        return None
    try:
        number = float(found)
    except ValueError:
        return None
    return None if math.isnan(number) else number
