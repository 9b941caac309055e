"""The switches of queues, their lines, unfinished attempts, and statistics."""

import django.contrib.postgres.fields
import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models

import database.fields


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0002_queues"),
    ]

    operations = [
        migrations.AddField(
            model_name="worker",
            name="busy",
            field=models.IntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="worker",
            name="listens",
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.CreateModel(
            name="Attempt",
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
                ("table_name", models.CharField(max_length=63)),
                ("job_id", models.UUIDField()),
                ("attempt", models.IntegerField()),
                ("worker_id", models.CharField(max_length=255, null=True)),
                ("started_at", models.DateTimeField(null=True)),
                (
                    "ended_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("failed", "failed"),
                            ("gave_up", "gave up"),
                            ("lost", "lost"),
                            ("released", "released"),
                            ("cancelled", "cancelled"),
                        ],
                        max_length=20,
                    ),
                ),
                ("error_message", models.TextField(null=True)),
            ],
            options={
                "db_table": "job_attempts",
                "indexes": [models.Index(fields=["job_id"], name="idx_job_attempts_job_id")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("outcome__in", ["failed", "gave_up", "lost", "released", "cancelled"])
                        ),
                        name="job_attempts_outcome_check",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Line",
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
                ("table_name", models.CharField(max_length=63)),
                ("priority", models.IntegerField()),
                ("turn", models.BigIntegerField(db_default=0, default=0)),
            ],
            options={
                "db_table": "job_lines",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("table_name", "priority"), name="job_lines_table_name_priority_key"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Queue",
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
                ("table_name", models.CharField(max_length=63, unique=True)),
                ("paused_at", models.DateTimeField(blank=True, null=True)),
                (
                    "paused_by",
                    models.CharField(blank=True, db_default="", default="", max_length=255),
                ),
                ("pause_reason", models.TextField(blank=True, db_default="", default="")),
                (
                    "rate_limit",
                    models.IntegerField(blank=True, null=True, verbose_name="jobs at most"),
                ),
                (
                    "rate_seconds",
                    models.IntegerField(db_default=60, default=60, verbose_name="in seconds"),
                ),
                ("tokens", models.FloatField(editable=False, null=True)),
                ("tokens_at", models.DateTimeField(editable=False, null=True)),
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
                "db_table": "job_queues",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("rate_limit", None), ("rate_limit__gte", 1), _connector="OR"
                        ),
                        name="job_queues_rate_check",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("rate_seconds__gte", 1), ("rate_seconds__lte", 86400)),
                        name="job_queues_rate_seconds_check",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Statistic",
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
                ("table_name", models.CharField(max_length=63)),
                ("minute", models.DateTimeField(null=True)),
                ("done", models.BigIntegerField(db_default=0, default=0)),
                ("failed", models.BigIntegerField(db_default=0, default=0)),
                ("retried", models.BigIntegerField(db_default=0, default=0)),
                ("cancelled", models.BigIntegerField(db_default=0, default=0)),
                ("wait_seconds", models.FloatField(db_default=0.0, default=0.0)),
                ("run_seconds", models.FloatField(db_default=0.0, default=0.0)),
                (
                    "waits",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), size=None
                    ),
                ),
                (
                    "runs",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), size=None
                    ),
                ),
            ],
            options={
                "db_table": "job_statistics",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("table_name", "minute"),
                        name="job_statistics_table_name_minute_key",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
    ]
