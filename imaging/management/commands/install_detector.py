"""``manage.py install_detector``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from accounts.actions import people
from accounts.models import User
from config.commands import OpsCommand
from imaging.actions import detector
from imaging.detector_source import SourceUnavailable, described
from imaging.vision import DETECTOR_MODEL, MODEL, WeightsMissing
from imaging.vision.detector_weights import PACKAGE, PACKAGE_VERSION
from providers.errors import ProvidersError


class Command(OpsCommand):
    """Repeating it does nothing: what is installed is known by its checksum."""

    help = (
        f"Install the detector of the local provider on this machine: {PACKAGE} {PACKAGE_VERSION} "
        "(MIT) is fetched by the npm client, or taken from a file, checked and converted."
    )
    example = "install_detector --from vladmandic-human-3.3.6.tgz --as admin@example.org"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--from",
            dest="source",
            metavar="FILE",
            help="the package's archive, or its https address (DETECTOR_SOURCE; else npm is asked)",
        )
        parser.add_argument("--remove", action="store_true", help="remove it from this machine")
        parser.add_argument(
            "--files-only",
            action="store_true",
            help="leave which model the local provider is asked for, as on a further machine",
        )
        parser.add_argument(
            "--as",
            dest="email",
            metavar="EMAIL",
            help="the admin in whose name the model is changed (default: the only admin)",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        source = options["source"] or settings.DETECTOR_SOURCE
        remove, dry_run = options["remove"], options["dry_run"]
        if remove and options["source"]:
            raise CommandError("--remove needs no --from: leave one of them out.")
        try:
            by = self._admin(options, wanted=DETECTOR_MODEL if remove else MODEL)
            done = (
                detector.remove(by=by, dry_run=dry_run)
                if remove
                else detector.install(source, by=by, dry_run=dry_run)
            )
        except (SourceUnavailable, WeightsMissing, ProvidersError) as error:
            raise CommandError(str(error)) from None
        return {
            "before": done.before,
            "source": None if remove or done.before == "installed" else described(source),
            "files": [str(file) for file in done.files],
            "model": done.model,
            "model_changed": done.switched,
            "removed": remove,
            "dry_run": dry_run,
        }

    @staticmethod
    def _admin(options: dict[str, Any], *, wanted: str) -> User | None:
        """Who changes the model; None where it stays. Known before anything is fetched."""
        if options["files_only"] or detector.asked_model() != wanted:
            return None
        try:
            person = people.to_act_for(options["email"])
        except people.NobodyToActFor as error:
            raise CommandError(f"{error} Or leave the model with --files-only.") from None
        if not person.is_superuser:
            raise CommandError(
                f"{person.email} is no admin, and only admins change the model that a provider is "
                "asked for. Name one with --as, or leave the model with --files-only."
            )
        return person

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        dry_run, before = outcome["dry_run"], outcome["before"]
        if outcome["removed"]:
            yield from (
                f"{'Would remove' if dry_run else 'Removed'} {file}" for file in outcome["files"]
            )
            if not outcome["files"]:
                yield "There is no detector on this machine."
        elif before == "installed":
            yield "The detector is installed already, whole and as it was tested."
        else:
            yield (
                f"{'Would install' if dry_run else 'Installed'} the detector, which was {before}, "
                f"from {outcome['source']} ({PACKAGE} {PACKAGE_VERSION}, MIT):"
            )
            yield from (f"  {file}" for file in outcome["files"])
        if outcome["model_changed"]:
            verb = "would be" if dry_run else "is"
            yield f"The local provider {verb} asked for {outcome['model']} from now on."
        else:
            yield f"The local provider is asked for {outcome['model']}, as before."
