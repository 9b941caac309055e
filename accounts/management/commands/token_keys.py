"""``manage.py token_keys``: the keys that sign access tokens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from django.core.management.base import CommandError, CommandParser

from accounts.tokens import keyring, rotation
from accounts.tokens.errors import TokenError
from accounts.tokens.keyring import Key
from config.commands import OpsCommand, positive

# Longer than others may remember the public keys (Cache-Control of /api/v1/auth/keys/).
_MINUTES_BEFORE_SIGNING: Final = 10


class Command(OpsCommand):
    """To rotate: add a key, wait until it signs, retire the old one. Running processes follow."""

    help = "Show, make, add, retire and remove the keys that sign access tokens (TOKEN_KEYRING)."
    example = (
        "token_keys create\n"
        "  python manage.py token_keys add\n"
        "  python manage.py token_keys retire kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    )
    offers_dry_run: ClassVar[bool] = False
    records: ClassVar[bool] = False  # every change has an entry of its own

    def add_arguments(self, parser: CommandParser) -> None:
        words = parser.add_subparsers(dest="what", required=True, metavar="what")

        def word(name: str, told: str) -> CommandParser:
            made: CommandParser = words.add_parser(name, help=told, description=told)
            super(Command, self).add_arguments(made)
            return made

        word("show", "list the keys")
        word("create", "make the keyring, with one key")
        add = word("add", "add a key that signs in a while, when everybody has learnt of it")
        when = add.add_mutually_exclusive_group()
        when.add_argument(
            "--in-minutes",
            type=positive,
            default=_MINUTES_BEFORE_SIGNING,
            metavar="N",
            help=f"when it begins to sign ({_MINUTES_BEFORE_SIGNING})",
        )
        when.add_argument(
            "--now", action="store_true", help="let it sign at once, as when the old one was stolen"
        )
        retire = word("retire", "let a key sign no more; what it signed is valid until it expires")
        retire.add_argument("kid", help="the key's name, as show prints it")
        remove = word("remove", "take a stolen key away: what it signed is refused at once")
        remove.add_argument("kid", help="the key's name, as show prints it")

    def run(self, **options: Any) -> dict[str, Any]:
        what = options["what"]
        outcome: dict[str, Any] = {"what": what}
        try:
            if what == "create":
                outcome["key"] = rotation.create().kid
            elif what == "add":
                minutes = 0 if options["now"] else options["in_minutes"]
                outcome["key"] = rotation.add(after=timedelta(minutes=minutes)).kid
            elif what == "retire":
                outcome["key"] = rotation.retire(options["kid"]).kid
            elif what == "remove":
                outcome["key"] = rotation.remove(options["kid"]).kid
            ring = keyring.current()
        except TokenError as error:
            raise CommandError(str(error)) from None
        except OverflowError:
            raise CommandError("--in-minutes lies beyond the calendar.") from None
        now = datetime.now(UTC)
        signer = next((key for key in reversed(ring.keys) if key.signs(now)), None)
        keys = [_shown(key, now, is_signer=key is signer) for key in ring.keys]
        return {**outcome, "keys": keys}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        yield {
            "show": "Keys of access tokens, the oldest first:",
            "create": "Made the first key.",
            "add": "Added a key.",
            "retire": "Retired a key.",
            "remove": "Removed a key. Programs get new tokens with their refresh tokens.",
        }[outcome["what"]]
        for key in outcome["keys"]:
            yield f"{key['kid']}  {key['state']}, made {key['created_at']}"


def _shown(key: Key, now: datetime, *, is_signer: bool) -> dict[str, str]:
    if key.retired_at is not None:
        state = "retired, verifies" if key.verifies(now) else "retired, of no use any more"
    elif is_signer:
        state = "signs"
    elif key.signs_from > now:
        state = f"signs from {key.signs_from.isoformat()}"
    else:
        state = "verifies"
    return {"kid": key.kid, "state": state, "created_at": key.created_at.isoformat()}
