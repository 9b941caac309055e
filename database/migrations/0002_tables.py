"""Settings of the running system, and the history of migrations."""

import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models

import database.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("database", "0001_functions"),
    ]

    operations = [
        migrations.CreateModel(
            name="SystemSetting",
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
                    "setting_key",
                    models.CharField(max_length=100, unique=True, verbose_name="setting"),
                ),
                ("setting_value", models.JSONField(verbose_name="value")),
                ("description", models.TextField(blank=True, db_default="", default="")),
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
                "verbose_name": "system setting",
                "db_table": "system_settings",
            },
        ),
        migrations.CreateModel(
            name="MigrationRun",
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
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "pending"),
                            ("running", "running"),
                            ("success", "success"),
                            ("failed", "failed"),
                            ("rolled_back", "rolled back"),
                        ],
                        db_default="pending",
                        default="pending",
                        max_length=20,
                    ),
                ),
                ("batch", models.IntegerField()),
                ("duration_ms", models.IntegerField(blank=True, null=True)),
                ("error_message", models.TextField(blank=True, null=True)),
                ("checksum", models.CharField(blank=True, max_length=64, null=True)),
                (
                    "started_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                    ),
                ),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "migration run",
                "db_table": "migrations_history",
                "indexes": [
                    models.Index(fields=["name", "-started_at"], name="idx_migrations_history_name")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                ["pending", "running", "success", "failed", "rolled_back"],
                            )
                        ),
                        name="migrations_history_status_check",
                    )
                ],
            },
        ),
    ]
