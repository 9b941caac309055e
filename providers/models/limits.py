"""How much people may spend, and who was told when it became much."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from database.fields import CreatedAtField, KeyField, UpdatedAtField


class UserQuota(models.Model):
    """A person's limits for a day and a month (UTC); null is the default of the settings."""

    audit_noun: ClassVar[str] = "user_quota"

    id = KeyField()
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="quota"
    )
    daily_cost_limit = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    monthly_cost_limit = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    daily_request_limit = models.IntegerField(null=True, blank=True)
    monthly_request_limit = models.IntegerField(null=True, blank=True)
    created_at = CreatedAtField()
    updated_at = UpdatedAtField()

    class Meta:
        db_table = "user_quotas"
        verbose_name = "quota"
        constraints = [
            models.CheckConstraint(
                name="user_quotas_limits_check",
                violation_error_message="A limit is 0 or more, or empty for the default.",
                condition=models.Q(
                    models.Q(daily_cost_limit__isnull=True) | models.Q(daily_cost_limit__gte=0),
                    models.Q(monthly_cost_limit__isnull=True) | models.Q(monthly_cost_limit__gte=0),
                    models.Q(daily_request_limit__isnull=True)
                    | models.Q(daily_request_limit__gte=0),
                    models.Q(monthly_request_limit__isnull=True)
                    | models.Q(monthly_request_limit__gte=0),
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"quota of {self.user}"


class Period(models.TextChoices):
    """Of what a quota is."""

    DAY = "day", "day"
    MONTH = "month", "month"


class QuotaCounter(models.Model):
    """What a person has spent and holds in one day or month; moved by ``reserve_usage()``."""

    app_privileges: ClassVar[tuple[str, ...]] = ("SELECT",)

    id = KeyField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, related_name="+", db_index=False
    )
    period = models.CharField(max_length=10, choices=Period.choices)
    starts_on = models.DateField()
    spent = models.DecimalField(max_digits=14, decimal_places=6, default=0, db_default=0)
    held = models.DecimalField(max_digits=14, decimal_places=6, default=0, db_default=0)
    requests = models.IntegerField(default=0, db_default=0)
    # The limit that held at the last reservation; alerts are measured by it.
    cost_limit = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)

    class Meta:
        db_table = "quota_counters"
        constraints = [
            models.UniqueConstraint(
                name="quota_counters_user_id_period_starts_on_key",
                fields=["user", "period", "starts_on"],
            ),
            models.CheckConstraint(
                name="quota_counters_amounts_check",
                condition=models.Q(spent__gte=0, held__gte=0, requests__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.period} from {self.starts_on}"


class CostAlert(models.Model):
    """Somebody was told, once in a period, that so many per cent of a limit are spent."""

    app_privileges: ClassVar[tuple[str, ...]] = ("SELECT", "UPDATE")
    audit_noun: ClassVar[str] = "cost_alert"

    id = KeyField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, related_name="+", db_index=False
    )
    period = models.CharField(max_length=10, choices=Period.choices)
    starts_on = models.DateField()
    threshold_percent = models.IntegerField()
    limit_amount = models.DecimalField(max_digits=14, decimal_places=6)
    spent_amount = models.DecimalField(max_digits=14, decimal_places=6)
    # What the period will have cost at its end, if it goes on like this.
    forecast_amount = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    created_at = CreatedAtField()
    mailed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "cost_alerts"
        verbose_name = "cost alert"
        constraints = [
            models.UniqueConstraint(
                name="cost_alerts_user_id_period_starts_on_threshold_percent_key",
                fields=["user", "period", "starts_on", "threshold_percent"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.threshold_percent} % of a {self.period}'s limit"
