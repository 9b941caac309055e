"""Adding and changing people, and finding the person a command acts for."""

from __future__ import annotations

from typing import Final

from django.db import transaction

from accounts.models import User
from accounts.models.user import record_creation
from accounts.roles import Role
from audit.recording import record

# What an entry says of a change, and what it says where it can be erased.
_STANDING: Final = ("role", "is_active", "is_email_verified")
_PERSONAL: Final = ("email", "full_name")


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


@transaction.atomic
def add(person: User, *, by: User) -> None:
    """Save a new person."""
    person.save(force_insert=True)
    record_creation(person, by=by)


@transaction.atomic
def change(person: User, *, by: User) -> None:
    """Save what was changed of a person, with one entry that is named after what weighs most."""
    was = User.objects.select_for_update().get(pk=person.pk)
    person.save()
    changed = [name for name in _STANDING if getattr(was, name) != getattr(person, name)]
    personal: dict[str, str] = {}
    for name in _PERSONAL:
        if getattr(was, name) != getattr(person, name):
            personal |= {
                f"user_{name}_before": getattr(was, name),
                f"user_{name}_after": getattr(person, name),
            }
    if not changed and not personal:
        return
    record(
        _name_of(changed, person),
        by=by,
        subject=person,
        before={name: getattr(was, name) for name in changed},
        after={name: getattr(person, name) for name in changed},
        details={"also": [name for name in _PERSONAL if f"user_{name}_after" in personal]},
        personal=personal,
    )


def _name_of(changed: list[str], person: User) -> str:
    if "role" in changed:
        return "user.role_changed"
    if "is_active" in changed:
        return "user.reactivated" if person.is_active else "user.deactivated"
    return "user.changed"
