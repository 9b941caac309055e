"""Where an entry comes from: the request, job or command in whose course it is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Final, Literal
from uuid import UUID

from database import actor

Source = Literal["admin", "api", "command", "job", "system"]

# An address or a browser's name beyond this is somebody's attempt at something.
_LONGEST: Final = 512


@dataclass(frozen=True, slots=True)
class Context:
    """What the log notes of the circumstances; the last two are personal and can be erased."""

    source: Source = "system"
    request_id: str = ""
    job_id: str = ""
    command: str = ""
    ip_address: str = ""
    user_agent: str = ""

    def public(self) -> dict[str, str]:
        """What stands in the entry itself."""
        given = {
            "source": self.source,
            "request_id": self.request_id,
            "job_id": self.job_id,
            "command": self.command,
        }
        return {name: value for name, value in given.items() if value}

    def personal(self) -> dict[str, str]:
        """What stands beside it."""
        given = {"ip_address": self.ip_address, "user_agent": self.user_agent[:_LONGEST]}
        return {name: value for name, value in given.items() if value}


_NOTHING: Final = Context()
_NOTHING_TOLD: Final = json.dumps(_NOTHING.public())
_current: ContextVar[Context] = ContextVar("audit_context", default=_NOTHING)

# A package that knows more at the moment of writing (which job runs, say) adds to it.
PROVIDERS: Final[list[Callable[[Context], Context]]] = []


def current() -> Context:
    """The circumstances of this moment."""
    context = _current.get()
    for provider in PROVIDERS:
        context = provider(context)
    return context


@contextmanager
def within(context: Context) -> Iterator[None]:
    """Entries inside are written in these circumstances."""
    token = _current.set(context)
    actor.tell_open_transactions()
    try:
        yield
    finally:
        _current.reset(token)
        actor.tell_open_transactions()


@contextmanager
def command(name: str) -> Iterator[None]:
    """Entries inside come from a command."""
    with within(replace(_current.get(), source="command", command=name)):
        yield


def acting_for() -> UUID | None:
    """The person for whom the database works at this moment."""
    return UUID(named) if (named := actor.current_actor()) else None


def for_database() -> str:
    """The circumstances as the setting ``app.context``, which triggers read."""
    context = current()
    if context is _NOTHING:
        return _NOTHING_TOLD
    return json.dumps(context.public() | context.personal())
