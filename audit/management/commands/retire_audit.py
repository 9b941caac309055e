"""``manage.py retire_audit``"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from audit import retention
from audit.errors import AuditError
from config.commands import OpsCommand, positive
from database import system_settings


class Command(OpsCommand):
    """Month by month; one that cannot be retired stops the run, and the next run goes on there."""

    help = (
        "Retire old months of the audit log: each is exported to a file that proves itself,"
        " recorded in the log, and detached; its table stays until somebody drops it. Needs the"
        " owner's login (DATABASE_OWNER_URL)."
    )
    example = "retire_audit --older-than 730 --folder /srv/audit-archive --dry-run"
    records: ClassVar[bool] = False  # each month has its entry

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--older-than",
            type=positive,
            metavar="DAYS",
            help="months that ended so long ago (the setting audit_log_retention_days: 730)",
        )
        parser.add_argument(
            "--folder",
            type=Path,
            default=Path(settings.LACUNA_HOME) / "audit" / "retired",
            help="where the files go; keep it where backups reach it (%(default)s)",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        days = options["older_than"] or system_settings.get("audit_log_retention_days")
        months = retention.due(older_than=days)
        if options["dry_run"]:
            return {"would_retire": [one.name for one in months], "dry_run": True}
        done: list[dict[str, Any]] = []
        for month in self.steps(months, unit="month"):
            try:
                made = retention.retire(month.name, options["folder"])
            except AuditError as error:
                before = f" Retired before it: {', '.join(one['partition'] for one in done)}."
                raise CommandError(f"{error}{before if done else ''}") from None
            done.append(
                {
                    "partition": made.partition,
                    "entries": made.entries,
                    "file": str(made.file) if made.entries else "",
                    "sha256": made.sha256,
                }
            )
        return {"retired": done, "dry_run": False}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        if outcome["dry_run"]:
            names = ", ".join(outcome["would_retire"])
            yield f"Would retire {names}." if names else "No month is old enough."
            return
        for one in outcome["retired"]:
            yield f"{one['partition']}: {one['entries']:,} entries in {one['file'] or 'no file'}"
            if one["sha256"]:
                yield f"  SHA-256 {one['sha256']}"
        if not outcome["retired"]:
            yield "No month is old enough."
