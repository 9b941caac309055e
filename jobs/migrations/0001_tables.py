"""The table of workers."""

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
            name="Worker",
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
                ("name", models.CharField(max_length=255, unique=True)),
                ("hostname", models.CharField(max_length=255)),
                ("pid", models.IntegerField(verbose_name="process id")),
                (
                    "queues",
                    models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
                ),
                ("concurrency", models.IntegerField(db_default=1, default=1)),
                (
                    "started_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                    ),
                ),
                (
                    "last_seen_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                    ),
                ),
                ("stopped_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "job_workers",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("concurrency__gte", 1)),
                        name="job_workers_concurrency_check",
                    )
                ],
            },
        ),
    ]
