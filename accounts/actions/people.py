"""Adding and changing people, and finding the person a command acts for."""

from __future__ import annotations

from typing import Final, TypedDict, Unpack
from uuid import UUID

from django.db import DatabaseError, transaction

from accounts.actions import roles
from accounts.actions.roles import NoSuchPerson, NotAnAdmin, OwnStanding
from accounts.models import User
from accounts.models.user import record_creation
from accounts.roles import Role
from audit.recording import record

# What an entry says of a change, and what it says where it can be erased.
_STANDING: Final = ("is_active", "is_email_verified")
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


class Changes(TypedDict, total=False):
    """What can be edited of a person; their role and access have functions of their own."""

    email: str
    full_name: str
    is_email_verified: bool


@transaction.atomic
def change(person: User, *, by: User) -> None:
    """Save what was changed of a person, with one entry that is named after what weighs most.

    Another role is given by the database (``roles.change``), which adds its own entry.
    StandingNotChanged where the database does not allow it.
    """
    was = locked(person.pk)
    if was.role != person.role:
        roles.change(person.pk, person.role, by=by)
        was.role = person.role
    changed = [name for name in _STANDING if getattr(was, name) != getattr(person, name)]
    renamed = [name for name in _PERSONAL if getattr(was, name) != getattr(person, name)]
    if not changed and not renamed:
        return
    try:
        # A savepoint, so that the caller's transaction can go on after a refusal.
        with transaction.atomic():
            # No other column: what happened to the person since they were read must stay.
            person.save(update_fields=[*changed, *renamed])
    except DatabaseError as error:
        raise roles.refused(error) or error from error
    personal: dict[str, str] = {}
    for name in renamed:
        personal |= {
            f"user_{name}_before": getattr(was, name),
            f"user_{name}_after": getattr(person, name),
        }
    record(
        _name_of(changed, person),
        by=by,
        subject=person,
        before={name: getattr(was, name) for name in changed},
        after={name: getattr(person, name) for name in changed},
        details={"also": renamed},
        personal=personal,
    )


@transaction.atomic
def edit(user_id: UUID, *, by: User, **changes: Unpack[Changes]) -> User:
    """Set what is named; admins for everybody, other people their own name.

    ValidationError for what cannot be kept. Another address is not verified, unless that is said.
    """
    if not by.is_superuser and (by.pk != user_id or changes.keys() - {"full_name"}):
        raise NotAnAdmin("Only an admin may change this. You can change your own name.")
    person = locked(user_id)
    if changes.get("email", person.email) != person.email:
        changes.setdefault("is_email_verified", False)
    for name, value in changes.items():
        setattr(person, name, value)
    person.full_clean(exclude=["password"])
    change(person, by=by)
    person.refresh_from_db()
    return person


@transaction.atomic
def deactivate(user_id: UUID, *, by: User) -> User:
    """Shut the person out: their sessions end and their keys open nothing, at once."""
    if by.pk == user_id:
        raise OwnStanding("You cannot deactivate yourself. Ask another admin to do it.")
    return _set_active(user_id, value=False, by=by)


@transaction.atomic
def reactivate(user_id: UUID, *, by: User) -> User:
    """Let the person in again, with the password and the keys that they had."""
    return _set_active(user_id, value=True, by=by)


def locked(user_id: UUID) -> User:
    """The person, locked until the transaction ends; NoSuchPerson if there is none."""
    person = User.objects.select_for_update().filter(pk=user_id).first()
    if person is None:
        raise NoSuchPerson("This person does not exist any more.")
    return person


def _set_active(user_id: UUID, *, value: bool, by: User) -> User:
    if not by.is_superuser:
        raise NotAnAdmin("Only an active admin may change what people are allowed.")
    person = locked(user_id)
    person.is_active = value
    change(person, by=by)
    person.refresh_from_db()
    return person


def _name_of(changed: list[str], person: User) -> str:
    if "is_active" in changed:
        return "user.reactivated" if person.is_active else "user.deactivated"
    return "user.changed"
