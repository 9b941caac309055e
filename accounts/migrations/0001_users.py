"""People, from the very first migration."""

import django.db.models.functions.datetime
import django.db.models.functions.text
import django.utils.timezone
from django.db import migrations, models

import database.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [("database", "0001_functions")]

    operations = [
        migrations.CreateModel(
            name="User",
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
                    "email",
                    models.EmailField(max_length=255, unique=True, verbose_name="e-mail address"),
                ),
                (
                    "password",
                    models.CharField(db_column="password_hash", db_default="", max_length=255),
                ),
                (
                    "full_name",
                    models.CharField(blank=True, db_default="", default="", max_length=255),
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
                        db_default="viewer",
                        default="viewer",
                        max_length=20,
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(db_default=True, default=True, verbose_name="active"),
                ),
                (
                    "is_email_verified",
                    models.BooleanField(
                        db_default=False, default=False, verbose_name="e-mail verified"
                    ),
                ),
                (
                    "last_login_at",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="last login"
                    ),
                ),
                (
                    "metadata",
                    models.JSONField(
                        blank=True, db_default=models.Value({}, models.JSONField()), default=dict
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
            ],
            options={
                "verbose_name": "person",
                "verbose_name_plural": "people",
                "db_table": "users",
                "constraints": [
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("email"),
                        name="users_email_lower_key",
                        violation_error_message="Somebody with this e-mail address exists already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "email__regex",
                                "^[^@[:space:]]+@[^@[:space:].]+(\\.[^@[:space:].]+)+$",
                            )
                        ),
                        name="users_email_format_check",
                        violation_error_message="This is not an e-mail address.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("role__in", ["admin", "moderator", "analyst", "viewer", "api_user"])
                        ),
                        name="users_role_check",
                    ),
                ],
            },
        ),
    ]
