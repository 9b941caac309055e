"""Who is told."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from database.encryption.fields import EncryptedField
from database.fields import CreatedAtField, KeyField, UpdatedAtField


class WebhookEndpoint(models.Model):
    """An address of another system, which events are sent to.

    ``events``  a JSON array of names; empty: all
    ``secret``  signs each message; ``previous_secret`` does so too until ``previous_until``, so
    that the receiver can change over without missing one
    ``failing_since``  when the first of the attempts failed that failed in a row until now
    """

    hidden_columns: ClassVar[frozenset[str]] = frozenset({"secret", "previous_secret"})
    audit_noun: ClassVar[str] = "webhook"

    id = KeyField()
    name = models.CharField(max_length=120, unique=True)
    url = models.CharField("URL", max_length=2048)
    events = models.JSONField(
        default=list, db_default=models.Value([], models.JSONField()), blank=True
    )
    is_active = models.BooleanField("on", default=True, db_default=True)
    secret = EncryptedField()
    previous_secret = EncryptedField(null=True)
    previous_until = models.DateTimeField(null=True, blank=True, editable=False)
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    failure_count = models.IntegerField(default=0, db_default=0, editable=False)
    last_delivered_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.TextField(blank=True, default="", db_default="", editable=False)
    switched_off_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        editable=False,
    )
    created_at = CreatedAtField()
    updated_at = UpdatedAtField()

    class Meta:
        db_table = "webhook_endpoints"
        verbose_name = "webhook"
        constraints = [
            models.CheckConstraint(
                name="webhook_endpoints_failure_count_check",
                condition=models.Q(failure_count__gte=0),
            ),
            models.CheckConstraint(
                name="webhook_endpoints_previous_check",
                condition=models.Q(previous_secret__isnull=True, previous_until__isnull=True)
                | models.Q(previous_secret__isnull=False, previous_until__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name
