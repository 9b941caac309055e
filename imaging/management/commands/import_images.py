"""``manage.py import_images``"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser

from accounts.actions import people
from accounts.models import User
from config.commands import OpsCommand
from database.actor import acting_as
from imaging.actions import uploads
from imaging.errors import UploadRefused
from imaging.models import ProcessingJob, QueueStatus

_LIVE = (QueueStatus.QUEUED, QueueStatus.PROCESSING, QueueStatus.RETRYING)


class Command(OpsCommand):
    """Each file stands for itself: one that is refused is reported and the rest go on."""

    help = "Take image files in from this machine's disk and queue their analysis."
    example = "import_images ~/survey/2026 --recursive --wait --as ana@example.org"
    exclusive: ClassVar[bool] = False  # the same bytes are stored once, whoever is first

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("paths", nargs="+", metavar="PATH", help="a file or a directory")
        parser.add_argument(
            "--recursive", action="store_true", help="also the directories below a directory"
        )
        parser.add_argument(
            "--wait", action="store_true", help="end only when every analysis has ended"
        )
        parser.add_argument(
            "--as",
            dest="email",
            metavar="EMAIL",
            help="the person who hands the files in (default: the only admin)",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        try:
            person = people.to_act_for(options["email"])
        except people.NobodyToActFor as error:
            raise CommandError(str(error)) from None
        files, refused = _files(options["paths"], recursive=options["recursive"])
        outcome: dict[str, Any] = {
            "files": len(files),
            "stored": 0,
            "already_there": 0,
            "refused": refused,
            "dry_run": options["dry_run"],
        }
        if options["dry_run"]:
            return outcome
        jobs = self._take_in(files, person, outcome)
        if options["wait"]:
            outcome |= self._wait(jobs)
        if refused:
            self.exit_code = 1
        return outcome

    def _take_in(self, files: list[Path], person: User, outcome: dict[str, Any]) -> list[Any]:
        jobs = []
        with acting_as(person.pk):
            for path in self.steps(files, unit="file"):
                if not path.is_file():
                    reason = "it is not a regular file."
                    outcome["refused"].append({"file": str(path), "reason": reason})
                    continue
                try:
                    with path.open("rb") as content:
                        upload = uploads.receive(content, name=path.name, by=person)
                except UploadRefused as error:
                    outcome["refused"].append({"file": str(path), "reason": error.reason})
                    continue
                except OSError as error:
                    reason = f"it cannot be read ({error.strerror})."
                    outcome["refused"].append({"file": str(path), "reason": reason})
                    continue
                outcome["stored" if upload.created else "already_there"] += 1
                if upload.job:
                    jobs.append(upload.job.pk)
        return jobs

    def _wait(self, jobs: list[Any]) -> dict[str, int]:
        """Follow the jobs to their ends."""
        waiting = len(jobs)

        def ended() -> Iterator[int]:
            nonlocal waiting
            while waiting:
                left = ProcessingJob.objects.filter(pk__in=jobs, status__in=_LIVE).count()
                yield from range(waiting - left)
                waiting = left
                if waiting:
                    time.sleep(0.2)
                    if self.stopping:
                        return

        for _ in self.steps(ended(), total=len(jobs), unit="analysis"):
            continue
        done = ProcessingJob.objects.filter(pk__in=jobs)
        return {
            "analysed": done.filter(status=QueueStatus.COMPLETED).count(),
            "failed": done.filter(status=QueueStatus.FAILED).count(),
        }

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        if outcome["dry_run"]:
            yield f"Would take in {outcome['files']} files."
        else:
            yield (
                f"{outcome['stored']} stored, {outcome['already_there']} were there already,"
                f" {len(outcome['refused'])} refused."
            )
        if "analysed" in outcome:
            yield f"{outcome['analysed']} analysed, {outcome['failed']} failed."
        for one in outcome["refused"]:
            yield f"refused {one['file']}: {one['reason']}"


def _files(given: list[str], *, recursive: bool) -> tuple[list[Path], list[dict[str, str]]]:
    """The files that the paths name, sorted within each directory; and paths that name nothing."""
    files: list[Path] = []
    refused: list[dict[str, str]] = []
    for text in given:
        path = Path(text).expanduser() if text else None
        try:
            if path is None:
                reason = "an empty path names nothing."
            elif path.is_dir():
                files += sorted(_inside(path, recursive=recursive))
                continue
            elif path.is_file():
                files.append(path)
                continue
            else:
                reason = "it is not a regular file." if path.exists() else "there is no such file."
        except OSError as error:
            reason = f"it cannot be looked at ({error.strerror})."
        refused.append({"file": text, "reason": reason})
    return files, refused


def _inside(directory: Path, *, recursive: bool) -> Iterator[Path]:
    for folder, folders, names in os.walk(directory):
        folders[:] = sorted(name for name in folders if not name.startswith(".")) * recursive
        # A pipe or a device would be read for ever.
        found = (Path(folder) / name for name in names if not name.startswith("."))
        yield from (path for path in found if path.is_file() or path.is_symlink())
