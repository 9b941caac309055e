"""``manage.py archive_analyses``"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from config.commands import OpsCommand, positive
from monitoring.actions import archiving
from monitoring.errors import MonitoringError


class Command(OpsCommand):
    """A file for each owner and thousand analyses, each in a transaction of its own."""

    help = (
        "Move old analyses and their anomalies to Parquet files with a checksum, or bring those of"
        " a file back. Maps and samples stay in the database, and so does the newest map's"
        " analysis."
    )
    example = "archive_analyses --older-than 365 --dry-run"
    records: ClassVar[bool] = False  # each file has its entry

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--older-than",
            type=positive,
            metavar="DAYS",
            help="analyses that ended so long ago (the setting analysis_days: 365)",
        )
        parser.add_argument(
            "--restore", type=UUID, metavar="ARCHIVE", help="bring back what this archive holds"
        )

    def run(self, **options: Any) -> dict[str, Any]:
        if options["restore"]:
            return self._restore(options["restore"], dry_run=options["dry_run"])
        days = options["older_than"]
        before = timezone.now() - timedelta(days=days) if days else archiving.limit()
        portions = archiving.due(before)
        if options["dry_run"]:
            count = sum(len(portion.analysis_ids) for portion in portions)
            return {"would_archive": count, "files": len(portions), "dry_run": True}
        made: list[dict[str, Any]] = []
        refused: list[str] = []
        for portion in self.steps(portions, total=len(portions), unit="file"):
            try:
                one = archiving.archive(portion)
            except MonitoringError as error:  # of this file; the others are written
                refused.append(str(error))
                continue
            made.append(
                {
                    "archive": str(one.pk),
                    "file": one.file_path,
                    "sha256": one.sha256,
                    "analyses": one.analysis_count,
                    "anomalies": one.anomaly_count,
                    "bytes": one.file_size,
                }
            )
        if refused:
            self.exit_code = 1
        return {"archived": made, "refused": refused, "dry_run": False}

    def _restore(self, archive_id: UUID, *, dry_run: bool) -> dict[str, Any]:
        try:
            found = (archiving.examine if dry_run else archiving.restore)(archive_id)
        except MonitoringError as error:
            raise CommandError(str(error)) from None
        return {
            "restored": str(found.pk),
            "analyses": found.analysis_count,
            "anomalies": found.anomaly_count,
            "dry_run": dry_run,
        }

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        if "restored" in outcome:
            verb = "Would bring back" if outcome["dry_run"] else "Brought back"
            yield (
                f"{verb} {outcome['analyses']:,} analyses with {outcome['anomalies']:,} anomalies."
            )
        elif outcome["dry_run"]:
            yield (
                f"Would move {outcome['would_archive']:,} analyses to {outcome['files']:,} files."
            )
        else:
            for one in outcome["archived"]:
                yield (
                    f"{one['analyses']:,} analyses with {one['anomalies']:,} anomalies in"
                    f" {one['file']} (archive {one['archive']})"
                )
                yield f"  SHA-256 {one['sha256']}"
            yield from outcome["refused"]
            if not outcome["archived"] and not outcome["refused"]:
                yield "No analysis is old enough."
