"""The tables of monitoring but those that are partitioned by month."""

import django.contrib.postgres.fields
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
        ("accounts", "0001_users"),
        ("database", "0004_row_security"),
        ("ingestion", "0001_tables"),
    ]

    operations = [
        migrations.CreateModel(
            name="MapConfig",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("gamma0", models.FloatField(db_default=1e-07, default=1e-07)),
                (
                    "optimizer",
                    models.CharField(
                        choices=[("adam", "adam"), ("sgd", "sgd")],
                        db_default="adam",
                        default="adam",
                        max_length=50,
                    ),
                ),
                ("alpha", models.FloatField(db_default=0.1, default=0.1)),
                (
                    "end_meta",
                    models.CharField(
                        db_default="participant", default="participant", max_length=255
                    ),
                ),
                ("start_dim", models.CharField(db_default="f_0", default="f_0", max_length=255)),
                (
                    "end_dim",
                    models.CharField(db_default="f_1023", default="f_1023", max_length=255),
                ),
                ("imax", models.IntegerField(db_default=1000, default=1000)),
                ("lowdim", models.IntegerField(db_default=2, default=2)),
                ("eta", models.FloatField(db_default=0.5, default=0.5)),
                ("epsilon", models.FloatField(db_default=1e-08, default=1e-08)),
                ("beta1", models.FloatField(db_default=0.9, default=0.9)),
                ("beta2", models.FloatField(db_default=0.999, default=0.999)),
                ("beta", models.FloatField(db_default=0.5, default=0.5)),
                ("a", models.FloatField(db_default=0.8, default=0.8)),
                ("w1", models.FloatField(db_default=0.04, default=0.04)),
                ("w2", models.FloatField(db_default=1.0, default=1.0)),
                (
                    "which_w1",
                    models.CharField(
                        choices=[("auto", "auto"), ("fixed", "fixed"), ("anneal", "anneal")],
                        db_default="auto",
                        default="auto",
                        max_length=50,
                    ),
                ),
                (
                    "mode",
                    models.CharField(
                        choices=[("kanadaSan", "kanadaSan"), ("pca", "pca")],
                        db_default="kanadaSan",
                        default="kanadaSan",
                        max_length=50,
                    ),
                ),
                ("param_mode", models.FloatField(db_default=0.3, default=0.3)),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "feature_scaling",
                    models.CharField(
                        choices=[("none", "none"), ("zscore", "zscore"), ("robust", "robust")],
                        db_default="zscore",
                        default="zscore",
                        max_length=50,
                    ),
                ),
                (
                    "objective",
                    models.CharField(
                        choices=[("similarity", "similarity"), ("stress", "stress")],
                        db_default="similarity",
                        default="similarity",
                        max_length=50,
                    ),
                ),
                ("seed", models.BigIntegerField(db_default=0, default=0)),
                (
                    "score",
                    models.CharField(
                        choices=[
                            ("feature_knn", "feature_knn"),
                            ("feature_mahalanobis", "feature_mahalanobis"),
                            ("map_mahalanobis", "map_mahalanobis"),
                        ],
                        db_default="feature_knn",
                        default="feature_knn",
                        max_length=50,
                    ),
                ),
                ("alarm_level", models.FloatField(db_default=0.01, default=0.01)),
                (
                    "group_column",
                    models.CharField(blank=True, db_default="", default="", max_length=255),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        db_column="created_by",
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "parameters of maps",
                "verbose_name_plural": "parameters of maps",
                "db_table": "config_data",
            },
        ),
        migrations.CreateModel(
            name="Dataset",
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
                ("description", models.TextField(blank=True, null=True)),
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), blank=True, null=True, size=None
                    ),
                ),
                (
                    "metadata",
                    models.JSONField(
                        blank=True, db_default=models.Value({}, models.JSONField()), default=dict
                    ),
                ),
                ("sealed_metadata", database.encryption.fields.EncryptedJSONField(null=True)),
                (
                    "is_active",
                    models.BooleanField(db_default=True, default=True, verbose_name="active"),
                ),
                ("last_analysis_at", models.DateTimeField(blank=True, editable=False, null=True)),
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
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="datasets",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
            ],
            options={
                "db_table": "datasets",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("name__regex", "^\\s*$"), _negated=True),
                        name="datasets_name_check",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="BaselineMap",
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
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                ("baseline", models.BinaryField(null=True)),
                ("baseline_sha256", models.CharField(max_length=64, null=True)),
                ("detector", models.BinaryField(null=True)),
                ("detector_sha256", models.CharField(max_length=64, null=True)),
                ("version", models.CharField(db_default="map-1", default="map-1", max_length=50)),
                ("row_count", models.IntegerField(verbose_name="rows")),
                ("anchor_count", models.IntegerField(null=True, verbose_name="anchors")),
                (
                    "features",
                    models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
                ),
                (
                    "constant",
                    models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
                ),
                (
                    "dialect",
                    models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
                ),
                ("cost", models.FloatField(null=True)),
                ("iterations", models.IntegerField(null=True, verbose_name="steps")),
                ("stop_reason", models.CharField(max_length=50, null=True)),
                ("stress", models.FloatField(null=True)),
                ("trustworthiness", models.FloatField(null=True)),
                ("correlation", models.FloatField(null=True)),
                ("quality_rows", models.IntegerField(null=True)),
                ("calibrated", models.CharField(max_length=20, null=True)),
                ("calibration_count", models.IntegerField(null=True)),
                (
                    "warnings",
                    models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
                ),
                (
                    "file_upload",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="maps",
                        to="ingestion.fileupload",
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
                    "config",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="maps",
                        to="monitoring.mapconfig",
                    ),
                ),
            ],
            options={
                "verbose_name": "map",
                "db_table": "dinsight_data",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("row_count__gte", 0),
                            models.Q(
                                ("anchor_count__isnull", True),
                                models.Q(
                                    ("anchor_count__gte", 3),
                                    ("anchor_count__lte", models.F("row_count")),
                                    ("calibration_count__gte", 1),
                                    ("iterations__gte", 0),
                                ),
                                _connector="OR",
                            ),
                        ),
                        name="dinsight_data_counts_check",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Analysis",
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
                    "analysis_type",
                    models.CharField(
                        choices=[("fit", "make a map"), ("place", "place samples")], max_length=50
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "pending"),
                            ("processing", "processing"),
                            ("completed", "completed"),
                            ("failed", "failed"),
                            ("cancelled", "cancelled"),
                        ],
                        db_default="pending",
                        default="pending",
                        max_length=50,
                    ),
                ),
                ("results", models.JSONField(blank=True, editable=False, null=True)),
                ("alarm_level", models.FloatField(blank=True, null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        db_column="created_by",
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="asked for by",
                    ),
                ),
                (
                    "file_upload",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="analyses",
                        to="ingestion.fileupload",
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
                    "dinsight",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="analyses",
                        to="monitoring.baselinemap",
                        verbose_name="map",
                    ),
                ),
                (
                    "dataset",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="analyses",
                        to="monitoring.dataset",
                    ),
                ),
                (
                    "config",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="+",
                        to="monitoring.mapconfig",
                        verbose_name="parameters",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "analyses",
                "db_table": "analyses",
                "abstract": False,
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("priority__gte", 1), ("priority__lte", 10)),
                        name="analysis_priority_check",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("attempt__gte", 0),
                            ("max_retries__gte", 0),
                            ("progress_done__gte", 0),
                            ("retry_count__gte", 0),
                        ),
                        name="analysis_counts_check",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                ["pending", "processing", "completed", "failed", "cancelled"],
                            )
                        ),
                        name="analyses_status_check",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("analysis_type__in", ["fit", "place"])),
                        name="analyses_analysis_type_check",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "completed"), _negated=True),
                            models.Q(("dinsight__isnull", False), ("results__isnull", False)),
                            _connector="OR",
                        ),
                        name="analyses_completed_check",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("alarm_level__isnull", True),
                            models.Q(("alarm_level__gt", 0), ("alarm_level__lt", 1)),
                            _connector="OR",
                        ),
                        name="analyses_alarm_level_check",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="FeatureBlock",
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
                    "feature_values",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=django.contrib.postgres.fields.ArrayField(
                            base_field=models.FloatField(), size=None
                        ),
                        size=None,
                    ),
                ),
                ("metadata", models.JSONField(blank=True, null=True)),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                ("source_key", models.CharField(db_default="", default="", max_length=64)),
                ("row_start", models.IntegerField()),
                ("row_count", models.IntegerField()),
                (
                    "file_upload",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="ingestion.fileupload",
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
                "verbose_name": "block of features",
                "verbose_name_plural": "blocks of features",
                "db_table": "feature_data",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("row_count__gte", 1), ("row_start__gte", 1)),
                        name="feature_data_rows_check",
                    ),
                    models.UniqueConstraint(
                        fields=("file_upload", "source_key", "row_start"),
                        name="feature_data_file_source_row_key",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PackedBlock",
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
                ("analysis_id", models.UUIDField(blank=True, null=True)),
                ("process_order", models.IntegerField()),
                ("first_row", models.IntegerField(blank=True, null=True)),
                ("row_count", models.IntegerField()),
                ("metadata", models.JSONField(blank=True, null=True)),
                ("created_at", models.DateTimeField()),
                (
                    "packed_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "x_micros",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.IntegerField(), size=None
                    ),
                ),
                (
                    "y_micros",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.IntegerField(), size=None
                    ),
                ),
                (
                    "scores",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(), null=True, size=None
                    ),
                ),
                (
                    "ranks",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.IntegerField(), null=True, size=None
                    ),
                ),
                ("rank_of", models.IntegerField(null=True)),
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
                    "kinds",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.SmallIntegerField(), size=None
                    ),
                ),
                (
                    "slots",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.IntegerField(), size=None
                    ),
                ),
                (
                    "exponents",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.SmallIntegerField(), size=None
                    ),
                ),
                (
                    "bases",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), size=None
                    ),
                ),
                (
                    "shorts",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=django.contrib.postgres.fields.ArrayField(
                            base_field=models.SmallIntegerField(), size=None
                        ),
                        size=None,
                    ),
                ),
                (
                    "wholes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=django.contrib.postgres.fields.ArrayField(
                            base_field=models.IntegerField(), size=None
                        ),
                        size=None,
                    ),
                ),
                (
                    "floats",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=django.contrib.postgres.fields.ArrayField(
                            base_field=models.FloatField(), size=None
                        ),
                        size=None,
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
                "verbose_name": "packed block of samples",
                "verbose_name_plural": "packed blocks of samples",
                "db_table": "monitor_data_archive",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("dinsight", "process_order"),
                        name="monitor_data_archive_dinsight_id_process_order_key",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AnalysisArchive",
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
                ("file_path", models.CharField(max_length=500, unique=True)),
                ("sha256", models.CharField(max_length=64)),
                ("file_size", models.BigIntegerField()),
                ("analysis_count", models.IntegerField()),
                ("anomaly_count", models.IntegerField()),
                ("first_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                ("restored_at", models.DateTimeField(blank=True, null=True)),
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
                "verbose_name": "archive of analyses",
                "verbose_name_plural": "archives of analyses",
                "db_table": "analysis_archives",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")),
                        name="analysis_archives_sha256_check",
                    )
                ],
            },
        ),
    ]
