"""For whom the database works: carried to PostgreSQL in every transaction (``app.user_id``).

Policies and triggers read it with ``app_user_id()``; with it goes the database role that fits
the person (``actor_role()``), which decides how much they see. Neither is set for the session, so a
pooled connection cannot take it to the next request. A thread started by hand inherits nothing.

A process for which nobody is named works as its connection logged in: a command or a worker as the
system, the web server as nobody, who sees nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final
from uuid import UUID

from django.db import connections


class Sight(Enum):
    """How much the database shows."""

    OWN = "own"  # what the process's own login sees
    PERSON = "person"  # what the named person may see; without a name nothing
    SYSTEM = "system"  # everything


@dataclass(frozen=True, slots=True)
class Actor:
    """The acting user's id, or an empty string, and how much they see."""

    user_id: str = ""
    sight: Sight = Sight.OWN


_current: ContextVar[Actor] = ContextVar("database_actor", default=Actor())  # noqa: B039 - frozen

# What else triggers may want to know of the circumstances (``app.context``); the audit log adds it.
CIRCUMSTANCES: Final[list[Callable[[], str]]] = []


def current_actor() -> str:
    """The acting user's id, or an empty string when nobody is named."""
    return _current.get().user_id


def current() -> Actor:
    """Who acts, and how much they see."""
    return _current.get()


@contextmanager
def acting_as(user_id: UUID | str | None) -> Iterator[None]:
    """Queries inside run for this user, also in transactions that are already open.

    None is nobody, who sees no row that belongs to anybody.
    """
    with _acting(Actor(str(user_id or ""), Sight.PERSON)):
        yield


@contextmanager
def acting_as_system() -> Iterator[None]:
    """Queries inside see every row: for look-ups before it is known who asks.

    Who is named stays named: what they do is still theirs in the audit log.
    """
    with _acting(replace(_current.get(), sight=Sight.SYSTEM)):
        yield


@contextmanager
def _acting(actor: Actor) -> Iterator[None]:
    token = _current.set(actor)
    try:
        tell_open_transactions()
        yield
    finally:
        _current.reset(token)
        tell_open_transactions()


def name_actor(user_id: UUID | str | None) -> Token[Actor]:
    """As ``acting_as``, for a caller that has no transaction open; ``forget_actor`` undoes it."""
    return _current.set(Actor(str(user_id or ""), Sight.PERSON))


def name_system() -> Token[Actor]:
    """As ``acting_as_system``, likewise."""
    return _current.set(replace(_current.get(), sight=Sight.SYSTEM))


def forget_actor(token: Token[Actor]) -> None:
    """The person named before is named again."""
    _current.reset(token)


def circumstances() -> str:
    """What ``app.context`` is to say, or an empty string."""
    return CIRCUMSTANCES[0]() if CIRCUMSTANCES else ""


def tell_open_transactions() -> None:
    """Tell transactions that are open already of a change."""
    for connection in connections.all(initialized_only=True):
        tell = getattr(connection, "tell_actor", None)
        open_ = connection.in_atomic_block or not connection.autocommit
        if tell and open_ and connection.connection is not None and not connection.needs_rollback:
            tell()
