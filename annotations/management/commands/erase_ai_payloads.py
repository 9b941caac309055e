"""``manage.py erase_ai_payloads``"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from accounts.models import User
from annotations.actions import erasure
from annotations.actions.erasure import Erased, Scope
from annotations.management.arguments import whole
from config.commands import OpsCommand

_LONGEST_AGE = 36_500


class Command(OpsCommand):
    """Annotations, figures and the ledger stay; each batch has its entry in the audit log."""

    help = "Remove what AI providers were asked and answered: of an image, a person, or by age."
    example = "erase_ai_payloads --user ana@example.org --dry-run"
    offers_batch_size = True
    batch_size = 500

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("--image", type=UUID, metavar="ID", help="all about this image")
        whose.add_argument(
            "--user",
            dest="email",
            metavar="EMAIL",
            help="what this person asked, and all about images that they handed in or asked about",
        )
        whose.add_argument(
            "--older-than",
            type=whole(0, _LONGEST_AGE),
            metavar="DAYS",
            help="whatever is older than so many days",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        scope = _scope(options)
        found = erasure.count(scope)
        if options["dry_run"]:
            return {**found.as_dict(), "dry_run": True}
        total = Erased()
        batches = erasure.steps(scope, batch_size=options["batch_size"])
        for step in self.steps(batches, unit="batch"):
            total.add(step)
        return {**total.as_dict(), "dry_run": False}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        verb = "Would erase" if outcome["dry_run"] else "Erased"
        yield (
            f"{verb} what was asked and answered by {outcome['jobs']:,} jobs, and"
            f" {outcome['answers']:,} cached answers. Annotations stay."
        )


def _scope(options: dict[str, Any]) -> Scope:
    if options["image"] is not None:
        # Also of an image that is gone: its answers may have outlived it.
        return Scope(image=options["image"])
    if options["email"] is not None:
        try:
            return Scope(user=User.objects.get_by_natural_key(options["email"]))
        except User.DoesNotExist:
            raise CommandError(f"Nobody has the e-mail address {options['email']}.") from None
    return Scope(before=timezone.now() - timedelta(days=options["older_than"]))
