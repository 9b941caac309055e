"""Which alerts a silence keeps quiet: matchers as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from monitoring.rules.grammar import META
from monitoring.rules.parsing import NotADefinition, Problem, is_text
from monitoring.rules.samples import SEVERITIES

MOST_MATCHERS: Final = 20
_MOST_VALUES: Final = 100
_KEYS: Final = ("field", "op", "value")
_FIELDS: Final = ("severity", "rule")


@dataclass(frozen=True, slots=True)
class Matcher:
    """One comparison of text; a key that the group lacks is empty."""

    field: str
    op: Literal["eq", "ne", "in"]
    values: tuple[str, ...]

    def matches(self, said: Mapping[str, str]) -> bool:
        """Whether it fits what is said of an alert, by field."""
        return (said.get(self.field, "") in self.values) != (self.op == "ne")


def parse_matchers(document: object) -> tuple[Matcher, ...]:
    """The matchers that a JSON document says; NotADefinition with every problem.

    ``[{"field": "severity" | "rule" | "meta.KEY", "op": "eq" | "ne" | "in", "value": "…"}]``; with
    ``in`` the value is a list of texts.
    """
    if not isinstance(document, list) or len(document) > MOST_MATCHERS:
        raise NotADefinition([Problem("$", f"Matchers are a list of at most {MOST_MATCHERS}.")])
    problems: list[Problem] = []
    made = [_matcher(said, f"$[{index}]", problems) for index, said in enumerate(document)]
    if problems:
        raise NotADefinition(problems)
    return tuple(one for one in made if one is not None)


def _matcher(said: object, path: str, problems: list[Problem]) -> Matcher | None:
    if not isinstance(said, Mapping) or set(said) != set(_KEYS):
        problems.append(Problem(path, "A matcher is an object with field, op and value."))
        return None
    field, op = said["field"], said["op"]
    if field not in _FIELDS and not (is_text(field) and field.startswith(META)):
        problems.append(Problem(f"{path}.field", "It is severity, rule or meta.COLUMN."))
        return None
    if op not in ("eq", "ne", "in"):
        problems.append(Problem(f"{path}.op", "It is eq, ne or in."))
        return None
    values = _values(said["value"], op, f"{path}.value", problems)
    if field == "severity" and any(value not in SEVERITIES[1:] for value in values):
        problems.append(Problem(f"{path}.value", f"It is one of {', '.join(SEVERITIES[1:])}."))
    return Matcher(field, op, values)


def _values(said: Any, op: str, path: str, problems: list[Problem]) -> tuple[str, ...]:
    values: Sequence[Any] = said if op == "in" and isinstance(said, list) else [said]
    fits = all(map(is_text, values))
    if not fits or not 1 <= len(values) <= _MOST_VALUES:
        problems.append(Problem(path, "It is text; with in, a list of texts."))
        return ()
    return tuple(values)
