"""The table of the coroutine jobs, and its queue."""

import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models

import database.fields


class Migration(migrations.Migration):
    dependencies = [
        ("queueapp", "0003_turns"),
    ]

    operations = [
        migrations.CreateModel(
            name="Telegram",
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
                    "priority",
                    models.IntegerField(
                        db_default=5, default=5, help_text="1 to 10; 10 goes first"
                    ),
                ),
                ("retry_count", models.IntegerField(db_default=0, default=0, editable=False)),
                ("max_retries", models.IntegerField(db_default=3, default=3)),
                ("error_message", models.TextField(blank=True, editable=False, null=True)),
                ("last_error_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                ("started_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("completed_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "estimated_completion_at",
                    models.DateTimeField(blank=True, editable=False, null=True),
                ),
                (
                    "worker_id",
                    models.CharField(blank=True, editable=False, max_length=255, null=True),
                ),
                ("attempt", models.IntegerField(db_default=0, default=0, editable=False)),
                (
                    "available_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="not before"),
                ),
                (
                    "expires_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="not after"),
                ),
                ("deadline_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("turn", models.BigIntegerField(editable=False, null=True)),
                (
                    "cancel_requested",
                    models.BooleanField(db_default=False, default=False, editable=False),
                ),
                (
                    "unique_key",
                    models.CharField(blank=True, editable=False, max_length=255, null=True),
                ),
                ("progress_done", models.IntegerField(db_default=0, default=0, editable=False)),
                ("progress_total", models.IntegerField(blank=True, editable=False, null=True)),
                (
                    "progress_message",
                    models.TextField(blank=True, db_default="", default="", editable=False),
                ),
                ("status", models.CharField(db_default="queued", default="queued", max_length=20)),
                (
                    "payload",
                    models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
                ),
                ("user_id", models.UUIDField(null=True)),
            ],
            options={
                "db_table": "test_telegrams",
                "abstract": False,
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("priority__gte", 1), ("priority__lte", 10)),
                        name="telegram_priority_check",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("attempt__gte", 0),
                            ("max_retries__gte", 0),
                            ("progress_done__gte", 0),
                            ("retry_count__gte", 0),
                        ),
                        name="telegram_counts_check",
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            "SELECT install_queue('test_telegrams', 'queued', 'processing', 'retrying')",
            "SELECT uninstall_queue('test_telegrams')",
        ),
    ]
