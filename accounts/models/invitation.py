"""Ways in that a mail opens: invitations, and links to set a new password."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from accounts.models.user import EMAIL_PATTERN
from accounts.roles import Role
from database.fields import CreatedAtField, KeyField


class Invitation(models.Model):
    """An address that may become a person with a role, once, until it expires; admins' alone."""

    hidden_columns: ClassVar[frozenset[str]] = frozenset({"code_hash"})

    id = KeyField()
    email = models.EmailField("e-mail address", max_length=255)
    role = models.CharField(
        max_length=20, choices=Role.choices, default=Role.VIEWER, db_default=Role.VIEWER
    )
    code_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="invitations",
        db_index=False,
    )
    created_at = CreatedAtField(verbose_name="invited")
    expires_at = models.DateTimeField("valid until")
    accepted_at = models.DateTimeField("accepted", null=True, blank=True)
    accepted_by = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="accepted_invitation",
    )
    revoked_at = models.DateTimeField("withdrawn", null=True, blank=True)

    class Meta:
        db_table = "invitations"
        constraints = [
            models.CheckConstraint(
                name="invitations_role_check", condition=models.Q(role__in=Role.values)
            ),
            models.CheckConstraint(
                name="invitations_email_format_check",
                condition=models.Q(email__regex=EMAIL_PATTERN),
                violation_error_message="This is not an e-mail address.",
            ),
            models.CheckConstraint(
                name="invitations_end_check",
                condition=models.Q(accepted_at=None) | models.Q(revoked_at=None),
            ),
        ]

    def __str__(self) -> str:
        return self.email


class PasswordReset(models.Model):
    """A link by which one person may set a new password, once, within the hour."""

    hidden_columns: ClassVar[frozenset[str]] = frozenset({"token_hash"})
    audit_noun: ClassVar[str] = "password_reset"

    id = KeyField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="password_resets",
        db_index=False,
    )
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = CreatedAtField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "password_resets"

    def __str__(self) -> str:
        return f"password reset of {self.user_id}"
