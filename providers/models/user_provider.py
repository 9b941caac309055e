"""The keys that people bring themselves."""

from __future__ import annotations

from typing import ClassVar, Final

from django.conf import settings
from django.db import models
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual

from database.encryption.fields import EncryptedField
from database.fields import CreatedAtField, KeyField, UpdatedAtField
from providers.models.provider import Provider

LONGEST_REASON: Final = 500


class KeyStatus(models.TextChoices):
    """What is known of a key."""

    UNTESTED = "untested", "not tested"
    WORKS = "works", "works"
    REFUSED = "refused", "refused by the provider"
    UNREADABLE = "unreadable", "to be entered again"


class UserProvider(models.Model):
    """A person's own key at a provider, used for their jobs before the team's.

    An admin may stop it (``stopped_at``, ``stopped_by``, ``stopped_reason``), or remove it: then
    the row stays without a key, to tell its owner. The trigger ``keep_stopped()`` lets nobody else
    start it again, unless with another key.
    """

    hidden_columns: ClassVar[frozenset[str]] = frozenset({"api_key"})
    audit_noun: ClassVar[str] = "user_provider"

    id = KeyField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="provider_keys",
        db_index=False,
    )
    provider = models.ForeignKey(
        Provider, on_delete=models.CASCADE, related_name="user_keys", db_index=False
    )
    api_key = EncryptedField(null=True, editable=False)
    key_hint = models.CharField(max_length=4, blank=True, default="", db_default="", editable=False)
    is_active = models.BooleanField("active", default=True, db_default=True)
    status = models.CharField(
        max_length=20,
        choices=KeyStatus.choices,
        default=KeyStatus.UNTESTED,
        db_default=KeyStatus.UNTESTED,
        editable=False,
    )
    tested_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    error_message = models.TextField(blank=True, default="", db_default="", editable=False)
    stopped_at = models.DateTimeField(null=True, blank=True, editable=False)
    stopped_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        editable=False,
    )
    stopped_reason = models.TextField(blank=True, default="", db_default="", editable=False)
    created_at = CreatedAtField()
    updated_at = UpdatedAtField()

    class Meta:
        db_table = "user_providers"
        verbose_name = "key at a provider"
        verbose_name_plural = "keys at providers"
        constraints = [
            models.UniqueConstraint(
                name="user_providers_user_id_provider_id_key", fields=["user", "provider"]
            ),
            models.CheckConstraint(
                name="user_providers_status_check",
                condition=models.Q(status__in=KeyStatus.values),
            ),
            models.CheckConstraint(
                name="user_providers_stopped_check",
                condition=models.Q(stopped_at=None, stopped_by=None, stopped_reason="")
                | (
                    models.Q(stopped_at__isnull=False, is_active=False)
                    & ~models.Q(stopped_reason="")
                    & models.Q(LessThanOrEqual(Length("stopped_reason"), LONGEST_REASON))
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"key at {self.provider}"
