"""Sessions: one row for each device on which somebody is logged in, and the tokens of programs."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from database.fields import CreatedAtField, KeyField


class SessionKind(models.TextChoices):
    """With what somebody is logged in."""

    BROWSER = "browser", "browser"
    API = "api", "program"


class SessionEnd(models.TextChoices):
    """Why a session is over."""

    LOGGED_OUT = "logged_out", "logged out"
    REVOKED = "revoked", "ended by the person"
    REVOKED_BY_ADMIN = "revoked_by_admin", "ended by an admin"
    TOKEN_REUSED = "token_reused", "a used token came again"
    PASSWORD_CHANGED = "password_changed", "the password was changed"
    ROLE_CHANGED = "role_changed", "the role was changed"
    DEACTIVATED = "deactivated", "the person was deactivated"
    FACTOR_CHANGED = "factor_changed", "the second factor was changed"
    REPLACED = "replaced", "a new log-in on the same device"


class Session(models.Model):
    """One device of one person, from log-in to its end; confined to its owner.

    The browser's session key and the tokens are kept as SHA-256 alone. The trigger
    ``end_sessions_of_user()`` ends what a new password, another role or a deactivation must end.
    """

    hidden_columns: ClassVar[frozenset[str]] = frozenset({"browser_key_hash"})

    id = KeyField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sessions", db_index=False
    )
    kind = models.CharField(max_length=10, choices=SessionKind.choices)
    device_name = models.CharField(max_length=200, blank=True, default="", db_default="")
    user_agent = models.TextField(blank=True, default="", db_default="")
    ip_address = models.GenericIPAddressField("address", null=True, blank=True)
    has_second_factor = models.BooleanField("with a one-time code", default=False, db_default=False)
    # SHA-256 of the browser's session key, in hexadecimal: the key of its row in django_session.
    browser_key_hash = models.CharField(max_length=64, null=True, blank=True, unique=True)
    created_at = CreatedAtField(verbose_name="logged in")
    last_used_at = models.DateTimeField("last used", default=timezone.now, db_default=Now())
    expires_at = models.DateTimeField("ends at the latest")
    ended_at = models.DateTimeField("ended", null=True, blank=True)
    end_reason = models.CharField(
        max_length=20, choices=SessionEnd.choices, blank=True, default="", db_default=""
    )

    class Meta:
        db_table = "sessions"
        constraints = [
            models.CheckConstraint(
                name="sessions_kind_check", condition=models.Q(kind__in=SessionKind.values)
            ),
            models.CheckConstraint(
                name="sessions_end_check",
                condition=models.Q(ended_at=None, end_reason="")
                | models.Q(ended_at__isnull=False, end_reason__in=SessionEnd.values),
            ),
        ]

    def __str__(self) -> str:
        return self.device_name or self.get_kind_display()


class RefreshToken(models.Model):
    """One refresh token of a session: used once, then followed by its successor.

    The session is the family: a token that comes a second time ends it.
    """

    hidden_columns: ClassVar[frozenset[str]] = frozenset({"token_hash"})
    audit_noun: ClassVar[str] = "refresh_token"

    id = KeyField()
    session = models.ForeignKey(
        Session, on_delete=models.CASCADE, related_name="refresh_tokens", db_index=False
    )
    # Copied from the session, so that the rows can be confined without looking there.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    token_hash = models.CharField(max_length=255, unique=True)
    expires_at = models.DateTimeField()
    created_at = CreatedAtField()
    used_at = models.DateTimeField(null=True, blank=True)
    successor = models.OneToOneField(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="predecessor"
    )

    class Meta:
        db_table = "refresh_tokens"

    def __str__(self) -> str:
        return f"token of session {self.session_id}"
