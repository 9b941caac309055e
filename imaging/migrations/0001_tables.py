"""The tables of images, results, the processing queue and the cache."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import database.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_users"),
        ("database", "0001_functions"),
    ]

    operations = [
        migrations.CreateModel(
            name="Image",
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
                ("file_name", models.CharField(max_length=512)),
                ("file_path", models.CharField(max_length=1024)),
                ("file_size", models.BigIntegerField()),
                ("mime_type", models.CharField(max_length=100)),
                ("file_hash", models.CharField(max_length=64, unique=True, verbose_name="SHA-256")),
                (
                    "image_dimensions",
                    models.JSONField(
                        db_default=models.Value({}, models.JSONField()),
                        default=dict,
                        verbose_name="dimensions",
                    ),
                ),
                (
                    "analysis_status",
                    models.CharField(
                        choices=[
                            ("pending", "pending"),
                            ("processing", "processing"),
                            ("completed", "completed"),
                            ("failed", "failed"),
                            ("archived", "archived"),
                        ],
                        db_default="pending",
                        default="pending",
                        max_length=20,
                        verbose_name="status",
                    ),
                ),
                (
                    "metadata",
                    models.JSONField(
                        blank=True, db_default=models.Value({}, models.JSONField()), default=dict
                    ),
                ),
                (
                    "uploaded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                ("processed_at", models.DateTimeField(blank=True, editable=False, null=True)),
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
                    "upload_count",
                    models.IntegerField(
                        db_default=1, default=1, editable=False, verbose_name="times handed in"
                    ),
                ),
                (
                    "thumbnail_path",
                    models.CharField(blank=True, db_default="", default="", max_length=1024),
                ),
                (
                    "preview_path",
                    models.CharField(blank=True, db_default="", default="", max_length=1024),
                ),
                ("perceptual_hash", models.BigIntegerField(blank=True, editable=False, null=True)),
                (
                    "is_duplicate",
                    models.BooleanField(
                        db_default=False, default=False, verbose_name="near duplicate"
                    ),
                ),
                (
                    "duplicate_distance",
                    models.SmallIntegerField(blank=True, editable=False, null=True),
                ),
                (
                    "duplicate_detected_at",
                    models.DateTimeField(blank=True, editable=False, null=True),
                ),
                (
                    "duplicate_dismissed_at",
                    models.DateTimeField(blank=True, editable=False, null=True),
                ),
                (
                    "duplicate_of",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="duplicates",
                        to="imaging.image",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="images",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="uploaded by",
                    ),
                ),
            ],
            options={
                "db_table": "images",
                "permissions": [("analyse_image", "Can run an analysis of an image")],
            },
        ),
        migrations.CreateModel(
            name="AnalysisResultHistory",
            fields=[
                ("algorithm_version", models.CharField(max_length=50)),
                (
                    "algorithm_parameters",
                    models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
                ),
                (
                    "algorithm_fingerprint",
                    models.TextField(db_default="", default="", editable=False),
                ),
                (
                    "negative_space_data",
                    models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
                ),
                (
                    "anomalies",
                    models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
                ),
                (
                    "confidence_score",
                    models.DecimalField(
                        decimal_places=4,
                        max_digits=5,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(1),
                        ],
                    ),
                ),
                ("processing_time_ms", models.IntegerField(null=True)),
                (
                    "quality_metrics",
                    models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
                ),
                ("visualization_path", models.CharField(blank=True, max_length=1024, null=True)),
                ("notes", models.TextField(blank=True, null=True)),
                (
                    "from_cache",
                    models.BooleanField(db_default=False, default=False, editable=False),
                ),
                ("job_id", models.UUIDField(blank=True, editable=False, null=True)),
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
                ("result_id", models.UUIDField()),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                (
                    "superseded_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
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
                (
                    "image",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="earlier_results",
                        to="imaging.image",
                    ),
                ),
            ],
            options={
                "verbose_name": "earlier result",
                "db_table": "analysis_results_history",
            },
        ),
        migrations.CreateModel(
            name="AnalysisResult",
            fields=[
                ("algorithm_version", models.CharField(max_length=50)),
                (
                    "algorithm_parameters",
                    models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
                ),
                (
                    "algorithm_fingerprint",
                    models.TextField(db_default="", default="", editable=False),
                ),
                (
                    "negative_space_data",
                    models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
                ),
                (
                    "anomalies",
                    models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
                ),
                (
                    "confidence_score",
                    models.DecimalField(
                        decimal_places=4,
                        max_digits=5,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(1),
                        ],
                    ),
                ),
                ("processing_time_ms", models.IntegerField(null=True)),
                (
                    "quality_metrics",
                    models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
                ),
                ("visualization_path", models.CharField(blank=True, max_length=1024, null=True)),
                ("notes", models.TextField(blank=True, null=True)),
                (
                    "from_cache",
                    models.BooleanField(db_default=False, default=False, editable=False),
                ),
                ("job_id", models.UUIDField(blank=True, editable=False, null=True)),
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
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="run by",
                    ),
                ),
                (
                    "image",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="analysis_result",
                        to="imaging.image",
                    ),
                ),
            ],
            options={
                "db_table": "analysis_results",
            },
        ),
        migrations.CreateModel(
            name="AnalysisCacheEntry",
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
                ("cache_key", models.CharField(max_length=255, unique=True)),
                ("algorithm_fingerprint", models.TextField()),
                ("cached_result", models.JSONField()),
                ("hit_count", models.IntegerField(db_default=0, default=0)),
                (
                    "last_accessed_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
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
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("size_bytes", models.IntegerField(db_default=0, default=0)),
                (
                    "analysis",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="imaging.analysisresult",
                    ),
                ),
                (
                    "image",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="imaging.image",
                    ),
                ),
            ],
            options={
                "verbose_name": "cached result",
                "db_table": "analysis_cache",
            },
        ),
        migrations.CreateModel(
            name="ProcessingJob",
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
                ("deadline_at", models.DateTimeField(blank=True, editable=False, null=True)),
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
                (
                    "parameters",
                    models.JSONField(
                        blank=True, db_default=models.Value({}, models.JSONField()), default=dict
                    ),
                ),
                (
                    "image",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="jobs",
                        to="imaging.image",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="asked for by",
                    ),
                ),
            ],
            options={
                "verbose_name": "job",
                "db_table": "processing_queue",
                "abstract": False,
            },
        ),
        migrations.AddConstraint(
            model_name="image",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "analysis_status__in",
                        ["pending", "processing", "completed", "failed", "archived"],
                    )
                ),
                name="images_analysis_status_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="image",
            constraint=models.CheckConstraint(
                condition=models.Q(("file_size__gt", 0)), name="images_file_size_check"
            ),
        ),
        migrations.AddConstraint(
            model_name="image",
            constraint=models.CheckConstraint(
                condition=models.Q(("file_hash__regex", "^[0-9a-f]{64}$")),
                name="images_file_hash_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="image",
            constraint=models.CheckConstraint(
                condition=models.Q(("duplicate_of", models.F("id")), _negated=True),
                name="images_duplicate_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="analysisresult",
            constraint=models.CheckConstraint(
                condition=models.Q(("confidence_score__gte", 0), ("confidence_score__lte", 1)),
                name="analysis_results_confidence_score_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="analysisresult",
            constraint=models.CheckConstraint(
                condition=models.Q(("processing_time_ms__gte", 0)),
                name="analysis_results_processing_time_ms_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="analysiscacheentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("size_bytes__gte", 0)), name="analysis_cache_size_bytes_check"
            ),
        ),
        migrations.AddConstraint(
            model_name="processingjob",
            constraint=models.CheckConstraint(
                condition=models.Q(("priority__gte", 1), ("priority__lte", 10)),
                name="processingjob_priority_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="processingjob",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("attempt__gte", 0),
                    ("max_retries__gte", 0),
                    ("progress_done__gte", 0),
                    ("retry_count__gte", 0),
                ),
                name="processingjob_counts_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="processingjob",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        ["queued", "processing", "completed", "failed", "retrying", "cancelled"],
                    )
                ),
                name="processing_queue_status_check",
            ),
        ),
    ]
