"""``manage.py create_api_key``"""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar, Final

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from accounts.actions import api_keys, people
from config.api.scopes import SCOPES
from config.commands import OpsCommand, positive
from database.actor import acting_as

_LONGEST_DAYS: Final = 36_500


def days(text: str) -> int:
    """An argument that is a number of days for which a key may live."""
    number = positive(text)
    if number > _LONGEST_DAYS:
        raise ArgumentTypeError(f"{number} is not from 1 to {_LONGEST_DAYS}")
    return number


class Command(OpsCommand):
    """The secret is printed once; neither the log nor the audit log is told it."""

    help = "Make an API key for a person, and print it: it cannot be seen again."
    example = (
        "create_api_key robot@example.org --name 'Nightly report' --scope read:people --days 365"
    )
    offers_dry_run: ClassVar[bool] = False
    exclusive: ClassVar[bool] = False
    records: ClassVar[bool] = False  # making a key has an entry of its own

    _secret = ""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("email", metavar="EMAIL", help="whose key it is to be")
        parser.add_argument("--name", required=True, help="what the key is for, in a few words")
        parser.add_argument(
            "--scope",
            action="append",
            required=True,
            metavar="SCOPE",
            help="what it may reach; may be repeated. " + ", ".join(sorted(SCOPES)),
        )
        parser.add_argument(
            "--network",
            action="append",
            default=[],
            metavar="CIDR",
            help="from where it may be used, such as 192.0.2.0/24; may be repeated (everywhere)",
        )
        limit = parser.add_mutually_exclusive_group()
        limit.add_argument(
            "--per-minute", type=positive, default=600, help="requests a minute (600)"
        )
        limit.add_argument("--unlimited", action="store_true", help="no limit of requests")
        parser.add_argument("--days", type=days, help="for how long it is valid (for ever)")
        parser.add_argument(
            "--as",
            dest="admin",
            metavar="EMAIL",
            help="the admin who makes it (default: the only admin)",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        try:
            owner = people.to_act_for(options["email"])
            by = people.to_act_for(options["admin"])
        except people.NobodyToActFor as error:
            raise CommandError(str(error)) from None
        lives = options["days"]
        try:
            with acting_as(by.pk):
                new = api_keys.create(
                    owner,
                    name=options["name"],
                    scopes=options["scope"],
                    networks=options["network"],
                    rate_limit_per_minute=None if options["unlimited"] else options["per_minute"],
                    expires_at=timezone.now() + timedelta(days=lives) if lives else None,
                    by=by,
                )
        except api_keys.KeyNotAllowed as error:
            raise CommandError(str(error)) from None
        self._secret = new.secret
        return {"id": str(new.key.pk), "prefix": new.key.prefix, "expires_at": new.key.expires_at}

    def _print(self, outcome: dict[str, Any], *, as_json: bool) -> None:
        """Only what is printed holds the key; what is logged and observed does not."""
        super()._print({**outcome, "key": self._secret}, as_json=as_json)

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        until = outcome["expires_at"]
        yield f"Made the key {outcome['prefix']}" + (
            f", valid until {until:%d %b %Y, %H:%M} UTC." if until else "."
        )
        yield "Keep it where it is safe, it cannot be seen again:"
        yield outcome["key"]
