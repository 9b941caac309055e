"""From JSON to a tree; every problem is named with its place in the document."""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from monitoring.rules.grammar import (
    AT_ONCE,
    META,
    MOST_DEPTH,
    MOST_GROUP_KEYS,
    MOST_LEAVES,
    MOST_POINTS,
    MOST_SECONDS,
    SAMPLE_METRICS,
    SILENCE,
    WINDOW_METRICS,
    All,
    AnyOf,
    Definition,
    Leaf,
    NoData,
    Not,
    Op,
    Scalar,
    Span,
    Tree,
    Value,
    leaves,
)
from monitoring.rules.samples import SEVERITIES

OPS: Final[tuple[Op, ...]] = ("gt", "gte", "lt", "lte", "eq", "ne", "in")
_ORDERS: Final = frozenset({"gt", "gte", "lt", "lte"})
_TREE_KEYS: Final = ("all", "any", "not", "metric")
_RULE_KEYS: Final = (
    "condition",
    "clear",
    "for",
    "keep_firing_for",
    "group_by",
    "no_data",
    "no_data_after",
)
_LEAF_KEYS: Final = ("metric", "op", "value", "window")
_MOST_VALUES: Final = 100
_LONGEST_TEXT: Final = 200
# What PostgreSQL keeps in no text: the sign zero, and halves of signs.
_UNKEPT: Final = re.compile("[\x00\ud800-\udfff]")
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# Values that mean something; others are typing errors.
_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "p_value": (0, 1),
    "drift.p_value": (0, 1),
    "window.anomaly_pct": (0, 100),
    "window.count": (0, MOST_POINTS),
    SILENCE: (0, MOST_SECONDS),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """``path`` as JSONPath writes it (RFC 9535): ``$.condition.all[0].op``."""

    path: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}: {self.sentence}"


