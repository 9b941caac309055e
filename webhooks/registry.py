"""The events that other systems can be told of: each package declares its own.

    declare_event("annotation.approved", "An annotation was approved at its last stage.")

in ``AppConfig.ready``; then ``webhooks.actions.emit("annotation.approved", {...})`` in the
transaction in which it happens.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from webhooks.errors import UnknownEvent

# As Standard Webhooks has it: full-stop delimited, in small letters.
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+\Z")
LONGEST: Final = 100

_known: dict[str, str] = {}
EVENTS: Final[Mapping[str, str]] = MappingProxyType(_known)


def declare_event(name: str, sentence: str) -> str:
    """Make an event known, with what it means; ValueError for a wrong or a taken name."""
    if not _NAME.match(name) or len(name) > LONGEST:
        raise ValueError(f"{name!r} is no event: write noun.verb in small letters.")
    if _known.setdefault(name, sentence) != sentence:
        raise ValueError(f"The event {name} is declared twice, and not alike.")
    return name


def check_event(name: str) -> str:
    """The name; UnknownEvent if nobody declared it."""
    if name not in _known:
        known = ", ".join(sorted(_known)) or "none"
        raise UnknownEvent(f"There is no event {name!r:.120}. There are: {known}.")
    return name
