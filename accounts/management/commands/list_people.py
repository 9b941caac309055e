"""``manage.py list_people``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from django.core.management.base import CommandParser
from django.utils import timezone

from accounts.models import User
from accounts.roles import Role
from config.commands import OpsCommand


class Command(OpsCommand):
    """Who is here is printed, and stands neither in the log nor in the audit log."""

    help = "List people with their role, and whether they may log in."
    example = "list_people --role admin --active"
    offers_dry_run: ClassVar[bool] = False
    exclusive: ClassVar[bool] = False
    records: ClassVar[bool] = False  # it only looks

    _people: list[dict[str, Any]]

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--role", choices=Role.values, help="only people with this role")
        standing = parser.add_mutually_exclusive_group()
        standing.add_argument("--active", action="store_true", help="only who may log in")
        standing.add_argument("--inactive", action="store_true", help="only who may not")

    def run(self, **options: Any) -> dict[str, Any]:
        found = User.objects.order_by("email", "pk")
        if options["role"]:
            found = found.filter(role=options["role"])
        if options["active"] or options["inactive"]:
            found = found.filter(is_active=options["active"])
        self._people = [_told(person) for person in found.iterator()]
        return {"count": len(self._people)}

    def _print(self, outcome: dict[str, Any], *, as_json: bool) -> None:
        """Only what is printed holds people's addresses; what is logged does not."""
        super()._print({**outcome, "people": self._people}, as_json=as_json)

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        for person in outcome["people"]:
            seen = person["last_login_at"]
            yield "  ".join(
                (
                    person["id"],
                    f"{person['role']:9}",
                    f"{_access(person):11}",
                    f"last log-in {seen:%Y-%m-%d}" if seen else "never logged in      ",
                    f"{person['email']} {person['full_name']}".rstrip(),
                )
            )
        yield f"{outcome['count']} people."


def _told(person: User) -> dict[str, Any]:
    locked = person.locked_until is not None and person.locked_until > timezone.now()
    return {
        "id": str(person.pk),
        "email": person.email,
        "full_name": person.full_name,
        "role": person.role,
        "is_active": person.is_active,
        "is_email_verified": person.is_email_verified,
        "is_locked": locked,
        "last_login_at": person.last_login_at,
    }


def _access(person: dict[str, Any]) -> str:
    if not person["is_active"]:
        return "deactivated"
    return "locked" if person["is_locked"] else "active"
