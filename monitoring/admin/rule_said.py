"""What the page of a rule holds: as a form or as JSON, with what is wrong by field."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from monitoring.admin import rule_words as words
from monitoring.errors_of_alerts import RuleRefused
from monitoring.models import AlertRule
from monitoring.rules import NotADefinition, Problem, parse
from monitoring.rules.fields import (
    SECONDS,
    Amount,
    Fields,
    Mail,
    Read,
    Row,
    Telling,
    fields_of,
    posted_amount,
    posted_condition,
    posted_telling,
    read_condition,
    read_telling,
    telling_of,
)
from monitoring.rules.fields.amounts import amount_of_seconds, seconds_of
from monitoring.rules.telling import parse_actions

FORM: Final = "form"
JSON: Final = "json"
DAYS: Final = (7, 30, 90)
_READERS: Final[dict[str, Callable[[object], object]]] = {
    "condition": parse,
    "actions": parse_actions,
}
_LONGEST_JSON: Final = 100_000
_UNSHOWN: Final = (
    "The form cannot show this rule: it knows comparisons that are joined once, by all of or any"
    " of, and the webhooks once. It stays as JSON."
)


@dataclass(slots=True)
class Said:
    """What the page holds, as text; ``way`` says which of the two counts, form or JSON.

    ``problems`` by the name of the field. ``unshown``: it stands as JSON because the form cannot
    show it.
    """

    name: str = ""
    dataset: str = ""
    severity: str = "medium"
    way: str = FORM
    fields: Fields = field(default_factory=Fields)
    telling: Telling = field(default_factory=Telling)
    condition: str = ""
    actions: str = ""
    times: dict[str, Amount] = field(default_factory=dict)
    days: int = 30
    unshown: str = ""
    problems: dict[str, list[str]] = field(default_factory=dict)
    _reads: dict[str, Read] = field(default_factory=dict)

    @classmethod
    def of(cls, rule: AlertRule, way: str = FORM) -> Said:
        """As a rule stands."""
        said = cls(name=rule.name, dataset=str(rule.dataset_id), severity=rule.severity)
        said.times = {name: _time(getattr(rule, name)) for name, *_ in words.TIMES}
        said._hold(rule.condition, rule.actions, way)
        return said

    @classmethod
    def new(cls, dataset: str, example: str = "") -> Said:
        """Something that works, to be changed; ``example``: the place of one among the examples."""
        said = cls(dataset=dataset)
        said.times = {name: _time(seconds) for name, seconds in words.USUAL_TIMES.items()}
        known = example.isdecimal() and int(example[:3]) < len(words.EXAMPLES)
        document = words.EXAMPLES[int(example[:3])][1] if known else words.CONDITION
        said._hold(document, words.ACTIONS, FORM)
        return said

    @classmethod
    def posted(cls, sent: Mapping[str, Sequence[str]]) -> Said:
        """As it was sent; what is sent without saying so is JSON if ``condition`` is there."""
        sent = {name: [one.replace("\x00", "") for one in values] for name, values in sent.items()}

        def one(name: str) -> str:
            return next(iter(sent.get(name, ())), "")

        days, way = one("days"), one("way")
        return cls(
            name=one("name"),
            dataset=one("dataset"),
            severity=one("severity"),
            way=JSON if way == JSON or (way != FORM and "condition" in sent) else FORM,
            fields=posted_condition(sent),
            telling=posted_telling(sent),
            condition=one("condition"),
            actions=one("actions"),
            times={name: posted_amount(sent, name, SECONDS) for name, *_ in words.TIMES},
            days=next((known for known in DAYS if str(known) == days), 30),
        )

    # --- Form and JSON ---------------------------------------------------------------------------

    def _hold(self, condition: Any, actions: Any, way: str) -> None:
        """Both ways; JSON alone where the form cannot show it."""
        self.condition, self.actions = pretty(condition), pretty(actions)
        fields, telling = fields_of(condition), telling_of(actions)
        self.way = JSON if fields is None or telling is None else way
        self.unshown = _UNSHOWN if way == FORM and self.way == JSON else ""
        self.fields, self.telling = fields or Fields(), telling or Telling()

    def turn(self, way: str) -> None:
        """Show the same the other way; what cannot be read stays, with its problems."""
        documents = {"condition": self.read_condition(), "actions": self.read_actions()}
        for name, document in documents.items():
            try:
                if not self.problems:
                    _READERS[name](document)
            except NotADefinition as error:
                self.refuse_part(name, error.problems)
        if not self.problems:
            self._hold(documents["condition"], documents["actions"], way)

    def read_condition(self) -> Any:
        """The condition as JSON; what is wrong is a problem of its field."""
        if self.way == JSON:
            return self._json("condition", self.condition)
        return self._take("condition", read_condition(self.fields))

    def read_actions(self) -> Any:
        """Who is told, as JSON; what is wrong is a problem of its field."""
        if self.way == JSON:
            return self._json("actions", self.actions)
        return self._take("actions", read_telling(self.telling))

    def _take(self, name: str, read: Read) -> Any:
        self._reads[name] = read
        for one, sentences in read.wrong.items():
            self.problems.setdefault(one, []).extend(map(words.in_words, sentences))
        return read.document

    def _json(self, name: str, text: str) -> Any:
        if len(text) > _LONGEST_JSON:
            self.problem(name, "It is longer than 100,000 characters.")
            return None
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            self.problem(name, f"line {error.lineno}, column {error.colno}: {error.msg}.")
        except (RecursionError, ValueError):
            self.problem(name, "It is no JSON that can be read.")
        return None

    # --- Rows ------------------------------------------------------------------------------------

    def add_row(self, name: str) -> None:
        """One more row of ``condition``, ``clear`` or ``mail``."""
        match name:
            case "condition":
                self.fields.condition.rows.append(Row())
            case "clear":
                self.fields.clear.rows.append(Row())
            case "mail":
                self.telling.mails.append(Mail())

    def drop_row(self, name: str) -> None:
        """Without a row, named as ``condition-2``."""
        kind, _, number = name.partition("-")
        rows: dict[str, list[Any]] = {
            "condition": self.fields.condition.rows,
            "clear": self.fields.clear.rows,
            "mail": self.telling.mails,
        }
        if kind in rows and number.isdecimal() and int(number[:6]) < len(rows[kind]):
            del rows[kind][int(number[:6])]

    # --- What is saved ---------------------------------------------------------------------------

    def values(self) -> dict[str, Any]:
        """As the actions take them; what cannot be read is a problem."""
        made: dict[str, Any] = {
            "name": self.name,
            "severity": self.severity,
            "condition": self.read_condition(),
            "actions": self.read_actions(),
        }
        for name, amount in self.times.items():
            seconds = seconds_of(amount)
            if not amount.number and name == "escalate_seconds":
                made[name] = None
            elif isinstance(seconds, int) and 0 <= seconds < 10**9:
                made[name] = seconds
            else:
                self.problem(name, "It is a number that makes a whole number of seconds.")
        return made

    def problem(self, name: str, sentence: str) -> None:
        """Say what is wrong with a field."""
        self.problems.setdefault(name, []).append(sentence)

    def refuse(self, error: RuleRefused) -> None:
        """Take the problems over, each with its place."""
        for name, told in error.problems.items():
            self.refuse_part(name, told)

    def refuse_part(self, name: str, told: Sequence[Problem]) -> None:
        """The problems of the condition, of the actions, or of another field."""
        read = self._reads.get(name)
        for one in told:
            if read is None:
                self.problem(name, str(one) if one.path != "$" else one.sentence)
            else:
                self.problem(read.field_of(one.path), one.sentence)


def _time(seconds: int | None) -> Amount:
    return Amount("", "minutes") if seconds is None else amount_of_seconds(seconds)


def pretty(value: Any) -> str:
    """As people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False)
