"""Who is told of an alert, and of what: the actions of a rule as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal

from monitoring.rules.parsing import NotADefinition, Problem
from monitoring.rules.samples import SEVERITIES

MOST_ACTIONS: Final = 20
MOST_ADDRESSES: Final = 20
_LONGEST_ADDRESS: Final = 254
# One @ with something before and a name with a dot after it; the mail server knows the rest.
_ADDRESS: Final = re.compile(r"[^\s@<>\"',;]+@[^\s@<>\"',;]+\.[^\s@<>\"',;]+\Z")


class Event(StrEnum):
    """What is told of an alert."""

    FIRED = "fired"
    WORSENED = "worsened"
    REPEATED = "repeated"
    ESCALATED = "escalated"
    RESOLVED = "resolved"


_USUAL: Final = frozenset({Event.FIRED, Event.WORSENED, Event.REPEATED, Event.RESOLVED})
_KEYS: Final = {
    "email": ("type", "to", "events", "severity"),
    "webhook": ("type", "events", "severity"),
}


@dataclass(frozen=True, slots=True)
class Action:
    """One channel: an address, or the webhooks that the admins have entered.

    ``key`` names it in the log of what was told. ``least``: the rank of the severity from which it
    is told anything.
    """

    kind: Literal["email", "webhook"]
    address: str
    events: frozenset[Event]
    least: int

    @property
    def key(self) -> str:
        """``email:…`` or ``webhook``."""
        return f"email:{self.address}" if self.kind == "email" else "webhook"

    def wants(self, event: Event, severity: int) -> bool:
        """Whether it is told of this event of an alert of this severity."""
        return event in self.events and severity >= self.least


def parse_actions(document: object) -> tuple[Action, ...]:
    """The actions that a JSON document says; NotADefinition with every problem.

    ``[{"type": "email", "to": [...], "events": [...], "severity": "low"}, {"type": "webhook"}]``
    Without ``events`` an action is told of all but escalations; with ``"events": ["escalated"]`` of
    these alone. An address that stands in two actions is told what either says.
    """
    problems: list[Problem] = []
    if not isinstance(document, list) or len(document) > MOST_ACTIONS:
        raise NotADefinition([Problem("$", f"Actions are a list of at most {MOST_ACTIONS}.")])
    made = [
        action
        for index, said in enumerate(document)
        for action in _actions(said, f"$[{index}]", problems)
    ]
    if problems:
        raise NotADefinition(problems)
    return tuple(made)


def is_address(text: str) -> bool:
    """Whether letters may be addressed so: one address, and nothing beside it."""
    fits = len(text) <= _LONGEST_ADDRESS and _ADDRESS.match(text) is not None
    return fits and text.isprintable()


def addresses(document: object) -> Iterator[tuple[str, str]]:
    """Every address in actions that ``parse_actions`` takes, with its place in the JSON."""
    for index, said in enumerate(document if isinstance(document, list) else ()):
        told = said.get("to") if isinstance(said, Mapping) else None
        for place, one in enumerate(told if isinstance(told, list) else ()):
            yield f"$[{index}].to[{place}]", str(one).casefold()


def _actions(said: object, path: str, problems: list[Problem]) -> list[Action]:
    if not isinstance(said, Mapping):
        problems.append(Problem(path, "An action is an object with a type."))
        return []
    kind = said.get("type")
    if kind not in ("email", "webhook"):
        problems.append(Problem(f"{path}.type", "It is email or webhook."))
        return []
    problems += [
        Problem(f"{path}.{key}", f"The key is not known here. There are: {', '.join(_KEYS[kind])}.")
        for key in said
        if key not in _KEYS[kind]
    ]
    events = _events(said, path, problems)
    least = said.get("severity", SEVERITIES[1])
    if least not in SEVERITIES[1:]:
        problems.append(Problem(f"{path}.severity", f"It is one of {', '.join(SEVERITIES[1:])}."))
        return []
    rank = SEVERITIES.index(str(least))
    if kind == "webhook":
        return [Action("webhook", "", events, rank)]
    return [Action("email", one, events, rank) for one in _addresses(said, path, problems)]


def _events(said: Mapping[str, Any], path: str, problems: list[Problem]) -> frozenset[Event]:
    if "events" not in said:
        return _USUAL
    told = said["events"]
    if not isinstance(told, list) or not told or any(one not in tuple(Event) for one in told):
        problems.append(
            Problem(f"{path}.events", f"It is a list of one or more of {', '.join(Event)}.")
        )
        return _USUAL
    return frozenset(map(Event, told))


def _addresses(said: Mapping[str, Any], path: str, problems: list[Problem]) -> list[str]:
    told = said.get("to")
    if not isinstance(told, list) or not 1 <= len(told) <= MOST_ADDRESSES:
        problems.append(Problem(f"{path}.to", f"It is a list of 1 to {MOST_ADDRESSES} addresses."))
        return []
    for index, one in enumerate(told):
        if not isinstance(one, str) or not is_address(one):
            problems.append(Problem(f"{path}.to[{index}]", "It is no e-mail address."))
    return [str(one).lower() for one in told]
