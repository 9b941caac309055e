"""Invitations: an admin names an address and a role; who reads the mail becomes a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from accounts import link_tokens, mail
from accounts.actions import passwords
from accounts.link_tokens import DeadLink
from accounts.mail import Delivery
from accounts.models import Invitation, User
from accounts.models.user import record_creation
from accounts.roles import Role
from audit.recording import record
from database import locks
from database.actor import acting_as_system

VALID_FOR: Final = timedelta(days=7)


class AlreadyAPerson(Exception):
    """Somebody with this address has an account."""


class AlreadyInvited(Exception):
    """There is an open invitation for this address: ``invitation_id``."""

    def __init__(self, email: str, invitation_id: UUID) -> None:
        super().__init__(
            f"{email} is invited already. Send that invitation again, or withdraw it first."
        )
        self.invitation_id = invitation_id


class NoSuchInvitation(Exception):
    """There is no invitation of this key."""


class NotOpen(Exception):
    """The invitation was accepted or withdrawn: nothing can be done with it any more."""


@dataclass(frozen=True, slots=True)
class Invited:
    """The invitation, and what became of its letter once the transaction has committed."""

    invitation: Invitation
    delivery: Delivery


# --- The admin's side -----------------------------------------------------------------------------


@transaction.atomic
def create(email: str, role: str, *, by: User) -> Invited:
    """Invite the address; the link goes there and nowhere else.

    PermissionDenied unless ``by`` is an admin, AlreadyAPerson, AlreadyInvited; ValidationError for
    what is no address or no role.
    """
    token = link_tokens.make()
    made = _checked(email, role, token, by)
    made.save(force_insert=True)
    record(
        "invitation.created",
        by=by,
        subject=made,
        after={"role": made.role, "expires_at": made.expires_at.isoformat(timespec="seconds")},
        personal={"invitation_email": made.email},
    )
    return Invited(made, mail.invitation(made, token))


@transaction.atomic
def resend(invitation_id: UUID, *, by: User) -> Invited:
    """Send a new link, valid from now on, also after the old one has expired; the old one is void.

    From then on it is ``by`` who invites. PermissionDenied, NoSuchInvitation, NotOpen,
    AlreadyAPerson, AlreadyInvited.
    """
    _demand_admin(by)
    invitation = _locked(invitation_id)
    _refuse_taken(invitation)
    token = link_tokens.make()
    invitation.code_hash = link_tokens.digest(token)
    invitation.expires_at = timezone.now() + VALID_FOR
    invitation.invited_by = by
    invitation.save(update_fields=["code_hash", "expires_at", "invited_by"])
    record(
        "invitation.resent",
        by=by,
        subject=invitation,
        after={"expires_at": invitation.expires_at.isoformat(timespec="seconds")},
    )
    return Invited(invitation, mail.invitation(invitation, token))


@transaction.atomic
def withdraw(invitation_id: UUID, *, by: User) -> Invitation:
    """Make the link void. PermissionDenied, NoSuchInvitation, NotOpen."""
    _demand_admin(by)
    invitation = _locked(invitation_id)
    invitation.revoked_at = timezone.now()
    invitation.save(update_fields=["revoked_at"])
    record("invitation.withdrawn", by=by, subject=invitation)
    return invitation


@transaction.atomic
def check(email: str, role: str, *, by: User) -> None:
    """Refuse what ``create`` would refuse, and change nothing."""
    _checked(email, role, link_tokens.make(), by)


def _checked(email: str, role: str, token: str, by: User) -> Invitation:
    _demand_admin(by)
    made = Invitation(
        email=User.objects.normalize_email(email.strip()),
        role=role,
        invited_by=by,
        code_hash=link_tokens.digest(token),
        expires_at=timezone.now() + VALID_FOR,
    )
    made.full_clean()
    _refuse_taken(made)
    return made


def _demand_admin(by: User) -> None:
    if not by.is_superuser:
        raise PermissionDenied("Only an admin may invite people.")


def _locked(invitation_id: UUID) -> Invitation:
    found = Invitation.objects.select_for_update(no_key=True).filter(pk=invitation_id).first()
    if found is None:
        raise NoSuchInvitation(f"There is no invitation {invitation_id}.")
    if found.accepted_at is not None:
        raise NotOpen(f"The invitation of {found.email} was accepted.")
    if found.revoked_at is not None:
        raise NotOpen(f"The invitation of {found.email} was withdrawn. Invite the address anew.")
    return found


def _refuse_taken(invitation: Invitation) -> None:
    """Nobody is invited twice, also not by two admins at the same moment."""
    email = invitation.email
    locks.hold(f"invitation {email.casefold()}")
    if User.objects.filter(email__iexact=email).exists():
        raise AlreadyAPerson(f"{email} has an account already.")
    others = _open().filter(email__iexact=email).exclude(pk=invitation.pk)
    other = others.values_list("pk", flat=True).first()
    if other is not None:
        raise AlreadyInvited(email, other)


# --- The side of whoever was invited --------------------------------------------------------------


def find(token: str) -> Invitation | None:
    """The open invitation whose link holds this token."""
    if not link_tokens.is_token(token):
        return None
    return find_kept(link_tokens.digest(token))


def find_kept(code_hash: str) -> Invitation | None:
    """The same by the token's hash, which is what a browser's session keeps of a link."""
    with acting_as_system(), transaction.atomic():  # nobody is known yet
        found = _open().filter(code_hash=code_hash).first()
        return found if found and _is_vouched_for(found) else None


def accept(invitation: Invitation, *, full_name: str, password: str) -> User:
    """Become a person with the role that was offered, once; logging in comes after.

    WeakPassword, ValidationError for a name that will not do, DeadLink when the invitation is not
    open any more, HashingBusy. Not to be called in a transaction: hashing is done before it begins.
    """
    user = User(
        email=invitation.email,
        full_name=full_name.strip(),
        role=invitation.role,
        is_email_verified=True,  # the link came by mail
    )
    user.clean_fields(exclude=["email", "password"])
    passwords.demand_strength(password, user)
    user.set_password(password)
    user.password_changed_at = timezone.now()
    try:
        with acting_as_system(), transaction.atomic(durable=True):
            _become(user, invitation)
    except IntegrityError as error:  # somebody gave the address an account meanwhile
        raise DeadLink from error
    return user


def _become(user: User, invitation: Invitation) -> None:
    # The hash, too: a link that was sent anew while its form stood open is void.
    won = (
        _open()
        .filter(pk=invitation.pk, code_hash=invitation.code_hash)
        .update(accepted_at=timezone.now())
    )
    if not won or not _is_vouched_for(invitation):
        raise DeadLink
    user.save(force_insert=True)
    Invitation.objects.filter(pk=invitation.pk).update(accepted_by=user)
    record_creation(user, by=user)
    record("invitation.accepted", by=user, subject=invitation, after={"user_id": str(user.pk)})


def _open() -> models.QuerySet[Invitation]:
    return Invitation.objects.filter(
        accepted_at=None, revoked_at=None, expires_at__gt=timezone.now()
    )


def _is_vouched_for(invitation: Invitation) -> bool:
    """Whether whoever invites still may: an admin who was dismissed has nobody to bring in."""
    return User.objects.filter(
        pk=invitation.invited_by_id, role=Role.ADMIN, is_active=True
    ).exists()
