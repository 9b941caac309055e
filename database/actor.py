"""For whom the database works: carried to PostgreSQL in every transaction (``app.user_id``).

Policies and triggers read it with ``app_user_id()``. It is never set for the session, so a pooled
connection cannot take it to the next request. A thread started by hand does not inherit it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Final
from uuid import UUID

from django.db import connections

_current: ContextVar[str] = ContextVar("database_actor", default="")

# What else triggers may want to know of the circumstances (``app.context``); the audit log adds it.
CIRCUMSTANCES: Final[list[Callable[[], str]]] = []


def current_actor() -> str:
    """The acting user's id, or an empty string when nobody is named."""
    return _current.get()


@contextmanager
def acting_as(user_id: UUID | str | None) -> Iterator[None]:
    """Queries inside run for this user, also in transactions that are already open."""
    token = _current.set(str(user_id or ""))
    tell_open_transactions()
    try:
        yield
    finally:
        _current.reset(token)
        tell_open_transactions()


def name_actor(user_id: UUID | str | None) -> Token[str]:
    """As ``acting_as``, for a caller that has no transaction open; ``forget_actor`` undoes it."""
    return _current.set(str(user_id or ""))


def forget_actor(token: Token[str]) -> None:
    """The person named before is named again."""
    _current.reset(token)


def circumstances() -> str:
    """What ``app.context`` is to say, or an empty string."""
    return CIRCUMSTANCES[0]() if CIRCUMSTANCES else ""


def tell_open_transactions() -> None:
    """Tell transactions that are open already of a change."""
    for connection in connections.all(initialized_only=True):
        tell = getattr(connection, "tell_actor", None)
        if tell and connection.in_atomic_block and not connection.needs_rollback:
            tell()
