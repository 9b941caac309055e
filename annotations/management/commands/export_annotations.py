"""``manage.py export_annotations``"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.core.management.base import CommandError, CommandParser

from accounts.actions import people
from annotations.actions import exchange
from annotations.exchange.errors import ExchangeRefused
from annotations.exchange.formats import FORMATS
from annotations.exchange.records import Picture
from annotations.models import ImageCollection, ReviewStatus
from config.commands import OpsCommand
from database.actor import acting_as


class Command(OpsCommand):
    """Writes a temporary file beside the output, which takes its place when it is complete."""

    help = (
        "Export annotations to a file: COCO (.json), YOLO or Pascal VOC (.zip), or CSV. Images"
        " without boxes are in it too. All conditions that are given must hold."
    )
    example = "export_annotations gulls.json --format coco --collection Gulls --status approved"
    exclusive: ClassVar[bool] = False
    records: ClassVar[bool] = False  # the export is recorded by itself

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("output", type=Path, metavar="FILE", help="the file to write")
        parser.add_argument("--format", choices=list(FORMATS), required=True)
        parser.add_argument("--collection", metavar="NAME", help="images of this collection")
        parser.add_argument(
            "--status",
            action="append",
            choices=list(ReviewStatus.values),
            default=[],
            help="boxes of this review status; may be given several times",
        )
        parser.add_argument(
            "--provider", action="append", default=[], metavar="NAME", help="boxes of this provider"
        )
        parser.add_argument(
            "--label", action="append", default=[], metavar="LABEL", help="boxes with this label"
        )
        parser.add_argument(
            "--only-with-boxes", action="store_true", help="leave out images without such boxes"
        )
        parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
        parser.add_argument(
            "--as", dest="email", metavar="EMAIL", help="for whom (default: the only admin)"
        )

    def run(self, **options: Any) -> dict[str, Any]:
        output: Path = options["output"].expanduser()
        if output.exists() and not options["overwrite"]:
            raise CommandError(f"{output} is there already. Name another file, or --overwrite.")
        try:
            person = people.to_act_for(options["email"])
            with acting_as(person.pk):
                selection = _selection(options)
                if options["dry_run"]:
                    images, boxes = exchange.count(selection)
                    return {
                        "output": str(output),
                        "images": images,
                        "boxes": boxes,
                        "dry_run": True,
                    }
                done = self._write(output, selection, options["format"], person)
        except (people.NobodyToActFor, PermissionDenied, ExchangeRefused) as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{output} cannot be written ({error.strerror}).") from None
        return {"output": str(output), "format": options["format"], **_told(done)}

    def _write(
        self, output: Path, selection: exchange.Selection, kind: str, person: Any
    ) -> exchange.Exported:
        with tempfile.NamedTemporaryFile(
            dir=output.parent, prefix=f".{output.name[:100]}-", delete=False
        ) as file:
            written = Path(file.name)
            try:
                done = exchange.export(
                    selection, kind=kind, output=file, by=person, around=self._watched_over
                )
                file.flush()
                os.fsync(file.fileno())
                written.replace(output)
            except BaseException:
                written.unlink(missing_ok=True)
                raise
        return done

    def _watched_over(self, pictures: Iterable[Picture]) -> Iterator[Picture]:
        yield from self.steps(pictures, unit="image")
        if self.stopping:
            raise CommandError("Stopped. Nothing was written.")

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        if outcome.get("dry_run"):
            yield (
                f"Would write {outcome['boxes']:,} boxes in {outcome['images']:,} images to"
                f" {outcome['output']}."
            )
            return
        yield (
            f"{outcome['output']}: {outcome['boxes']:,} boxes in {outcome['images']:,} images;"
            f" {outcome['images_without_boxes']:,} have none ({outcome['bytes']:,} bytes)."
        )
        yield f"SHA-256 {outcome['sha256']}"


def _selection(options: dict[str, Any]) -> exchange.Selection:
    collection = None
    if options["collection"] is not None:
        collection = (
            ImageCollection.objects.filter(name=options["collection"])
            .values_list("pk", flat=True)
            .first()
        )
        if collection is None:
            raise CommandError(f"There is no collection {options['collection']!r}.")
    return exchange.Selection(
        collection=collection,
        statuses=tuple(options["status"]),
        providers=tuple(options["provider"]),
        labels=tuple(options["label"]),
        only_with_boxes=options["only_with_boxes"],
    )


def _told(done: exchange.Exported) -> dict[str, Any]:
    return {
        "images": done.images,
        "images_without_boxes": done.images_without_boxes,
        "boxes": done.boxes,
        "bytes": done.bytes,
        "sha256": done.sha256,
    }
