"""The second factor: a one-time secret, and codes for the day it is lost."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from database.encryption.fields import EncryptedField
from database.fields import CreatedAtField, KeyField, UpdatedAtField


class TotpDevice(models.Model):
    """A person's one-time secret (RFC 6238); it counts once ``confirmed_at`` is set.

    ``last_step`` is the latest time step whose code was accepted: no code works twice.
    """

    hidden_columns: ClassVar[frozenset[str]] = frozenset({"secret"})
    audit_noun: ClassVar[str] = "totp_device"

    id = KeyField()
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="totp_device"
    )
    secret = EncryptedField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    last_step = models.BigIntegerField(default=0, db_default=0)
    created_at = CreatedAtField()
    updated_at = UpdatedAtField()

    class Meta:
        db_table = "totp_devices"

    def __str__(self) -> str:
        return f"one-time codes of {self.user_id}"


class RecoveryCode(models.Model):
    """One code that replaces the second factor once; 120 bits, so SHA-256 keeps it safe."""

    hidden_columns: ClassVar[frozenset[str]] = frozenset({"code_hash"})
    audit_noun: ClassVar[str] = "recovery_code"

    id = KeyField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="recovery_codes",
        db_index=False,
    )
    code_hash = models.CharField(max_length=64, unique=True)
    used_at = models.DateTimeField(null=True, blank=True)
    created_at = CreatedAtField()

    class Meta:
        db_table = "recovery_codes"

    def __str__(self) -> str:
        return f"recovery code of {self.user_id}"
