"""Providers, and how they are."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from database.encryption.fields import EncryptedField
from database.fields import CreatedAtField, KeyField, UpdatedAtField


class BreakerState(models.TextChoices):
    """Whether a provider is asked at all."""

    CLOSED = "closed", "asked"
    OPEN = "open", "not asked"
    HALF_OPEN = "half_open", "tried once"


class HealthStatus(models.TextChoices):
    """What a check found."""

    HEALTHY = "healthy", "healthy"
    DEGRADED = "degraded", "slow"
    DOWN = "down", "down"
    KEY_REFUSED = "key_refused", "key refused"


class Provider(models.Model):
    """A provider of annotations: one row for each name that jobs may ask for.

    ``api_key`` is the team's, used by whoever has none of their own; ``key_hint`` its last four
    characters. ``rank`` is the order in which providers stand in for each other, lowest first. The
    breaker's columns are written by ``note_provider_outcome()`` alone.
    """

    hidden_columns: ClassVar[frozenset[str]] = frozenset({"api_key"})
    audit_noun: ClassVar[str] = "provider"

    id = KeyField()
    name = models.CharField(max_length=40, unique=True)
    display_name = models.CharField(max_length=120)
    is_enabled = models.BooleanField("enabled", default=True, db_default=True)
    default_model = models.CharField(max_length=120)
    base_url = models.CharField(max_length=500, blank=True, default="", db_default="")
    timeout_seconds = models.IntegerField(
        "time-out",
        default=60,
        db_default=60,
        validators=[MinValueValidator(1), MaxValueValidator(600)],
        help_text="Seconds for one whole call.",
    )
    rank = models.IntegerField(default=100, db_default=100)
    needs_key = models.BooleanField(default=True, db_default=True, editable=False)
    api_key = EncryptedField(null=True, editable=False)
    key_hint = models.CharField(max_length=4, blank=True, default="", db_default="", editable=False)
    key_tested_at = models.DateTimeField(null=True, blank=True, editable=False)
    key_error = models.TextField(blank=True, default="", db_default="", editable=False)
    breaker_state = models.CharField(
        max_length=20,
        choices=BreakerState.choices,
        default=BreakerState.CLOSED,
        db_default=BreakerState.CLOSED,
        editable=False,
    )
    breaker_failures = models.IntegerField(default=0, db_default=0, editable=False)
    breaker_opened_at = models.DateTimeField(null=True, blank=True, editable=False)
    # While it is open, the moment from which one request may try again.
    breaker_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = CreatedAtField()
    updated_at = UpdatedAtField()

    class Meta:
        db_table = "providers"
        constraints = [
            models.CheckConstraint(
                name="providers_breaker_state_check",
                condition=models.Q(breaker_state__in=BreakerState.values),
            ),
            models.CheckConstraint(
                name="providers_timeout_seconds_check",
                condition=models.Q(timeout_seconds__gte=1, timeout_seconds__lte=600),
            ),
        ]

    def __str__(self) -> str:
        return self.display_name


class ProviderHealth(models.Model):
    """One check of a provider, by a request that is not billed."""

    id = KeyField()
    provider = models.ForeignKey(
        Provider, on_delete=models.CASCADE, related_name="checks", db_index=False
    )
    status = models.CharField(max_length=20, choices=HealthStatus.choices)
    response_time_ms = models.IntegerField(null=True, blank=True)
    error_message = models.TextField(blank=True, default="", db_default="")
    checked_at = CreatedAtField()

    class Meta:
        db_table = "provider_health"
        verbose_name = "check of a provider"
        verbose_name_plural = "checks of providers"
        constraints = [
            models.CheckConstraint(
                name="provider_health_status_check",
                condition=models.Q(status__in=HealthStatus.values),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} at {timezone.localtime(self.checked_at):%Y-%m-%d %H:%M}"
