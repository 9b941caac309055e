"""``manage.py invite``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management.base import CommandError, CommandParser

from accounts.actions import invitations, people
from accounts.models import User
from accounts.roles import Role
from config.commands import OpsCommand


class Command(OpsCommand):
    """Needs an admin in whose name it is done, as an invitation ends with its admin."""

    help = (
        "Invite somebody by mail; the link works once, for seven days. An open invitation of the"
        " address is refused, or sent again with a new link (--again)."
    )
    example = "invite grace@example.org --role analyst --as ada@example.org"
    exclusive = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("email", help="the address to invite")
        parser.add_argument(
            "--role", choices=Role.values, default=Role.VIEWER, help="what they may do (viewer)"
        )
        parser.add_argument(
            "--as",
            dest="acting",
            metavar="EMAIL",
            help="the admin who invites; the only active one, if not given",
        )
        parser.add_argument(
            "--again", action="store_true", help="send an open invitation again, with a new link"
        )

    def run(self, **options: Any) -> dict[str, Any]:
        try:
            acting = people.to_act_for(options["acting"])
            if options["dry_run"]:
                invitations.check(options["email"], options["role"], by=acting)
                return {"dry_run": True}
            invited = self._invite(options, acting)
        except (people.NobodyToActFor, PermissionDenied) as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except (invitations.AlreadyAPerson, invitations.AlreadyInvited) as error:
            raise CommandError(str(error)) from error
        if invited.delivery.error:
            self.stderr.write(f"The mail was not sent: {invited.delivery.error}")
            self.exit_code = 1
        return {
            "dry_run": False,
            "invitation": str(invited.invitation.pk),
            "mail_sent": invited.delivery.sent,
            "expires_at": invited.invitation.expires_at,
        }

    def _invite(self, options: dict[str, Any], acting: User) -> invitations.Invited:
        try:
            return invitations.create(options["email"], options["role"], by=acting)
        except invitations.AlreadyInvited as error:
            if not options["again"]:
                raise
            return invitations.resend(error.invitation_id, by=acting)

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        if outcome["dry_run"]:
            yield "Would invite the address."
            return
        until = f"{outcome['expires_at']:%Y-%m-%d %H:%M %Z}"
        if outcome["mail_sent"]:
            yield f"Invited; the link works until {until}."
        else:
            yield "The invitation stands, but its mail was not sent. Try again with --again."
