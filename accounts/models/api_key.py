"""Keys with which programs use our API."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models

from database.fields import CreatedAtField, KeyField, UpdatedAtField


class ApiKey(models.Model):
    """A key of one person, worth what its scopes and the person's role both allow.

    ``key_hash`` is the SHA-256, in hexadecimal, of the whole key ``prefix.secret``. ``scopes`` is a
    JSON array of names such as ``read:images``; ``ip_whitelist`` one of networks (CIDR), empty for
    everywhere; without ``rate_limit_per_minute`` there is no limit.
    """

    hidden_columns: ClassVar[frozenset[str]] = frozenset({"key_hash"})
    audit_noun: ClassVar[str] = "api_key"

    id = KeyField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys", db_index=False
    )
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True, default="", db_default="")
    prefix = models.CharField(max_length=20, blank=True, default="", db_default="", editable=False)
    key_hash = models.CharField(max_length=255, unique=True, editable=False)
    is_active = models.BooleanField("active", default=True, db_default=True)
    scopes = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    ip_whitelist = models.JSONField(
        "networks", default=list, db_default=models.Value([], models.JSONField()), blank=True
    )
    rate_limit_per_minute = models.IntegerField(
        "requests a minute",
        null=True,
        blank=True,
        default=600,
        db_default=600,
        validators=[MinValueValidator(1)],
    )
    created_at = CreatedAtField()
    updated_at = UpdatedAtField()
    expires_at = models.DateTimeField("valid until", null=True, blank=True)
    last_used_at = models.DateTimeField("last used", null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField("withdrawn", null=True, blank=True, editable=False)

    class Meta:
        db_table = "api_keys"
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(
                name="api_keys_rate_limit_check",
                condition=models.Q(rate_limit_per_minute__gte=1),
            ),
        ]

    def __str__(self) -> str:
        return self.name
