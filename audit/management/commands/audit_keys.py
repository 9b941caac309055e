"""``manage.py audit_keys``: the keys that sign the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import psycopg
from django.core.management.base import CommandError, CommandParser

from audit import keyring, rotation
from audit.errors import AuditError
from audit.keyring import Keyring
from config.commands import OpsCommand


class Command(OpsCommand):
    """To rotate: add a key, let everybody pin it, retire the old one. The sealer runs on."""

    help = "Show, make, add and retire the keys that sign the audit log (AUDIT_KEYRING)."
    example = (
        "audit_keys create --origin lacuna.example.org/audit\n"
        "  python manage.py audit_keys add\n"
        "  python manage.py audit_keys retire 1f9b13ad"
    )
    offers_dry_run: ClassVar[bool] = False
    records: ClassVar[bool] = False  # every change has an entry of its own

    def add_arguments(self, parser: CommandParser) -> None:
        words = parser.add_subparsers(dest="what", required=True, metavar="what")

        def word(name: str, told: str) -> CommandParser:
            made: CommandParser = words.add_parser(name, help=told, description=told)
            super(Command, self).add_arguments(made)
            return made

        word("show", "print the public keys, with the sizes they count for, as others pin them")
        create = word("create", "make the first key")
        create.add_argument(
            "--origin",
            required=True,
            help="the log's name to the world, for ever: lacuna.example.org/audit",
        )
        word("add", "add a key that signs beside the others")
        retire = word("retire", "let a key sign no more")
        retire.add_argument("key_id", help="the 8 hex digits of the key, as show prints them")
        restart = word("restart", "go on under a new name after a restore that lost entries")
        restart.add_argument("--origin", required=True, help="a name never used before")
        restart.add_argument("--reason", required=True, help="why, for the log")

    def run(self, **options: Any) -> dict[str, Any]:
        what = options["what"]
        outcome: dict[str, Any] = {"what": what}
        try:
            if what == "create":
                ring = rotation.create(options["origin"])
            elif what == "restart":
                ring, outcome["seen"] = rotation.restart(options["origin"], _text(options))
            else:
                if what == "add":
                    outcome["key"] = str(rotation.add())
                elif what == "retire":
                    outcome["key"] = str(rotation.retire(options["key_id"].lower()))
                ring = keyring.load()
        except AuditError as error:
            raise CommandError(str(error)) from None
        except psycopg.OperationalError as error:
            raise CommandError(f"The database does not answer: {error}".strip()) from error
        return {**outcome, "origin": ring.origin, "keys": list(_pins(ring))}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        yield {
            "show": f"The log is called {outcome['origin']}. Its keys, to be pinned:",
            "create": f"Made the first key of {outcome['origin']}. To be pinned:",
            "add": "Added a key. Have everybody pin it before the old one is retired:",
            "retire": "Retired a key. To be pinned from now on:",
            "restart": f"The log goes on as {outcome['origin']}. To be pinned beside the old keys:",
        }[outcome["what"]]
        yield from outcome["keys"]
        for target, size in outcome.get("seen", {}).items():
            if size is not None:
                yield f"Lost, and told in the log: {target} has seen {size} leaves."


def _text(options: dict[str, Any]) -> str:
    reason = str(options["reason"]).strip()
    if not reason:
        raise CommandError("restart needs a --reason that says why.")
    return reason


def _pins(ring: Keyring) -> Iterator[str]:
    """Every key with the sizes it counts for, in the form of AUDIT_TRUSTED_KEYS."""
    for pin in ring.pins():
        yield f"{pin.key} {pin.lowest}-{'' if pin.highest is None else pin.highest}"
