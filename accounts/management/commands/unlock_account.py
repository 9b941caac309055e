"""``manage.py unlock_account``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.actions import log_in
from accounts.models import User
from config.commands import OpsCommand


class Command(OpsCommand):
    """For whoever is locked out and cannot wait; an admin does the same on the person's page."""

    help = "Lift the lock that too many failed log-ins put on an account, and forget the failures."
    example = "unlock_account grace@example.org"
    exclusive = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("email", help="the person's e-mail address")

    def run(self, **options: Any) -> dict[str, Any]:
        email = options["email"]
        try:
            person = User.objects.get_by_natural_key(email)
        except User.DoesNotExist:
            raise CommandError(f"Nobody has the e-mail address {email}.") from None
        locked_until = person.locked_until
        if not options["dry_run"]:
            log_in.unlock(person.pk, by=None)
        return {"locked_until": locked_until, "dry_run": options["dry_run"]}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        until = outcome["locked_until"]
        if until is None:
            yield "The account is not locked; its failures are forgotten."
        else:
            verb = "Would lift" if outcome["dry_run"] else "Lifted"
            yield f"{verb} the lock that held until {until:%Y-%m-%d %H:%M:%S %Z}."
