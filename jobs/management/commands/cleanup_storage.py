"""``manage.py cleanup_storage``"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser

from config.admin import formats
from config.commands import OpsCommand
from jobs.errors import TooManyUnowned
from jobs.housekeeping import unowned
from jobs.management import arguments

_HOUR = timedelta(hours=1)


class Command(OpsCommand):
    """As the schedule does every night; by hand to look first, or after a restored backup."""

    help = (
        "Remove stored files that no row needs: whole ones and parts, left behind by uploads and"
        " other work that was killed."
    )
    example = "cleanup_storage --older-than 48 --dry-run"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        least = unowned.LEAST_AGE // _HOUR
        parser.add_argument(
            "--older-than",
            type=arguments.whole(least, arguments.LONGEST_AGE_DAYS * 24, "of hours"),
            default=unowned.AGE // _HOUR,
            metavar="HOURS",
            help=f"last written so many hours ago, {least} or more ({unowned.AGE // _HOUR})",
        )
        parser.add_argument(
            "--however-many",
            action="store_true",
            help="also when more than a tenth of all files, and more than 100, have no row",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        age = options["older_than"] * _HOUR
        swept, found = unowned.search(age)
        if not options["dry_run"]:
            removed = unowned.remove(
                swept, found, older_than=age, however_many=options["however_many"]
            )
            swept = unowned.Swept(seen=swept.seen)
            try:
                for done in self.steps(removed, unit="thousand"):
                    swept = done
            except TooManyUnowned as error:
                raise CommandError(str(error)) from None
        folders: dict[str, dict[str, int]] = {}
        for one in found:
            of_folder = folders.setdefault(one.area.folder, {"found": 0, "bytes": 0})
            of_folder["found"] += 1
            of_folder["bytes"] += one.size
        return {**swept.as_dict(), "folders": folders, "dry_run": options["dry_run"]}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        verb = "Would remove" if outcome["dry_run"] else "Removed"
        yield (
            f"{verb} {outcome['files']:,} files ({formats.size(outcome['bytes'])}) and"
            f" {outcome['parts']:,} parts ({formats.size(outcome['part_bytes'])}), out of"
            f" {outcome['seen']:,} files looked at."
        )
        if outcome["kept"]:
            yield f"{outcome['kept']:,} stayed: needed by now, or not to be removed."
        for folder, counts in outcome["folders"].items():
            yield f"  {folder}: {counts['found']:,} found, {formats.size(counts['bytes'])}"
