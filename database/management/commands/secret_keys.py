"""``manage.py secret_keys``: the master keys of secrets at rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser

from config.commands import OpsCommand
from database.encryption import providers, rotation
from database.encryption.errors import EncryptionError


class Command(OpsCommand):
    """To rotate: add a key, rewrap_secrets, retire the old one."""

    help = "Make, add, list and retire the master keys of encrypted columns (SECRETS_KEYRING)."
    example = (
        "secret_keys create\n"
        "  python manage.py secret_keys add\n"
        "  python manage.py rewrap_secrets\n"
        "  python manage.py secret_keys retire local-0123456789ab"
    )
    offers_dry_run: ClassVar[bool] = False

    def add_arguments(self, parser: CommandParser) -> None:
        words = parser.add_subparsers(dest="what", required=True, metavar="what")

        def word(name: str, told: str) -> CommandParser:
            made: CommandParser = words.add_parser(name, help=told, description=told)
            super(Command, self).add_arguments(made)
            return made

        word("create", "make the keyring with its first key")
        word("add", "add a key that wraps from now on")
        word("list", "list the keys, and how many secrets each one wraps")
        retire = word("retire", "remove a key that wraps nothing any more, for ever")
        retire.add_argument("key_id", help="the key's name, as list prints it")

    def run(self, **options: Any) -> dict[str, Any]:
        what = options["what"]
        outcome: dict[str, Any] = {"what": what}
        self._watched = what != "list"  # looking changes nothing, and is no entry
        try:
            if what == "create":
                outcome["key"] = rotation.create().key_id
            elif what == "add":
                outcome["key"] = rotation.add().key_id
            elif what == "retire":
                outcome["key"] = options["key_id"]
                rotation.retire(options["key_id"])
            outcome["newest_key"] = providers.wrapping().newest()
            outcome["keys"] = _keys(providers.wrapping().names())
        except EncryptionError as error:
            raise CommandError(str(error)) from None
        return outcome

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        if outcome["what"] == "create":
            yield "Made the keyring. Back it up elsewhere than the database: a lost keyring is lost"
            yield "secrets."
        elif outcome["what"] == "add":
            yield f"{outcome['key']} wraps from now on. Back the keyring up, then run: python"
            yield "manage.py rewrap_secrets"
        elif outcome["what"] == "retire":
            yield f"Removed {outcome['key']}. Backups of the database from before need it: keep"
            yield "the keyring's backup as long as them."
        for name, count in outcome["keys"].items():
            wraps = ", wraps now" if name == outcome["newest_key"] else ""
            yield f"{name}: {count} secrets{wraps}"


def _keys(names: list[str]) -> dict[str, int]:
    """Each key and how many secrets it wraps, also keys that are in rows alone."""
    used = rotation.wrapped()
    return {
        name or "(no envelope)": sum(used.get(name, {}).values())
        for name in (*names, *sorted(set(used) - set(names)))
    }
