"""The schedule, and the runs of recurring work."""

import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models

import database.fields


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0004_engine"),
    ]

    operations = [
        migrations.CreateModel(
            name="Recurrence",
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
                ("name", models.CharField(max_length=100, unique=True)),
                ("cron", models.CharField(max_length=255)),
                ("timezone", models.CharField(max_length=64, verbose_name="time zone")),
                (
                    "missed",
                    models.CharField(
                        choices=[
                            ("skip", "dropped"),
                            ("once", "made up for by one run"),
                            ("each", "each run, oldest first"),
                        ],
                        db_default="once",
                        default="once",
                        max_length=10,
                        verbose_name="missed ticks are",
                    ),
                ),
                ("tolerance_seconds", models.IntegerField(db_default=60, default=60)),
                (
                    "overlap",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="a run may begin while the one before it lasts",
                    ),
                ),
                ("max_retries", models.IntegerField(db_default=3, default=3)),
                ("time_limit_seconds", models.FloatField(blank=True, null=True)),
                ("description", models.TextField(blank=True, db_default="", default="")),
                ("declared", models.BooleanField(db_default=True, default=True)),
                ("paused_at", models.DateTimeField(blank=True, null=True)),
                (
                    "paused_by",
                    models.CharField(blank=True, db_default="", default="", max_length=255),
                ),
                ("pause_reason", models.TextField(blank=True, db_default="", default="")),
                ("next_at", models.DateTimeField(blank=True, null=True)),
                (
                    "last_at",
                    models.DateTimeField(
                        blank=True, null=True, verbose_name="tick of the last run"
                    ),
                ),
                ("last_job_id", models.UUIDField(blank=True, null=True)),
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
                "verbose_name": "schedule entry",
                "verbose_name_plural": "schedule",
                "db_table": "job_schedule",
                "indexes": [
                    models.Index(
                        condition=models.Q(("declared", True), ("paused_at", None)),
                        fields=["next_at"],
                        name="idx_job_schedule_due",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("missed__in", ["skip", "once", "each"])),
                        name="job_schedule_missed_check",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("max_retries__gte", 0),
                            ("tolerance_seconds__gte", 1),
                            models.Q(
                                ("time_limit_seconds", None),
                                ("time_limit_seconds__gt", 0),
                                _connector="OR",
                            ),
                        ),
                        name="job_schedule_numbers_check",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RecurringJob",
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
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "queued"),
                            ("processing", "processing"),
                            ("completed", "completed"),
                            ("failed", "failed"),
                            ("retrying", "retrying"),
                            ("cancelled", "cancelled"),
                        ],
                        db_default="queued",
                        default="queued",
                        max_length=20,
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("tick", models.DateTimeField()),
                ("time_limit_seconds", models.FloatField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "recurring run",
                "db_table": "recurring_jobs",
                "abstract": False,
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("priority__gte", 1), ("priority__lte", 10)),
                        name="recurringjob_priority_check",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("attempt__gte", 0),
                            ("max_retries__gte", 0),
                            ("progress_done__gte", 0),
                            ("retry_count__gte", 0),
                        ),
                        name="recurringjob_counts_check",
                    ),
                    models.UniqueConstraint(
                        fields=("name", "tick"), name="recurring_jobs_name_tick_key"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "queued",
                                    "processing",
                                    "completed",
                                    "failed",
                                    "retrying",
                                    "cancelled",
                                ],
                            )
                        ),
                        name="recurring_jobs_status_check",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("time_limit_seconds", None),
                            ("time_limit_seconds__gt", 0),
                            _connector="OR",
                        ),
                        name="recurring_jobs_time_limit_check",
                    ),
                ],
            },
        ),
    ]
