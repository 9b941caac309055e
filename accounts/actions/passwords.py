"""Setting passwords: one's own, and somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.utils import timezone

from accounts import mail
from accounts.actions import log_in
from accounts.models import User


class WeakPassword(Exception):
    """The new password is refused; ``sentences`` says why, and what helps."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


class ChangedMeanwhile(Exception):
    """Somebody else set the password in the same moment."""


def change(user: User, old: str, new: str, *, session_id: UUID | None = None) -> None:
    """Change one's own password; other sessions end, and a mail tells of it.

    ``session_id``  the session in which it is done, which goes on

    log_in.LoginRefused for a wrong old password, which counts as a failed log-in; WeakPassword;
    ChangedMeanwhile; log_in.ServerBusy.
    """
    was = log_in.confirm(user, old).password
    demand_strength(new, user)
    user.set_password(new)
    with transaction.atomic(), _keeping(session_id):
        _save(user, was=was)
    mail.password_changed(user)


def set_by_admin(user_id: UUID, new: str | None, *, by: User) -> User:
    """Give somebody else a password, or with None take it away; every session of theirs ends.

    PermissionDenied, User.DoesNotExist, WeakPassword, ChangedMeanwhile.
    """
    if not by.is_superuser or by.pk == user_id:
        raise PermissionDenied("Only an admin sets a password, and only somebody else's.")
    person = User.objects.get(pk=user_id)
    was = person.password
    if new is not None:
        demand_strength(new, person)
    person.set_password(new)
    with transaction.atomic():
        _save(person, was=was)
    mail.password_changed(person)
    return person


def demand_strength(password: str, user: User) -> None:
    """WeakPassword, unless the password may be this person's."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise WeakPassword(error.messages) from None


def _save(person: User, *, was: str) -> None:
    """Save the new hash, made before; the model records it, a trigger ends the sessions."""
    now = User.objects.select_for_update().values_list("password", flat=True).get(pk=person.pk)
    if now != was:
        raise ChangedMeanwhile(
            "The password was changed by somebody else at the same moment. Log in anew."
        )
    person.password_changed_at = timezone.now()
    person.save(update_fields=["password", "password_changed_at"])


@contextmanager
def _keeping(session_id: UUID | None) -> Iterator[None]:
    """The session in which somebody changes their own password does not end."""
    _tell_kept(str(session_id or ""))
    yield
    _tell_kept("")


def _tell_kept(session_id: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.kept_session', %s, true)", [session_id])
