"""What was used and what it cost."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from database.fields import CreatedAtField, KeyField
from providers.models.prices import ProviderPrice
from providers.models.provider import Provider


class UsageHold(models.Model):
    """Money set aside for one call: reserved, sent, and settled with what it cost.

    ``sent_at`` is set before the provider is asked. A hold that was sent and never settled (its
    worker died) is settled with all that was reserved: what may have been billed counts as billed.
    """

    app_privileges: ClassVar[tuple[str, ...]] = ("SELECT",)

    id = KeyField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, related_name="+", db_index=False
    )
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    model = models.CharField(max_length=120)
    purpose = models.CharField(max_length=255)
    amount = models.DecimalField(max_digits=14, decimal_places=6)
    price = models.ForeignKey(
        ProviderPrice, on_delete=models.PROTECT, related_name="+", db_index=False, null=True
    )
    day = models.DateField()
    created_at = CreatedAtField()
    expires_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "usage_holds"

    def __str__(self) -> str:
        return f"{self.amount} for {self.purpose}"


class UsageEntry(models.Model):
    """One call in the ledger: written once, never changed (``keep_ledger()``)."""

    app_privileges: ClassVar[tuple[str, ...]] = ("SELECT",)

    id = KeyField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    model = models.CharField(max_length=120)
    purpose = models.CharField(max_length=255)
    price = models.ForeignKey(
        ProviderPrice, on_delete=models.PROTECT, related_name="+", db_index=False, null=True
    )
    input_tokens = models.BigIntegerField(default=0, db_default=0)
    cached_input_tokens = models.BigIntegerField(default=0, db_default=0)
    output_tokens = models.BigIntegerField(default=0, db_default=0)
    images = models.IntegerField(default=0, db_default=0)
    cost = models.DecimalField(max_digits=14, decimal_places=6)
    # Nobody knows what the call cost: all that was reserved is taken for spent.
    is_assumed = models.BooleanField(default=False, db_default=False)
    outcome = models.CharField(max_length=40, default="answered", db_default="answered")
    request_id = models.CharField(max_length=255, blank=True, default="", db_default="")
    duration_ms = models.IntegerField(null=True, blank=True)
    created_at = CreatedAtField()

    class Meta:
        db_table = "usage_ledger"
        verbose_name = "call to a provider"
        verbose_name_plural = "calls to providers"
        constraints = [
            models.CheckConstraint(
                name="usage_ledger_amounts_check",
                condition=models.Q(
                    input_tokens__gte=0,
                    cached_input_tokens__gte=0,
                    output_tokens__gte=0,
                    images__gte=0,
                    cost__gte=0,
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"call to {self.model}"


class UsageTracking(models.Model):
    """The ledger's totals of a day, kept by its trigger."""

    app_privileges: ClassVar[tuple[str, ...]] = ("SELECT",)

    id = KeyField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, related_name="+", db_index=False
    )
    provider = models.ForeignKey(
        Provider, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    model = models.CharField(max_length=120)
    usage_date = models.DateField()
    request_count = models.IntegerField(default=0, db_default=0)
    failure_count = models.IntegerField(default=0, db_default=0)
    input_tokens = models.BigIntegerField(default=0, db_default=0)
    cached_input_tokens = models.BigIntegerField(default=0, db_default=0)
    output_tokens = models.BigIntegerField(default=0, db_default=0)
    images = models.IntegerField(default=0, db_default=0)
    total_cost = models.DecimalField(max_digits=14, decimal_places=6, default=0, db_default=0)

    class Meta:
        db_table = "usage_tracking"
        verbose_name = "usage of a day"
        verbose_name_plural = "usage by day"
        constraints = [
            models.UniqueConstraint(
                name="usage_tracking_user_id_provider_id_model_usage_date_key",
                fields=["user", "provider", "model", "usage_date"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} on {self.usage_date}"
