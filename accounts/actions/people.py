"""Finding the person a command acts for."""

from __future__ import annotations

from accounts.models import User
from accounts.roles import Role


class NobodyToActFor(Exception):
    """The person cannot be determined; the text says what to pass."""


def to_act_for(email: str | None) -> User:
    """The active person with this address, or, without one, the only active admin there is."""
    if email is not None:
        try:
            user = User.objects.get_by_natural_key(email)
        except User.DoesNotExist:
            raise NobodyToActFor(f"Nobody has the e-mail address {email}.") from None
        if not user.is_active:
            raise NobodyToActFor(f"{email} is not active.")
        return user
    admins = list(User.objects.filter(role=Role.ADMIN, is_active=True)[:2])
    if len(admins) == 1:
        return admins[0]
    found = "There is no active admin" if not admins else "There is more than one active admin"
    raise NobodyToActFor(f"{found}: say for whom with --as EMAIL.")
