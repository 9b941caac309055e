"""``manage.py reset_second_factor``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.actions import second_factor
from accounts.models import User
from config.commands import OpsCommand


class Command(OpsCommand):
    """For whoever lost phone and recovery codes; an admin does the same on the person's page."""

    help = (
        "Turn off a person's one-time codes and log them out everywhere; they are told by mail, and"
        " log in with their password alone until they set new ones up."
    )
    example = "reset_second_factor grace@example.org"
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
        if options["dry_run"]:
            return {"is_on": second_factor.is_on(person), "dry_run": True}
        try:
            ended = second_factor.remove(person, by=None)
        except second_factor.NotOn as error:
            raise CommandError(str(error)) from error
        return {"sessions_ended": ended, "dry_run": False}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        if outcome["dry_run"]:
            yield ("Would turn the one-time codes off." if outcome["is_on"] else "They are not on.")
        else:
            yield f"The one-time codes are off; sessions ended: {outcome['sessions_ended']}."
