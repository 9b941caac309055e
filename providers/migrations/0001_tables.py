"""Providers, keys, health, prices, quotas, usage."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import database.encryption.fields
import database.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Provider",
            fields=[
                (
                    "id",
                    database.fields.KeyField(
                        db_default=database.fields.NewKey(),
                        default=database.fields.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=40, unique=True)),
                ("display_name", models.CharField(max_length=120)),
                (
                    "is_enabled",
                    models.BooleanField(db_default=True, default=True, verbose_name="enabled"),
                ),
                ("default_model", models.CharField(max_length=120)),
                (
                    "base_url",
                    models.CharField(blank=True, db_default="", default="", max_length=500),
                ),
                (
                    "timeout_seconds",
                    models.IntegerField(
                        db_default=60,
                        default=60,
                        help_text="Seconds for one whole call.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(600),
                        ],
                        verbose_name="time-out",
                    ),
                ),
                ("rank", models.IntegerField(db_default=100, default=100)),
                ("needs_key", models.BooleanField(db_default=True, default=True, editable=False)),
                ("api_key", database.encryption.fields.EncryptedField(null=True)),
                (
                    "key_hint",
                    models.CharField(
                        blank=True, db_default="", default="", editable=False, max_length=4
                    ),
                ),
                ("key_tested_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "key_error",
                    models.TextField(blank=True, db_default="", default="", editable=False),
                ),
                (
                    "breaker_state",
                    models.CharField(
                        choices=[
                            ("closed", "asked"),
                            ("open", "not asked"),
                            ("half_open", "tried once"),
                        ],
                        db_default="closed",
                        default="closed",
                        editable=False,
                        max_length=20,
                    ),
                ),
                ("breaker_failures", models.IntegerField(db_default=0, default=0, editable=False)),
                ("breaker_opened_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("breaker_until", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "updated_at",
                    database.fields.UpdatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
            ],
            options={
                "db_table": "providers",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("breaker_state__in", ["closed", "open", "half_open"])),
                        name="providers_breaker_state_check",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("timeout_seconds__gte", 1), ("timeout_seconds__lte", 600)
                        ),
                        name="providers_timeout_seconds_check",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ProviderPrice",
            fields=[
                (
                    "id",
                    database.fields.KeyField(
                        db_default=database.fields.NewKey(),
                        default=database.fields.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("model", models.CharField(max_length=120)),
                ("valid_from", models.DateField()),
                ("input_per_million", models.DecimalField(decimal_places=6, max_digits=14)),
                (
                    "cached_input_per_million",
                    models.DecimalField(blank=True, decimal_places=6, max_digits=14, null=True),
                ),
                ("output_per_million", models.DecimalField(decimal_places=6, max_digits=14)),
                (
                    "per_image",
                    models.DecimalField(db_default=0, decimal_places=6, default=0, max_digits=14),
                ),
                ("source", models.CharField(blank=True, db_default="", default="", max_length=120)),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "provider",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="prices",
                        to="providers.provider",
                    ),
                ),
            ],
            options={
                "verbose_name": "price",
                "db_table": "provider_prices",
            },
        ),
        migrations.CreateModel(
            name="QuotaCounter",
            fields=[
                (
                    "id",
                    database.fields.KeyField(
                        db_default=database.fields.NewKey(),
                        default=database.fields.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "period",
                    models.CharField(choices=[("day", "day"), ("month", "month")], max_length=10),
                ),
                ("starts_on", models.DateField()),
                (
                    "spent",
                    models.DecimalField(db_default=0, decimal_places=6, default=0, max_digits=14),
                ),
                (
                    "held",
                    models.DecimalField(db_default=0, decimal_places=6, default=0, max_digits=14),
                ),
                ("requests", models.IntegerField(db_default=0, default=0)),
                (
                    "cost_limit",
                    models.DecimalField(blank=True, decimal_places=6, max_digits=14, null=True),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "quota_counters",
            },
        ),
        migrations.CreateModel(
            name="UsageEntry",
            fields=[
                (
                    "id",
                    database.fields.KeyField(
                        db_default=database.fields.NewKey(),
                        default=database.fields.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("model", models.CharField(max_length=120)),
                ("purpose", models.CharField(max_length=255)),
                ("input_tokens", models.BigIntegerField(db_default=0, default=0)),
                ("cached_input_tokens", models.BigIntegerField(db_default=0, default=0)),
                ("output_tokens", models.BigIntegerField(db_default=0, default=0)),
                ("images", models.IntegerField(db_default=0, default=0)),
                ("cost", models.DecimalField(decimal_places=6, max_digits=14)),
                ("is_assumed", models.BooleanField(db_default=False, default=False)),
                (
                    "outcome",
                    models.CharField(db_default="answered", default="answered", max_length=40),
                ),
                (
                    "request_id",
                    models.CharField(blank=True, db_default="", default="", max_length=255),
                ),
                ("duration_ms", models.IntegerField(blank=True, null=True)),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "price",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="providers.providerprice",
                    ),
                ),
                (
                    "provider",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="providers.provider",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "call to a provider",
                "verbose_name_plural": "calls to providers",
                "db_table": "usage_ledger",
            },
        ),
        migrations.CreateModel(
            name="UsageHold",
            fields=[
                (
                    "id",
                    database.fields.KeyField(
                        db_default=database.fields.NewKey(),
                        default=database.fields.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("model", models.CharField(max_length=120)),
                ("purpose", models.CharField(max_length=255)),
                ("amount", models.DecimalField(decimal_places=6, max_digits=14)),
                ("day", models.DateField()),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                ("expires_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "price",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="providers.providerprice",
                    ),
                ),
                (
                    "provider",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="providers.provider",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "usage_holds",
            },
        ),
        migrations.CreateModel(
            name="UsageTracking",
            fields=[
                (
                    "id",
                    database.fields.KeyField(
                        db_default=database.fields.NewKey(),
                        default=database.fields.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("model", models.CharField(max_length=120)),
                ("usage_date", models.DateField()),
                ("request_count", models.IntegerField(db_default=0, default=0)),
                ("failure_count", models.IntegerField(db_default=0, default=0)),
                ("input_tokens", models.BigIntegerField(db_default=0, default=0)),
                ("cached_input_tokens", models.BigIntegerField(db_default=0, default=0)),
                ("output_tokens", models.BigIntegerField(db_default=0, default=0)),
                ("images", models.IntegerField(db_default=0, default=0)),
                (
                    "total_cost",
                    models.DecimalField(db_default=0, decimal_places=6, default=0, max_digits=14),
                ),
                (
                    "provider",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="providers.provider",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "usage of a day",
                "verbose_name_plural": "usage by day",
                "db_table": "usage_tracking",
            },
        ),
        migrations.CreateModel(
            name="UserProvider",
            fields=[
                (
                    "id",
                    database.fields.KeyField(
                        db_default=database.fields.NewKey(),
                        default=database.fields.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("api_key", database.encryption.fields.EncryptedField(null=True)),
                (
                    "key_hint",
                    models.CharField(
                        blank=True, db_default="", default="", editable=False, max_length=4
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(db_default=True, default=True, verbose_name="active"),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("untested", "not tested"),
                            ("works", "works"),
                            ("refused", "refused by the provider"),
                            ("unreadable", "to be entered again"),
                        ],
                        db_default="untested",
                        default="untested",
                        editable=False,
                        max_length=20,
                    ),
                ),
                ("tested_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "error_message",
                    models.TextField(blank=True, db_default="", default="", editable=False),
                ),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "updated_at",
                    database.fields.UpdatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "provider",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="user_keys",
                        to="providers.provider",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="provider_keys",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "key at a provider",
                "verbose_name_plural": "keys at providers",
                "db_table": "user_providers",
            },
        ),
        migrations.CreateModel(
            name="UserQuota",
            fields=[
                (
                    "id",
                    database.fields.KeyField(
                        db_default=database.fields.NewKey(),
                        default=database.fields.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "daily_cost_limit",
                    models.DecimalField(blank=True, decimal_places=6, max_digits=14, null=True),
                ),
                (
                    "monthly_cost_limit",
                    models.DecimalField(blank=True, decimal_places=6, max_digits=14, null=True),
                ),
                ("daily_request_limit", models.IntegerField(blank=True, null=True)),
                ("monthly_request_limit", models.IntegerField(blank=True, null=True)),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "updated_at",
                    database.fields.UpdatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="quota",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "quota",
                "db_table": "user_quotas",
            },
        ),
        migrations.CreateModel(
            name="CostAlert",
            fields=[
                (
                    "id",
                    database.fields.KeyField(
                        db_default=database.fields.NewKey(),
                        default=database.fields.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "period",
                    models.CharField(choices=[("day", "day"), ("month", "month")], max_length=10),
                ),
                ("starts_on", models.DateField()),
                ("threshold_percent", models.IntegerField()),
                ("limit_amount", models.DecimalField(decimal_places=6, max_digits=14)),
                ("spent_amount", models.DecimalField(decimal_places=6, max_digits=14)),
                (
                    "forecast_amount",
                    models.DecimalField(blank=True, decimal_places=6, max_digits=14, null=True),
                ),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                ("mailed_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "cost alert",
                "db_table": "cost_alerts",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "period", "starts_on", "threshold_percent"),
                        name="cost_alerts_user_id_period_starts_on_threshold_percent_key",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ProviderHealth",
            fields=[
                (
                    "id",
                    database.fields.KeyField(
                        db_default=database.fields.NewKey(),
                        default=database.fields.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("healthy", "healthy"),
                            ("degraded", "slow"),
                            ("down", "down"),
                            ("key_refused", "key refused"),
                        ],
                        max_length=20,
                    ),
                ),
                ("response_time_ms", models.IntegerField(blank=True, null=True)),
                ("error_message", models.TextField(blank=True, db_default="", default="")),
                (
                    "checked_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "provider",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="checks",
                        to="providers.provider",
                    ),
                ),
            ],
            options={
                "verbose_name": "check of a provider",
                "verbose_name_plural": "checks of providers",
                "db_table": "provider_health",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["healthy", "degraded", "down", "key_refused"])
                        ),
                        name="provider_health_status_check",
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="providerprice",
            constraint=models.UniqueConstraint(
                fields=("provider", "model", "valid_from"),
                name="provider_prices_provider_id_model_valid_from_key",
            ),
        ),
        migrations.AddConstraint(
            model_name="providerprice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("input_per_million__gte", 0),
                    ("output_per_million__gte", 0),
                    ("per_image__gte", 0),
                    models.Q(
                        ("cached_input_per_million__isnull", True),
                        ("cached_input_per_million__gte", 0),
                        _connector="OR",
                    ),
                ),
                name="provider_prices_amounts_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="quotacounter",
            constraint=models.UniqueConstraint(
                fields=("user", "period", "starts_on"),
                name="quota_counters_user_id_period_starts_on_key",
            ),
        ),
        migrations.AddConstraint(
            model_name="quotacounter",
            constraint=models.CheckConstraint(
                condition=models.Q(("held__gte", 0), ("requests__gte", 0), ("spent__gte", 0)),
                name="quota_counters_amounts_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="usageentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("cached_input_tokens__gte", 0),
                    ("cost__gte", 0),
                    ("images__gte", 0),
                    ("input_tokens__gte", 0),
                    ("output_tokens__gte", 0),
                ),
                name="usage_ledger_amounts_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="usagetracking",
            constraint=models.UniqueConstraint(
                fields=("user", "provider", "model", "usage_date"),
                name="usage_tracking_user_id_provider_id_model_usage_date_key",
            ),
        ),
        migrations.AddConstraint(
            model_name="userprovider",
            constraint=models.UniqueConstraint(
                fields=("user", "provider"), name="user_providers_user_id_provider_id_key"
            ),
        ),
        migrations.AddConstraint(
            model_name="userprovider",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["untested", "works", "refused", "unreadable"])),
                name="user_providers_status_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="userquota",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("daily_cost_limit__isnull", True),
                        ("daily_cost_limit__gte", 0),
                        _connector="OR",
                    ),
                    models.Q(
                        ("monthly_cost_limit__isnull", True),
                        ("monthly_cost_limit__gte", 0),
                        _connector="OR",
                    ),
                    models.Q(
                        ("daily_request_limit__isnull", True),
                        ("daily_request_limit__gte", 0),
                        _connector="OR",
                    ),
                    models.Q(
                        ("monthly_request_limit__isnull", True),
                        ("monthly_request_limit__gte", 0),
                        _connector="OR",
                    ),
                ),
                name="user_quotas_limits_check",
                violation_error_message="A limit is 0 or more, or empty for the default.",
            ),
        ),
    ]
