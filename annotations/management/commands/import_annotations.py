"""``manage.py import_annotations``"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.core.management.base import CommandError, CommandParser

from accounts.actions import people
from annotations.actions import exchange
from annotations.exchange.errors import ExchangeRefused, Problem
from annotations.exchange.formats import FORMATS
from annotations.exchange.records import Limits, Row
from config.commands import OpsCommand, positive
from database.actor import acting_as


class Command(OpsCommand):
    """A file is taken in whole or not at all; again, it finds its boxes there."""

    help = (
        "Import annotations from a file: COCO (.json), YOLO or Pascal VOC (.zip), or CSV. Images"
        " are found by their SHA-256 where the file gives it, else by their names. All boxes are"
        " stored, or none: what is wrong with which line is said. They wait for review, unless"
        " --keep-reviews."
    )
    example = "import_annotations labels.zip --format yolo --as ana@example.org --dry-run"
    records: ClassVar[bool] = False  # the import is recorded by itself

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, metavar="FILE", help="the file to read")
        parser.add_argument("--format", choices=list(FORMATS), required=True)
        parser.add_argument(
            "--keep-reviews",
            action="store_true",
            help="store review states as the file has them; for moderators and admins",
        )
        parser.add_argument(
            "--clip", action="store_true", help="cut boxes that reach out of the picture"
        )
        parser.add_argument(
            "--voc-from-zero",
            action="store_true",
            help="the file counts pixels from 0, unlike Pascal VOC's own, which begin with 1",
        )
        most = Limits().boxes
        parser.add_argument(
            "--most-boxes",
            type=positive,
            default=most,
            metavar="N",
            help=f"refuse a file of more boxes; they are one transaction ({most})",
        )
        parser.add_argument(
            "--as", dest="email", metavar="EMAIL", help="who imports (default: the only admin)"
        )

    def run(self, **options: Any) -> dict[str, Any]:
        path: Path = options["file"].expanduser()
        most = options["most_boxes"]
        chosen = exchange.Options(
            keep_reviews=options["keep_reviews"],
            clip=options["clip"],
            voc_origin=0 if options["voc_from_zero"] else 1,
            dry_run=options["dry_run"],
            limits=Limits(boxes=most, images=max(most, Limits().images)),
        )
        try:
            person = people.to_act_for(options["email"])
            with acting_as(person.pk), path.open("rb") as content:
                done = exchange.take_in(
                    content,
                    kind=options["format"],
                    name=path.name,
                    by=person,
                    options=chosen,
                    around=self._watched_over,
                )
        except ExchangeRefused as error:
            self.exit_code = 1
            return {
                "file": str(path),
                "refused": [asdict(problem) for problem in error.problems],
                "problems": error.count,
            }
        except (people.NobodyToActFor, PermissionDenied) as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{path} cannot be read ({error.strerror}).") from None
        return {"file": str(path), "format": options["format"], **asdict(done)}

    def _watched_over(self, rows: Iterable[Row | Problem]) -> Iterator[Row | Problem]:
        yield from self.steps(rows)
        if self.stopping:
            raise CommandError("Stopped. Nothing was stored.")

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        if "refused" in outcome:
            for problem in outcome["refused"]:
                yield f"{problem['where']}: {problem['sentence']}".removeprefix(": ")
            yield "Nothing was stored."
            return
        stored = "Would store" if outcome["dry_run"] else "Stored"
        yield (
            f"{stored} {outcome['boxes']:,} boxes in {outcome['images']:,} images;"
            f" {outcome['already_there']:,} were there already."
        )
        if outcome["clipped"]:
            yield f"{outcome['clipped']:,} reached out of their pictures and were cut."
        yield f"SHA-256 {outcome['sha256']}"
