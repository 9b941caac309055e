"""Links to set a new password, for people who forgot theirs.

Whether an address is somebody's cannot be told from the answer or its time: the same statements run
for an unknown one, and the letter is sent beside the request.

A new password does not stand in for the second factor. It lifts a lock, since whoever reads the
mail has proved more than a password does; but not where a one-time code is asked for, as the lock
may be there to stop somebody from trying codes.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import connection, models, transaction
from django.utils import timezone

from accounts import link_tokens, mail
from accounts.actions import log_in, passwords, second_factor
from accounts.link_tokens import DeadLink
from accounts.mail import Delivery
from accounts.models import PasswordReset, User
from audit.recording import record
from config.api.throttles import network_of
from database.actor import acting_as, acting_as_system

VALID_FOR: Final = timedelta(hours=1)
# Asked for within an hour: from one network address, and for one e-mail address.
MOST_PER_ADDRESS: Final = 20
MOST_PER_EMAIL: Final = 3
WINDOW_SECONDS: Final = 3600

_LONGEST_EMAIL: Final = 255
# For somebody unknown it runs as well, and inserts nothing.
_INSERT: Final = """
    INSERT INTO password_resets (user_id, token_hash, expires_at)
    SELECT u.id, %s, %s FROM users u WHERE u.id = %s
"""


class NotPossible(Exception):
    """This person cannot be sent a link."""


# --- Asking ---------------------------------------------------------------------------------------


def request(email: str, *, address: str) -> None:
    """Send a link to the person with this address, if there is one who has a password.

    ``address``  the visitor's IP address, which is counted; an empty one is not

    TooManyAttempts of ``log_in`` when too many come from one network address. More than three an
    hour for one e-mail address are passed over in silence, so that nobody's mailbox is filled.
    """
    typed = _as_text(email)
    network = network_of(address) if address else ""
    with acting_as_system(), transaction.atomic(durable=True):
        wait = _counted("password_reset_address", network, MOST_PER_ADDRESS) if network else 0
        if not wait and not _counted("password_reset_email", _blurred(typed), MOST_PER_EMAIL):
            _answer(typed)
    if wait:
        raise log_in.TooManyAttempts(
            wait,
            "Too many links were asked for from your network address. Try again in"
            f" {max(1, round(wait / 60))} minutes.",
        )


@transaction.atomic
def send(user_id: UUID, *, by: User) -> Delivery:
    """Send a link to somebody, as an admin; also to a person who has no password yet.

    PermissionDenied, NotPossible, User.DoesNotExist.
    """
    if not by.is_superuser:
        raise PermissionDenied("Only an admin may send somebody else a link.")
    user = User.objects.get(pk=user_id)
    if not user.is_active:
        raise NotPossible(f"{user} is deactivated. Reactivate them first.")
    token = _write(user.pk)
    record("password_reset.sent", by=by, subject=user)
    return mail.password_reset(user, token, expires_at=timezone.now() + VALID_FOR, waits=True)


def _answer(typed: str) -> None:
    user = User.objects.filter(email__iexact=typed, is_active=True).first()
    if user is not None and not (user.password and user.has_usable_password()):
        user = None  # who has no password was given none on purpose
    token = _write(user.pk if user else uuid.uuid4())
    record(
        "password_reset.requested",
        subject=user,
        outcome="success" if user else "failure",
        personal={"email": log_in.address_in(typed)},
    )
    if user is not None:
        mail.password_reset(user, token, expires_at=timezone.now() + VALID_FOR)


def _write(user_id: UUID) -> str:
    """A new link's token, which makes those before it void; worthless for nobody's id."""
    token, now = link_tokens.make(), timezone.now()
    with connection.cursor() as cursor:
        # One at a time: two links asked for at the same moment would both be open.
        cursor.execute("SELECT 1 FROM users WHERE id = %s FOR NO KEY UPDATE", [user_id])
        PasswordReset.objects.filter(user_id=user_id, used_at=None).update(used_at=now)
        cursor.execute(_INSERT, [link_tokens.digest(token), now + VALID_FOR, user_id])
    return token


def _as_text(email: str) -> str:
    """What was typed, as PostgreSQL can compare it."""
    printable = email.strip().encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
    return printable[:_LONGEST_EMAIL]


def _blurred(email: str) -> str:
    """What is counted for an e-mail address, which nobody can read from the table at a glance."""
    return hashlib.sha256(email.casefold().encode()).hexdigest()


def _counted(scope: str, subject: str, most: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count_request(%s, %s, %s, %s)", [scope, subject, most, WINDOW_SECONDS]
        )
        wait: int = cursor.fetchone()[0]
    return wait


# --- Using ----------------------------------------------------------------------------------------


def find(token: str) -> PasswordReset | None:
    """The open link that holds this token, with its person."""
    if not link_tokens.is_token(token):
        return None
    return find_kept(link_tokens.digest(token))


def find_kept(token_hash: str) -> PasswordReset | None:
    """The same by the token's hash, which is what a browser's session keeps of a link."""
    with acting_as_system():  # nobody is known yet
        found = _open().filter(token_hash=token_hash, user__is_active=True)
        return found.select_related("user").first()


def use(reset: PasswordReset, password: str) -> User:
    """Set the password, once. Every session of the person ends; logging in comes after.

    WeakPassword for one that will not do, DeadLink when the link is not open any more,
    HashingBusy. Not to be called in a transaction: hashing is done before it begins.
    """
    user = reset.user
    passwords.demand_strength(password, user)
    user.set_password(password)
    with acting_as(user.pk), acting_as_system(), transaction.atomic(durable=True):
        _change(user, reset)
    return user


def _change(user: User, reset: PasswordReset) -> None:
    now = timezone.now()
    standing = User.objects.select_for_update(no_key=True).filter(pk=user.pk, is_active=True)
    is_active = standing.exists()
    if not is_active or not _open().filter(pk=reset.pk).update(used_at=now):
        raise DeadLink
    fields = ["password", "password_changed_at", "is_email_verified"]
    user.password_changed_at, user.is_email_verified = now, True  # the link came by mail
    lifts = not second_factor.is_on(user)
    if lifts:
        user.failed_login_count, user.locked_until = 0, None
        fields += ["failed_login_count", "locked_until"]
    user.save(update_fields=fields)
    record("password_reset.used", by=user, subject=user, details={"lifts_a_lock": lifts})
    mail.password_changed(user)


def _open() -> models.QuerySet[PasswordReset]:
    return PasswordReset.objects.filter(used_at=None, expires_at__gt=timezone.now())