class NotADefinition(ValueError):
    """The document is no rule; ``problems`` says all that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(" ".join(map(str, problems)))
        self.problems = problems


def parse(document: object) -> Definition:
    """The rule that a JSON document says; NotADefinition with every problem.

    ``{"condition": tree, "clear": tree, "for": span, "keep_firing_for": span, "group_by": [...],
    "no_data": "ok" | "alert" | "keep", "no_data_after": {"seconds": n}}``; a tree alone is a rule
    with nothing but a condition.
    """
    return _Parser().definition(document)


class _Parser:
    """Collects problems; what is wrong is replaced by something harmless until the end."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.count = 0

    def wrong(self, path: str, sentence: str) -> None:
        self.problems.append(Problem(path, sentence))

    # --- The rule ----------------------------------------------------------------------------

    def definition(self, document: object) -> Definition:
        if isinstance(document, Mapping) and not document.keys().isdisjoint(_TREE_KEYS):
            made = Definition(self.tree(document, "$", 1) or _NOTHING)
        else:
            made = self.whole(document)
        if self.problems:
            raise NotADefinition(self.problems)
        return made

    def whole(self, document: object) -> Definition:
        said = self.object(document, "$", _RULE_KEYS)
        if said is None:
            return Definition(_NOTHING)
        condition: Tree | None = None
        if "condition" in said:
            condition = self.tree(said["condition"], "$.condition", 1)
        else:
            self.wrong("$", "A rule needs a condition.")
        clear = self.tree(said["clear"], "$.clear", 1) if "clear" in said else None
        no_data = self.no_data(said, condition, clear)
        after = (
            self.span(said["no_data_after"], "$.no_data_after", ("seconds",))
            if "no_data_after" in said
            else None
        )
        return Definition(
            condition=condition or _NOTHING,
            clear=clear,
            lasting=self.span(said["for"], "$.for") if "for" in said else AT_ONCE,
            calm=(
                self.span(said["keep_firing_for"], "$.keep_firing_for")
                if "keep_firing_for" in said
                else AT_ONCE
            ),
            group_by=self.group_by(said.get("group_by", [])),
            no_data=no_data,
            **({} if after is None or after.seconds is None else {"no_data_after": after.seconds}),
        )

    def no_data(
        self, said: Mapping[str, Any], condition: Tree | None, clear: Tree | None
    ) -> NoData:
        word = said.get("no_data", NoData.KEEP.value)
        if word not in tuple(NoData):
            self.wrong("$.no_data", f"It is ok, alert or keep, not {_shown(word)}.")
            return NoData.KEEP
        trees = [tree for tree in (condition, clear) if tree is not None]
        told = any(leaf.metric == SILENCE for tree in trees for leaf in leaves(tree))
        if told and word != NoData.KEEP:
            self.wrong(
                "$.no_data",
                f"The rule looks at {SILENCE} itself: leave no_data away, or write keep.",
            )
        return NoData(word)

    def group_by(self, said: object) -> tuple[str, ...]:
        if not isinstance(said, list):
            self.wrong(
                "$.group_by", f"It is a list of keys such as meta.machine, not {_shown(said)}."
            )
            return ()
        if len(said) > MOST_GROUP_KEYS:
            self.wrong(
                "$.group_by", f"It has {len(said)} keys; at most {MOST_GROUP_KEYS} are taken."
            )
        keys = [key for index, key in enumerate(said) if self.meta_key(key, f"$.group_by[{index}]")]
        if len(set(keys)) < len(keys):
            self.wrong("$.group_by", "A key stands in it twice.")
        return tuple(keys)

    def meta_key(self, key: object, path: str) -> bool:
        if is_text(key) and key.startswith(META) and len(META) < len(key):
            return True
        self.wrong(path, f"{_shown(key)} is no column of metadata: write meta.COLUMN.")
        return False

    # --- Trees -------------------------------------------------------------------------------

    def tree(self, said: object, path: str, depth: int) -> Tree | None:
        if not isinstance(said, Mapping):
            self.wrong(path, f"A condition is an object, not {_shown(said)}.")
            return None
        kinds = [key for key in _TREE_KEYS if key in said]
        if len(kinds) != 1:
            self.wrong(
                path,
                "A condition has one of all, any, not and metric"
                + (f", not {' and '.join(kinds)} together." if kinds else "."),
            )
            return None
        if depth > MOST_DEPTH:
            self.wrong(path, f"Conditions lie in each other at most {MOST_DEPTH} deep.")
            return None
        match kinds[0]:
            case "metric":
                return self.leaf(said, path)
            case "not":
                self.object(said, path, ("not",))
                part = self.tree(said["not"], f"{path}.not", depth + 1)
                return None if part is None else Not(part)
            case kind:
                self.object(said, path, (kind,))
                parts = self.parts(said[kind], f"{path}.{kind}", depth + 1)
                return All(parts) if kind == "all" else AnyOf(parts)

    def parts(self, said: object, path: str, depth: int) -> tuple[Tree, ...]:
        if not isinstance(said, list) or not said:
            self.wrong(path, "It is a list of one condition or more.")
            return ()
        found = [self.tree(part, f"{path}[{index}]", depth) for index, part in enumerate(said)]
        return tuple(part for part in found if part is not None)

    # --- Leaves ------------------------------------------------------------------------------

    def leaf(self, said: Mapping[str, Any], path: str) -> Leaf | None:
        self.count += 1
        if self.count == MOST_LEAVES + 1:
            self.wrong(path, f"A rule has at most {MOST_LEAVES} comparisons; this is one more.")
        self.object(said, path, _LEAF_KEYS)
        metric = said["metric"]
        known = isinstance(metric, str) and (
            metric in (*SAMPLE_METRICS, *WINDOW_METRICS, SILENCE) or metric.startswith(META)
        )
        if not known:
            names = ", ".join((*SAMPLE_METRICS, *WINDOW_METRICS, SILENCE))
            self.wrong(f"{path}.metric", f"{_shown(metric)} is no metric: {names}, meta.COLUMN.")
            return None
        if metric.startswith(META) and not self.meta_key(metric, f"{path}.metric"):
            return None
        op = next((one for one in OPS if one == said.get("op")), None)
        if op is None:
            given = _shown(said["op"]) if "op" in said else "nothing"
            self.wrong(f"{path}.op", f"It is one of {', '.join(OPS)}, not {given}.")
            return None
        if "value" not in said:
            self.wrong(path, "The comparison has no value.")
            return None
        value = self.value(metric, op, said["value"], f"{path}.value")
        return Leaf(metric, op, value, self.window(metric, said, path))

    def window(self, metric: str, said: Mapping[str, Any], path: str) -> Span | None:
        if metric in WINDOW_METRICS:
            if "window" not in said:
                self.wrong(path, f"{metric} needs a window of points or seconds.")
                return None
            return self.span(said["window"], f"{path}.window")
        if "window" in said:
            self.wrong(
                f"{path}.window",
                f"{metric} has no window: that of the rule's for says how long it must hold.",
            )
        return None

    def value(self, metric: str, op: Op, said: object, path: str) -> Value:
        if op != "in":
            return self.scalar(metric, op, said, path)
        if not isinstance(said, list) or not 1 <= len(said) <= _MOST_VALUES:
            self.wrong(path, f"With in it is a list of 1 to {_MOST_VALUES} values.")
            return ()
        return tuple(
            self.scalar(metric, op, one, f"{path}[{index}]") for index, one in enumerate(said)
        )

    def scalar(self, metric: str, op: Op, said: object, path: str) -> Scalar:
        if metric == "severity":
            if said not in SEVERITIES:
                self.wrong(path, f"A severity is {', '.join(SEVERITIES)}, not {_shown(said)}.")
                return SEVERITIES[0]
            return str(said)
        if metric == "off_map":
            if not isinstance(said, bool) or op in _ORDERS:
                self.wrong(path, "off_map is compared by eq, ne or in with true or false.")
            return bool(said)
        if (
            metric.startswith(META)
            and op not in _ORDERS
            and (isinstance(said, bool) or is_text(said))
        ):
            return said
        number = _number(said)
        if number is None:
            self.wrong(path, f"{metric} is compared with a number, not {_shown(said)}.")
            return 0.0
        least, most = _RANGES.get(metric, (-math.inf, math.inf))
        if not least <= number <= most:
            self.wrong(path, f"{metric} goes from {least:g} to {most:g}; {number:g} is outside.")
        return number

    # --- Parts -------------------------------------------------------------------------------

    def span(self, said: object, path: str, kinds: tuple[str, ...] = ("points", "seconds")) -> Span:
        words = " or ".join(f'{{"{kind}": N}}' for kind in kinds)
        if not isinstance(said, Mapping) or len(said) != 1 or not said.keys() <= set(kinds):
            self.wrong(path, f"It is {words}, not {_shown(said)}.")
            return AT_ONCE
        [(kind, number)] = said.items()
        whole = isinstance(number, int) and not isinstance(number, bool)
        if kind == "points":
            if whole and 1 <= number <= MOST_POINTS:
                return Span(points=number)
            self.wrong(
                f"{path}.points",
                f"It is a whole number from 1 to {MOST_POINTS}, not {_shown(number)}.",
            )
            return AT_ONCE
        seconds = _number(number)
        if seconds is not None and 1 <= seconds <= MOST_SECONDS:
            return Span(seconds=seconds)
        self.wrong(
            f"{path}.seconds", f"It is a number from 1 to {MOST_SECONDS}, not {_shown(number)}."
        )
        return AT_ONCE

    def object(self, said: object, path: str, known: tuple[str, ...]) -> Mapping[str, Any] | None:
        if not isinstance(said, Mapping):
            self.wrong(path, f"A rule is an object, not {_shown(said)}.")
            return None
        for key in said:
            if key not in known:
                self.wrong(
                    _member(path, key), f"The key is not known here. There are: {', '.join(known)}."
                )
        return said


_NOTHING: Final = AnyOf(())


def is_text(value: object) -> TypeGuard[str]:
    """Whether it is text that can be kept, and of no more than 200 characters."""
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT and not _UNKEPT.search(value)


def _member(path: str, key: object) -> str:
    text = str(key)[:_LONGEST_TEXT]
    return f"{path}.{text}" if _PLAIN.match(text) else f"{path}[{text!r}]"


def _number(value: object) -> float | None:
    """A finite number as the comparisons take it; None for anything else, truth included."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _shown(value: object) -> str:
    """What was given, short."""
    return reprlib.repr(value)
