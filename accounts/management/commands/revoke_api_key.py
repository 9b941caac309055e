"""``manage.py revoke_api_key``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from accounts.actions import api_keys, people
from accounts.models import ApiKey
from config.commands import OpsCommand
from database.actor import acting_as


class Command(OpsCommand):
    """By prefix or by id, never by the key itself: that would stay in the shell's history."""

    help = "Withdraw an API key, at once and for ever; safe to repeat."
    example = "revoke_api_key lac_k3v7q2mz5a"
    exclusive: ClassVar[bool] = False
    records: ClassVar[bool] = False  # withdrawing a key has an entry of its own

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("key", metavar="KEY", help="its prefix (lac_…), or its id")
        parser.add_argument(
            "--as",
            dest="admin",
            metavar="EMAIL",
            help="the admin who withdraws it (default: the only admin)",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        try:
            by = people.to_act_for(options["admin"])
        except people.NobodyToActFor as error:
            raise CommandError(str(error)) from None
        with acting_as(by.pk):
            key = _meant(options["key"].strip())
            was_revoked = key.revoked_at is not None
            if not options["dry_run"]:
                try:
                    key = api_keys.revoke(key.pk, by=by)
                except api_keys.NoSuchKey as error:
                    raise CommandError(f"{error} Name an admin with --as EMAIL.") from None
        return {
            "id": str(key.pk),
            "prefix": key.prefix,
            "name": key.name,
            "was_revoked": was_revoked,
            "dry_run": options["dry_run"],
        }

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        what = f"the key {outcome['name']} ({outcome['prefix'] or outcome['id']})"
        if outcome["was_revoked"]:
            yield f"{what[0].upper()}{what[1:]} was withdrawn before."
        else:
            yield f"{'Would withdraw' if outcome['dry_run'] else 'Withdrew'} {what}."


def _meant(text: str) -> ApiKey:
    """The one key with this prefix or id."""
    if "." in text:
        raise CommandError(
            "Name the key by what stands before its dot, or by its id: a whole key does not belong"
            " on a command line."
        )
    try:
        found = ApiKey.objects.filter(pk=UUID(text))
    except ValueError:
        found = ApiKey.objects.filter(prefix=text) if text else ApiKey.objects.none()
    keys = list(found[:2])
    if len(keys) != 1:
        many = "More than one key has" if keys else "No key has"
        raise CommandError(f"{many} the prefix or id {text[:40]!r}. Take the id from the list.")
    return keys[0]
