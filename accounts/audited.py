"""What the audit log records of people and their sessions."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.recording import record
from audit.registry import Action, register, register_guarded

# What is typed into the log-in form may be anything; an address is not longer.
_LONGEST_ADDRESS = 255


def declare() -> None:
    """Add the actions to the registry, and follow the sessions of people."""
    register_guarded("user", word="permission_change")
    register(
        Action("user.created", "A person was added.", "permission_change"),
        Action("user.changed", "A person's name, address or standing was changed."),
        Action("user.role_changed", "A person was given another role.", "permission_change"),
        Action("user.deactivated", "A person may not log in any more.", "permission_change"),
        Action("user.reactivated", "A person may log in again.", "permission_change"),
        Action("user.password_changed", "A person's password was set, changed or removed."),
        Action("session.started", "A person logged in.", "login"),
        Action("session.ended", "A person logged out.", "logout"),
        Action("session.refused", "Somebody failed to log in.", "login", kept=True),
    )
    user_logged_in.connect(_session_started, dispatch_uid="accounts.session_started")
    user_logged_out.connect(_session_ended, dispatch_uid="accounts.session_ended")
    user_login_failed.connect(_session_refused, dispatch_uid="accounts.session_refused")


@transaction.atomic
def _session_started(*, user: Any, **_: Any) -> None:
    user.last_login_at = timezone.now()
    user.save(update_fields=["last_login_at"])
    record("session.started", by=user.pk, subject=("user", str(user.pk)))


@transaction.atomic
def _session_ended(*, user: Any, **_: Any) -> None:
    if user is not None:  # else nobody was logged in
        record("session.ended", by=user.pk, subject=("user", str(user.pk)))


def _session_refused(*, credentials: dict[str, Any], **_: Any) -> None:
    given = credentials.get("username") or credentials.get(User.USERNAME_FIELD) or ""
    typed = str(given)[:_LONGEST_ADDRESS].replace("\x00", "\ufffd")
    known = User.objects.filter(email__iexact=typed).values_list("pk", flat=True).first()
    record(
        "session.refused",
        subject=None if known is None else ("user", str(known)),
        outcome="failure",
        error="The address or the password is wrong, or the person is deactivated.",
        personal={"email": typed},
    )
