"""``manage.py migration_status``"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any, ClassVar

from django.core.management.base import CommandParser
from django.db import connection

from config.commands import OpsCommand, positive
from database import migration_status
from database.connections import as_owner


class Command(OpsCommand):
    """What a deployment asks before and after it migrates."""

    help = "Say how every migration stands: applied, pending, file missing, edited since applied."
    example = "migration_status --validate"
    exclusive: ClassVar[bool] = False
    offers_dry_run: ClassVar[bool] = False
    records: ClassVar[bool] = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--history",
            nargs="?",
            type=positive,
            const=20,
            metavar="N",
            help="the last N runs (20) instead, newest first, with their errors",
        )
        parser.add_argument(
            "--validate",
            action="store_true",
            help="exit with 1 unless every migration is applied, present and unedited",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        # The application may not read the history before the database is migrated to this version.
        with nullcontext() if connection.in_atomic_block else as_owner(connection):
            if options["history"]:
                return {"history": migration_status.history(options["history"])}
            report = migration_status.report()
        if options["validate"] and not report["valid"]:
            self.exit_code = 1
        return report

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        if "history" in outcome:
            for run in outcome["history"]:
                error = f"  {run['error_message']}" if run["error_message"] else ""
                yield (
                    f"{run['started_at']:%Y-%m-%d %H:%M:%S}  batch {run['batch']:<4}"
                    f" {run['status']:<12} {run['duration_ms'] or 0:>7} ms  {run['name']}{error}"
                )
            return
        for one in outcome["migrations"]:
            took = f"{one['duration_ms']} ms" if one["duration_ms"] is not None else ""
            yield f"{one['state']:<14} {one['name']:<52} {took:>10}"
        counts = ", ".join(f"{count} {state}" for state, count in outcome["counts"].items())
        yield f"\n{counts}."
