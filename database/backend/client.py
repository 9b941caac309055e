"""``manage.py dbshell``: psql, also to the private server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.backends.postgresql import client

from database.embedded import binaries


class DatabaseClient(client.DatabaseClient):
    """Django's; it finds the private server's socket and brings the psql that belongs to it."""

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        """The command line of psql and what its environment adds."""
        parameters = list(parameters)
        arguments, environment = super().settings_to_cmd_args_env(settings_dict, parameters)
        role = settings_dict["OPTIONS"].get("assume_role")
        # Who logs in as somebody else is that: only our own login takes our role.
        if role and not any(word.startswith(("-U", "--username")) for word in parameters):
            environment = {**(environment or {}), "PGOPTIONS": f"-c role={role}"}
        if settings.EMBEDDED_HOME is not None:
            arguments[0] = str(binaries.find() / "bin" / cls.executable_name)
        return arguments, environment

    def runshell(self, parameters: Iterable[str]) -> None:
        """Run psql to its end, with the server running meanwhile."""
        found = self.connection.get_connection_params()
        for name in ("host", "port"):
            self.connection.settings_dict[name.upper()] = found.get(name, "")
        super().runshell(parameters)
