"""Every action that the log knows, each declared once by the package whose it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from audit.errors import UnknownAction

# The words of NS-6 for actions; security_audit shows them.
Word = Literal[
    "",
    "login",
    "logout",
    "create_image",
    "delete_image",
    "run_analysis",
    "view_results",
    "export_data",
    "api_call",
    "permission_change",
    "config_change",
]

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Action:
    """``noun.verb`` in the past tense, with what it means.

    ``word``  the documented word for it, if there is one
    ``kept``  its entry outlives a transaction that fails: for what somebody tried and was refused
    """

    name: str
    description: str
    word: Word = ""
    kept: bool = False


_known: dict[str, Action] = {}
ACTIONS: Final[Mapping[str, Action]] = MappingProxyType(_known)


def register(*actions: Action) -> None:
    """Add actions, from ``AppConfig.ready``; ValueError for a wrong or a taken name."""
    for action in actions:
        if not _NAME.match(action.name) or len(action.name) > 100:
            raise ValueError(f"{action.name!r} is no action: write noun.verb in small letters.")
        if _known.setdefault(action.name, action) != action:
            raise ValueError(f"The action {action.name} is declared twice, and not alike.")


def register_guarded(noun: str, *, word: Word = "", deleted: Word = "") -> None:
    """Add the actions that the trigger of a guarded table records: see ``audits.guard()``."""
    register(
        Action(f"{noun}.inserted", f"A row of {noun} was inserted.", word),
        Action(f"{noun}.updated", f"A row of {noun} was changed.", word),
        Action(f"{noun}.deleted", f"A row of {noun} was deleted.", deleted or word),
    )


def find(name: str) -> Action:
    """The action of this name; UnknownAction if nobody declared it."""
    try:
        return _known[name]
    except KeyError:
        raise UnknownAction(
            f"The audit log knows no action {name!r}. Declare it with audit.registry.register()."
        ) from None


def names() -> Iterable[str]:
    """All names, in order."""
    return sorted(_known)
