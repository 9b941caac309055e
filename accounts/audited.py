"""What the audit log records of people and their sessions."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.http import HttpRequest

from accounts.actions import sessions
from accounts.models import SessionEnd
from audit.registry import Action, register, register_guarded


def declare() -> None:
    """Add the actions to the registry, and follow the sessions of people."""
    register_guarded("user", word="permission_change")
    register_guarded("role_permission", word="permission_change")
    register_guarded("api_key", word="permission_change")
    register_guarded("totp_device", word="permission_change")
    register_guarded("recovery_code", word="permission_change")
    register_guarded("invitation", word="permission_change")
    register_guarded("password_reset")
    register_guarded("session")
    register_guarded("refresh_token")
    register(
        Action("user.created", "A person was added.", "permission_change"),
        Action("user.changed", "A person's name, address or standing was changed."),
        Action("user.role_changed", "A person was given another role.", "permission_change"),
        Action("user.deactivated", "A person may not log in any more.", "permission_change"),
        Action("user.reactivated", "A person may log in again.", "permission_change"),
        Action("user.password_changed", "A person's password was set, changed or removed."),
        Action("user.password_rehashed", "The same password got a better hash at a log-in."),
        Action("account.locked", "An account was locked for a while after too many failures."),
        Action("account.unlocked", "A lock was lifted before its time.", "permission_change"),
        Action("second_factor.enrolled", "A person began to set up one-time codes."),
        Action("second_factor.confirmed", "One-time codes were turned on.", "permission_change"),
        Action("second_factor.removed", "One-time codes were turned off.", "permission_change"),
        Action("second_factor.recovery_code_used", "A recovery code stood in for the phone."),
        Action("second_factor.recovery_codes_replaced", "A person made new recovery codes."),
        Action("invitation.created", "Somebody was invited.", "permission_change"),
        Action("invitation.resent", "An invitation was sent again, with a new link."),
        Action("invitation.withdrawn", "An invitation was withdrawn.", "permission_change"),
        Action("invitation.accepted", "Somebody accepted an invitation.", "permission_change"),
        Action("password_reset.requested", "Somebody asked for a link to a new password."),
        Action("password_reset.sent", "An admin sent a person a link to a new password."),
        Action("password_reset.used", "A person set a new password by a link from a mail."),
        Action("api_key.created", "An API key was made.", "permission_change"),
        Action("api_key.changed", "An API key was changed, or switched on or off."),
        Action("api_key.revoked", "An API key was withdrawn.", "permission_change"),
        Action("api_key.refused", "Somebody used an API key in vain.", "api_call", kept=True),
        Action("session.started", "A person logged in.", "login"),
        Action("session.ended", "A person logged out.", "logout"),
        Action("session.revoked", "A session was ended, here or by an admin.", "logout"),
        Action("session.refreshed", "A program got new tokens with its refresh token."),
        Action("session.token_reused", "A used refresh token came again: a theft.", "logout"),
        Action("token_key.created", "The first key that signs access tokens.", "config_change"),
        Action("token_key.added", "A key was added that signs access tokens.", "config_change"),
        Action("token_key.retired", "A key signs access tokens no more.", "config_change"),
        Action("token_key.removed", "A key and what it signed count no more.", "config_change"),
        Action("session.refused", "Somebody failed to log in.", "login", kept=True),
    )
    user_logged_in.connect(_session_started, dispatch_uid="accounts.session_started")
    user_logged_out.connect(_session_ended, dispatch_uid="accounts.session_ended")


def _session_started(*, request: HttpRequest, user: Any, **_: Any) -> None:
    sessions.start_row(request, user)


def _session_ended(*, request: HttpRequest, **_: Any) -> None:
    if request.session.session_key:
        sessions.end_browser(request.session.session_key, reason=SessionEnd.LOGGED_OUT)
