"""The tables that are partitioned by month."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import database.encryption.fields
import database.fields
from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [
        ("monitoring", "0001_tables"),
        ("database", "0005_partitions_in_dumps"),
    ]

    operations = [
        run_sql_files(
            __file__,
            state_operations=[
                migrations.CreateModel(
                    name="MonitorBlock",
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
                            "monitor_values",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=django.contrib.postgres.fields.ArrayField(
                                    base_field=models.FloatField(), size=None
                                ),
                                size=None,
                            ),
                        ),
                        (
                            "x_values",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.FloatField(), size=None
                            ),
                        ),
                        (
                            "y_values",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.FloatField(), size=None
                            ),
                        ),
                        ("metadata", models.JSONField(blank=True, null=True)),
                        ("process_order", models.IntegerField()),
                        (
                            "created_at",
                            database.fields.CreatedAtField(
                                db_default=django.db.models.functions.datetime.Now(),
                                default=django.utils.timezone.now,
                                editable=False,
                            ),
                        ),
                        ("analysis_id", models.UUIDField(blank=True, null=True)),
                        ("first_row", models.IntegerField(blank=True, null=True)),
                        ("row_count", models.IntegerField()),
                        (
                            "scores",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.FloatField(), null=True, size=None
                            ),
                        ),
                        (
                            "p_values",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.FloatField(), null=True, size=None
                            ),
                        ),
                        (
                            "severities",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.SmallIntegerField(), null=True, size=None
                            ),
                        ),
                        (
                            "off_map",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.BooleanField(), null=True, size=None
                            ),
                        ),
                        (
                            "dinsight",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.RESTRICT,
                                related_name="+",
                                to="monitoring.baselinemap",
                            ),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="owner",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "block of samples",
                        "verbose_name_plural": "blocks of samples",
                        "db_table": "monitor_data",
                    },
                ),
                migrations.CreateModel(
                    name="Anomaly",
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
                            "timestamp",
                            models.DateTimeField(
                                db_default=django.db.models.functions.datetime.Now(),
                                default=django.utils.timezone.now,
                            ),
                        ),
                        (
                            "severity",
                            models.CharField(
                                choices=[
                                    ("low", "low"),
                                    ("medium", "medium"),
                                    ("high", "high"),
                                    ("critical", "critical"),
                                ],
                                max_length=20,
                            ),
                        ),
                        ("distance", models.FloatField()),
                        ("threshold", models.FloatField()),
                        ("features", models.JSONField()),
                        ("metadata", models.JSONField(blank=True, null=True)),
                        ("acknowledged", models.BooleanField(db_default=False, default=False)),
                        ("acknowledged_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "created_at",
                            database.fields.CreatedAtField(
                                db_default=django.db.models.functions.datetime.Now(),
                                default=django.utils.timezone.now,
                                editable=False,
                            ),
                        ),
                        ("process_order", models.IntegerField(blank=True, null=True)),
                        ("file_row", models.IntegerField(blank=True, null=True)),
                        ("p_value", models.FloatField(blank=True, null=True)),
                        ("ratio", models.FloatField(blank=True, null=True)),
                        ("off_map", models.BooleanField(db_default=False, default=False)),
                        ("x", models.FloatField(blank=True, null=True)),
                        ("y", models.FloatField(blank=True, null=True)),
                        (
                            "acknowledged_by",
                            models.ForeignKey(
                                blank=True,
                                db_column="acknowledged_by",
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "analysis",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="anomalies",
                                to="monitoring.analysis",
                            ),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="owner",
                            ),
                        ),
                        (
                            "dataset",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="anomalies",
                                to="monitoring.dataset",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name_plural": "anomalies",
                        "db_table": "anomalies",
                    },
                ),
                migrations.CreateModel(
                    name="PerformanceMetric",
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
                        ("metric_name", models.CharField(max_length=255)),
                        (
                            "metric_type",
                            models.CharField(
                                choices=[
                                    ("duration", "duration"),
                                    ("rate", "rate"),
                                    ("count", "count"),
                                    ("gauge", "gauge"),
                                ],
                                max_length=50,
                            ),
                        ),
                        ("value", models.DecimalField(decimal_places=4, max_digits=15)),
                        (
                            "unit",
                            models.CharField(blank=True, db_default="", default="", max_length=50),
                        ),
                        (
                            "labels",
                            models.JSONField(
                                blank=True,
                                db_default=models.Value({}, models.JSONField()),
                                default=dict,
                            ),
                        ),
                        ("context", models.JSONField(blank=True, null=True)),
                        (
                            "recorded_at",
                            models.DateTimeField(
                                db_default=django.db.models.functions.datetime.Now(),
                                default=django.utils.timezone.now,
                            ),
                        ),
                        ("sample_count", models.IntegerField(db_default=1, default=1)),
                        (
                            "percentile_p50",
                            models.DecimalField(
                                blank=True, decimal_places=4, max_digits=15, null=True
                            ),
                        ),
                        (
                            "percentile_p95",
                            models.DecimalField(
                                blank=True, decimal_places=4, max_digits=15, null=True
                            ),
                        ),
                        (
                            "percentile_p99",
                            models.DecimalField(
                                blank=True, decimal_places=4, max_digits=15, null=True
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "measurement",
                        "db_table": "performance_metrics",
                    },
                ),
            ],
        )
    ]
