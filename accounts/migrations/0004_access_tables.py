"""What opens the door: sessions, tokens, second factors, invitations, keys; what roles may do."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import database.encryption.fields
import database.fields


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_audit_guards"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="failed_login_count",
            field=models.IntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="user",
            name="locked_until",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="user",
            name="lockout_count",
            field=models.IntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="user",
            name="password_changed_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.CreateModel(
            name="PasswordReset",
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
                ("token_hash", models.CharField(max_length=64, unique=True)),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="password_resets",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "password_resets",
            },
        ),
        migrations.CreateModel(
            name="RecoveryCode",
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
                ("code_hash", models.CharField(max_length=64, unique=True)),
                ("used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recovery_codes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "recovery_codes",
            },
        ),
        migrations.CreateModel(
            name="RolePermission",
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
                    "role",
                    models.CharField(
                        choices=[
                            ("admin", "admin"),
                            ("moderator", "moderator"),
                            ("analyst", "analyst"),
                            ("viewer", "viewer"),
                            ("api_user", "API user"),
                        ],
                        max_length=20,
                    ),
                ),
                ("permission", models.CharField(max_length=100)),
            ],
            options={
                "db_table": "role_permissions",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("role", "permission"), name="role_permissions_role_permission_key"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("role__in", ["admin", "moderator", "analyst", "viewer", "api_user"])
                        ),
                        name="role_permissions_role_check",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Session",
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
                    "kind",
                    models.CharField(
                        choices=[("browser", "browser"), ("api", "program")], max_length=10
                    ),
                ),
                (
                    "device_name",
                    models.CharField(blank=True, db_default="", default="", max_length=200),
                ),
                ("user_agent", models.TextField(blank=True, db_default="", default="")),
                (
                    "ip_address",
                    models.GenericIPAddressField(blank=True, null=True, verbose_name="address"),
                ),
                (
                    "has_second_factor",
                    models.BooleanField(
                        db_default=False, default=False, verbose_name="with a one-time code"
                    ),
                ),
                (
                    "browser_key_hash",
                    models.CharField(blank=True, max_length=64, null=True, unique=True),
                ),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                        verbose_name="logged in",
                    ),
                ),
                (
                    "last_used_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        verbose_name="last used",
                    ),
                ),
                ("expires_at", models.DateTimeField(verbose_name="ends at the latest")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended")),
                (
                    "end_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("logged_out", "logged out"),
                            ("revoked", "ended by the person"),
                            ("revoked_by_admin", "ended by an admin"),
                            ("token_reused", "a used token came again"),
                            ("password_changed", "the password was changed"),
                            ("role_changed", "the role was changed"),
                            ("deactivated", "the person was deactivated"),
                            ("factor_changed", "the second factor was changed"),
                            ("replaced", "a new log-in on the same device"),
                        ],
                        db_default="",
                        default="",
                        max_length=20,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "sessions",
            },
        ),
        migrations.CreateModel(
            name="RefreshToken",
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
                ("token_hash", models.CharField(max_length=255, unique=True)),
                ("expires_at", models.DateTimeField()),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                ("used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "successor",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="predecessor",
                        to="accounts.refreshtoken",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="refresh_tokens",
                        to="accounts.session",
                    ),
                ),
            ],
            options={
                "db_table": "refresh_tokens",
            },
        ),
        migrations.CreateModel(
            name="Throttle",
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
                ("scope", models.CharField(max_length=50)),
                ("subject", models.CharField(max_length=100)),
                (
                    "window_started_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                    ),
                ),
                ("requests", models.IntegerField(db_default=1, default=1)),
            ],
            options={
                "db_table": "throttles",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("scope", "subject"), name="throttles_scope_subject_key"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TotpDevice",
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
                ("secret", database.encryption.fields.EncryptedField()),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                ("last_step", models.BigIntegerField(db_default=0, default=0)),
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
                        related_name="totp_device",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "totp_devices",
            },
        ),
        migrations.CreateModel(
            name="ApiKey",
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
                ("name", models.CharField(max_length=255)),
                ("description", models.TextField(blank=True, db_default="", default="")),
                (
                    "prefix",
                    models.CharField(
                        blank=True, db_default="", default="", editable=False, max_length=20
                    ),
                ),
                ("key_hash", models.CharField(editable=False, max_length=255, unique=True)),
                (
                    "is_active",
                    models.BooleanField(db_default=True, default=True, verbose_name="active"),
                ),
                (
                    "scopes",
                    models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
                ),
                (
                    "ip_whitelist",
                    models.JSONField(
                        blank=True,
                        db_default=models.Value([], models.JSONField()),
                        default=list,
                        verbose_name="networks",
                    ),
                ),
                (
                    "rate_limit_per_minute",
                    models.IntegerField(
                        blank=True,
                        db_default=600,
                        default=600,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="requests a minute",
                    ),
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
                    "expires_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="valid until"),
                ),
                (
                    "last_used_at",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="last used"
                    ),
                ),
                (
                    "revoked_at",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="withdrawn"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_keys",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "db_table": "api_keys",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("rate_limit_per_minute__gte", 1)),
                        name="api_keys_rate_limit_check",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
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
                ("key", models.CharField(max_length=255)),
                ("method", models.CharField(max_length=10)),
                ("path", models.CharField(max_length=1000)),
                ("request_hash", models.CharField(max_length=64)),
                ("status", models.SmallIntegerField(blank=True, null=True)),
                ("response", models.JSONField(blank=True, null=True)),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "idempotency_keys",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "key"), name="idempotency_keys_user_id_key_key"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Invitation",
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
                ("email", models.EmailField(max_length=255, verbose_name="e-mail address")),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("admin", "admin"),
                            ("moderator", "moderator"),
                            ("analyst", "analyst"),
                            ("viewer", "viewer"),
                            ("api_user", "API user"),
                        ],
                        db_default="viewer",
                        default="viewer",
                        max_length=20,
                    ),
                ),
                ("code_hash", models.CharField(max_length=64, unique=True)),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                        verbose_name="invited",
                    ),
                ),
                ("expires_at", models.DateTimeField(verbose_name="valid until")),
                (
                    "accepted_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="accepted"),
                ),
                (
                    "revoked_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="withdrawn"),
                ),
                (
                    "accepted_by",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="accepted_invitation",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "invited_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="invitations",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "invitations",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("role__in", ["admin", "moderator", "analyst", "viewer", "api_user"])
                        ),
                        name="invitations_role_check",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "email__regex",
                                "^[^@[:space:]]+@[^@[:space:].]+(\\.[^@[:space:].]+)+$",
                            )
                        ),
                        name="invitations_email_format_check",
                        violation_error_message="This is not an e-mail address.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("accepted_at", None), ("revoked_at", None), _connector="OR"
                        ),
                        name="invitations_end_check",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="session",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["browser", "api"])), name="sessions_kind_check"
            ),
        ),
        migrations.AddConstraint(
            model_name="session",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("end_reason", ""), ("ended_at", None)),
                    models.Q(
                        (
                            "end_reason__in",
                            [
                                "logged_out",
                                "revoked",
                                "revoked_by_admin",
                                "token_reused",
                                "password_changed",
                                "role_changed",
                                "deactivated",
                                "factor_changed",
                                "replaced",
                            ],
                        ),
                        ("ended_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="sessions_end_check",
            ),
        ),
    ]
