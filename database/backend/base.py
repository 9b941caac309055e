"""The engine ``database.backend``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, transaction
from django.db.backends.postgresql import base

from database import embedded
from database.actor import circumstances, current_actor
from database.backend.client import DatabaseClient
from database.backend.creation import DatabaseCreation

_TELL = "SELECT set_config('app.user_id', %s, true), set_config('app.context', %s, true)"


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
        """Act as the role of the settings, or say what makes that possible."""
        try:
            changed: bool = super()._configure_role(connection)  # type: ignore[misc] # private
        except (Error, psycopg.Error) as error:
            role = self.settings_dict["OPTIONS"].get("assume_role")
            login = self.settings_dict["USER"]
            raise ImproperlyConfigured(
                f"The login {login} cannot act as {role} ({str(error).strip()})."
                " Run: python manage.py create_roles"
            ) from error
        return changed

    def init_connection_state(self) -> None:
        super().init_connection_state()
        if self._lone_query not in self.execute_wrappers:
            self.execute_wrappers.append(self._lone_query)

    def _set_autocommit(self, autocommit: bool) -> None:
        super()._set_autocommit(autocommit)  # type: ignore[misc] # private, absent from the stubs
        if not autocommit:  # the outermost atomic block begins
            self.tell_actor()

    def tell_actor(self) -> None:
        """Name the acting user to the open transaction; ends with it."""
        with self.wrap_database_errors:  # a lost server is Django's OperationalError here too
            self.connection.execute(_TELL, [current_actor(), circumstances()])

    def _lone_query(
        self,
        execute: Callable[..., Any],
        sql: str,
        params: Sequence[Any] | None,
        many: bool,
        context: dict[str, Any],
    ) -> Any:
        """Give a query outside any transaction one of its own, when somebody is named."""
        if self.in_atomic_block or not self.get_autocommit() or not current_actor():
            return execute(sql, params, many, context)
        with transaction.atomic(self.alias):
            return execute(sql, params, many, context)
