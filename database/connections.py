"""Connections beside Django's own: as another role, or outside Django's transaction."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from database import roles

_LOGIN_KEYS = ("USER", "PASSWORD", "HOST", "PORT")
_PARAMETERS = {"USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}


def _switch(connection: BaseDatabaseWrapper, login: dict[str, str], role: str | None) -> None:
    """Close the connection and let the next one log in as ``login`` acting as ``role``."""
    connection.close()
    if hasattr(connection, "close_pool"):
        connection.close_pool()
    connection.settings_dict.update(login)
    options = connection.settings_dict["OPTIONS"]
    if role is None or role == connection.settings_dict["USER"]:
        options.pop("assume_role", None)
    else:
        options["assume_role"] = role


@contextmanager
def _as(connection: BaseDatabaseWrapper, login: dict[str, str], role: str | None) -> Iterator[None]:
    before = {key: connection.settings_dict.get(key, "") for key in _LOGIN_KEYS}
    role_before = connection.settings_dict["OPTIONS"].get("assume_role")
    _switch(connection, login, role)
    try:
        yield
    finally:
        _switch(connection, before, role_before)


def as_owner(connection: BaseDatabaseWrapper) -> Any:
    """Inside, the connection owns the tables: for migrations and what else changes the schema.

    Not inside a transaction: the connection is closed and opened again on both sides.
    """
    return _as(connection, settings.DATABASE_OWNER, roles.OWNER)


def as_admin(connection: BaseDatabaseWrapper) -> Any:
    """Inside, the connection logs in with the right to create roles and databases."""
    return _as(connection, settings.DATABASE_ADMIN, None)


def connection_parameters(
    alias: str = DEFAULT_DB_ALIAS,
    *,
    application_name: str = "lacuna",
    login: dict[str, str] | None = None,
    role: str | None = None,
) -> tuple[dict[str, Any], str | None]:
    """What ``psycopg.connect`` takes, and the role to SET afterwards, if another than the login's.

    As Django would log in; with ``login`` and ``role`` as somebody else.
    """
    connection = connections[alias]
    params = connection.get_connection_params()
    for key in ("context", "cursor_factory"):
        params.pop(key, None)
    if login is None:
        role = role or connection.settings_dict["OPTIONS"].get("assume_role")
    else:
        params |= {_PARAMETERS[key]: value for key, value in login.items() if value}
        role = None if role == params.get("user") else role
    params.pop("pool", None)
    params.pop("assume_role", None)
    params["application_name"] = application_name
    return params, role


def own_connection(
    alias: str = DEFAULT_DB_ALIAS,
    *,
    application_name: str = "lacuna",
    login: dict[str, str] | None = None,
    role: str | None = None,
) -> psycopg.Connection[tuple[Any, ...]]:
    """A psycopg connection of the caller's own, in autocommit mode, as Django would log in.

    For LISTEN, advisory locks that last, and records that must outlive a rollback. The caller
    closes it. It never comes from the pool, and carries no acting user.
    """
    params, role = connection_parameters(
        alias, application_name=application_name, login=login, role=role
    )
    own: psycopg.Connection[tuple[Any, ...]] = psycopg.connect(**params, autocommit=True)
    if role:
        own.execute(psycopg.sql.SQL("SET ROLE {}").format(psycopg.sql.Identifier(role)))
    return own


def is_pooled(own: psycopg.Connection[Any]) -> bool:
    """Whether a pooler stands between: it names a backend of its own, not the server's."""
    row = own.execute("SELECT pg_backend_pid()").fetchone()
    return row is not None and row[0] != own.info.backend_pid


def lends_other_sessions(alias: str = DEFAULT_DB_ALIAS) -> str:
    """The role of the sessions that a pooler lends, if it is another than ours; or an empty string.

    A pooler in transaction mode forgets what a client has SET: its sessions must begin as the role.
    """
    params, role = connection_parameters(alias)
    with psycopg.connect(**params, autocommit=True) as own:
        if role is None or not is_pooled(own):
            return ""
        row = own.execute("SELECT current_user").fetchone()
    lent = str(row[0]) if row else ""
    return "" if lent == role else lent


def hang_up(own: psycopg.Connection[Any] | None) -> None:
    """Cut the connection, from any thread: whoever waits on it gets an error at once.

    For a network that swallows everything and breaks nothing.
    """
    if own is None or own.closed:
        return
    with suppress(OSError, psycopg.Error):
        end = os.dup(own.fileno())
        with socket.socket(fileno=end) as line:
            line.shutdown(socket.SHUT_RDWR)
