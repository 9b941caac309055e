"""``manage.py private_server``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from config.commands import OpsCommand
from database import embedded


class Command(OpsCommand):
    """The server starts by itself and stops with its last user; this is to look, and in need."""

    help = "Say how the private PostgreSQL stands, or stop it whoever still uses it."
    example = "private_server status --json"
    exclusive: ClassVar[bool] = False
    offers_dry_run: ClassVar[bool] = False
    records: ClassVar[bool] = False  # the log lies in the server that it may stop
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("what", choices=["status", "stop"], help="status or stop")

    def run(self, **options: Any) -> dict[str, Any]:
        if settings.EMBEDDED_HOME is None:
            raise CommandError("A server is configured (DATABASE_URL); there is no private one.")
        try:
            if options["what"] == "stop":
                return {"stopped": embedded.stop(settings.EMBEDDED_HOME)}
            status = embedded.status(settings.EMBEDDED_HOME)
        except embedded.EmbeddedServerError as error:
            raise CommandError(str(error)) from None
        return {
            "running": status.running,
            "version": status.version,
            "process": status.pid,
            "users": status.users,
            "data": str(status.data),
            "socket_directory": str(status.sockets),
        }

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        if "stopped" in outcome:
            yield "Stopped." if outcome["stopped"] else "It was not running."
            return
        yield from super().describe(outcome)
