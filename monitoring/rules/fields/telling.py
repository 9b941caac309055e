"""Who is told, between the fields of a form and JSON."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from monitoring.rules.fields.reading import Read
from monitoring.rules.fields.shape import USUAL_EVENTS, Mail, Telling
from monitoring.rules.parsing import NotADefinition
from monitoring.rules.samples import SEVERITIES
from monitoring.rules.telling import parse_actions

_BETWEEN: Final = re.compile(r"[,;\s]+")


def read_telling(said: Telling) -> Read:
    """The actions that the fields say, checked whole; rows without an address say nothing."""
    read = Read(document=[], places={"$": "telling"})
    for place, mail in enumerate(said.mails):
        addresses = [one for one in _BETWEEN.split(mail.to) if one]
        if not addresses:
            continue
        path = f"$[{len(read.document)}]"
        _place(read, path, f"mail-{place}")
        read.subjects |= {f"{path}.to[{at}]": one for at, one in enumerate(addresses)}
        action = {"type": "email", "to": addresses}
        options = _options(read, f"mail-{place}", mail.severity, mail.events)
        read.document.append(action | options)
    if said.tells_webhooks:
        _place(read, f"$[{len(read.document)}]", "webhook")
        options = _options(read, "webhook", said.webhook_severity, said.webhook_events)
        read.document.append({"type": "webhook"} | options)
    try:
        parse_actions(read.document)
    except NotADefinition as error:
        read.take(error.problems)
    return read


def _place(read: Read, path: str, name: str) -> None:
    read.places[path] = f"{name}-to" if name.startswith("mail") else name
    for key in ("to", "severity", "events"):
        read.places[f"{path}.{key}"] = f"{name}-{key}"


def _options(read: Read, name: str, severity: str, events: Sequence[str]) -> dict[str, Any]:
    """What is as usual is left out."""
    said: dict[str, Any] = {}
    if not events:
        read.refuse(f"{name}-events", "Choose one or more.")
    elif set(events) != set(USUAL_EVENTS):
        said["events"] = list(events)
    if severity != SEVERITIES[1]:
        said["severity"] = severity
    return said


def telling_of(document: object) -> Telling | None:
    """The fields that say who is told; None if the JSON is none of actions, or says more."""
    try:
        actions = parse_actions(document)
    except NotADefinition:
        return None
    assert isinstance(document, list), "the parser lets nothing else through"
    made = Telling()
    for one in document:
        severity = one.get("severity", SEVERITIES[1])
        events = tuple(one.get("events", USUAL_EVENTS))
        if one["type"] == "email":
            made.mails.append(Mail(", ".join(one["to"]), severity, events))
        else:
            made.tells_webhooks = True
            made.webhook_severity, made.webhook_events = severity, events
    read = read_telling(made)
    same = not read.wrong and Counter(parse_actions(read.document)) == Counter(actions)
    return made if same else None
