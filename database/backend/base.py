"""The engine ``database.backend``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.backends.postgresql import base
from psycopg import sql
from psycopg.pq import TransactionStatus

from database import embedded, roles
from database.actor import Sight, circumstances, current
from database.backend import cursors
from database.backend.client import DatabaseClient
from database.backend.creation import DatabaseCreation

_TELL = "SELECT set_config('app.user_id', %s, true), set_config('app.context', %s, true)"
# With the role, told last: what precedes it is read as whoever the connection was before.
_TELL_PERSON = f"{_TELL}, set_config('role', actor_role(%s), true)"
_TELL_ROLE = f"{_TELL}, set_config('role', %s, true)"


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL, told in every transaction for whom it works."""

    creation_class = DatabaseCreation
    client_class = DatabaseClient

    def get_connection_params(self) -> dict[str, Any]:
        """As Django's; without a configured server, the private one is running when it returns."""
        params: dict[str, Any] = super().get_connection_params()
        if settings.EMBEDDED_HOME is not None:
            try:
                home, fast = settings.EMBEDDED_HOME, settings.EMBEDDED_THROW_AWAY
                params["host"] = str(embedded.ensure_running(home, fast=fast))
                # PGPORT and PGHOSTADDR speak of some other server.
                params |= {"port": "5432", "hostaddr": ""}
            except embedded.EmbeddedServerError as error:
                raise psycopg.OperationalError(str(error)) from error
        return params

    def _configure_role(self, connection: Any) -> bool:
        """Act as the role of the settings, or say what makes that possible.

        Instead of Django's, which asks for a connection while the pool opens its first, for ever.
        """
        role = self.settings_dict["OPTIONS"].get("assume_role")
        if not role:
            return False
        try:
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        except psycopg.Error as error:
            login = self.settings_dict["USER"]
            raise ImproperlyConfigured(
                f"The login {login} cannot act as {role} ({str(error).strip()})."
                " Run: python manage.py create_roles"
            ) from error
        return True

    def init_connection_state(self) -> None:
        super().init_connection_state()
        if self._lone_query not in self.execute_wrappers:
            self.execute_wrappers.append(self._lone_query)

    def make_cursor(self, cursor: Any) -> cursors.Cursor:
        return cursors.Cursor(cursor, self)

    def make_debug_cursor(self, cursor: Any) -> cursors.DebugCursor:
        return cursors.DebugCursor(cursor, self)

    def _set_autocommit(self, autocommit: bool) -> None:
        super()._set_autocommit(autocommit)  # type: ignore[misc] # private, absent from the stubs
        if not autocommit:  # the outermost atomic block begins
            self.tell_actor()

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)  # type: ignore[misc] # private, absent from the stubs
        self.tell_actor()  # what was told since the savepoint is undone, and some was not heard

    def tell_actor(self) -> None:
        """Name the acting user to the open transaction, in the role that fits; ends with it."""
        status = self.connection.info.transaction_status
        if status in {TransactionStatus.INERROR, TransactionStatus.UNKNOWN}:
            return  # nothing is heard until it is rolled back; or the server is gone, with it all
        actor, own = current(), self.own_role
        told: list[Any] = [actor.user_id, circumstances()]
        if own not in roles.SIGHTS:  # the owner and others keep their own sight
            statement = _TELL
        elif actor.sight is Sight.PERSON and actor.user_id:
            statement, told = _TELL_PERSON, [*told, actor.user_id]
        else:
            role = {Sight.PERSON: roles.APP, Sight.SYSTEM: roles.SYSTEM}.get(actor.sight, own)
            statement, told = _TELL_ROLE, [*told, role]
        with self.wrap_database_errors:  # a lost server is Django's OperationalError here too
            self.connection.execute(statement, told)

    @property
    def own_role(self) -> str:
        """As whom the connection works while nobody is named."""
        role: str = self.settings_dict["OPTIONS"].get("assume_role") or self.settings_dict["USER"]
        return role

    def runs_as_usual(self) -> bool:
        """Whether a query without a transaction runs as it should anyway.

        The web server's never does: a pooler in transaction mode may lend it a session in which a
        worker has become the system.
        """
        actor, own = current(), self.own_role
        if actor.user_id or own not in roles.SIGHTS:
            return not actor.user_id
        return own == roles.SYSTEM and actor.sight is not Sight.PERSON

    def _lone_query(
        self,
        execute: Callable[..., Any],
        sql: str,
        params: Sequence[Any] | None,
        many: bool,
        context: dict[str, Any],
    ) -> Any:
        """Give a query outside any transaction one of its own, when somebody is named."""
        if self.in_atomic_block or not self.get_autocommit():
            if self.connection.info.transaction_status == TransactionStatus.IDLE:
                self.tell_actor()  # it begins a transaction after one that was ended by hand
            return execute(sql, params, many, context)
        if self.runs_as_usual():
            return execute(sql, params, many, context)
        with transaction.atomic(self.alias):
            return execute(sql, params, many, context)
