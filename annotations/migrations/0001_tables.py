"""Annotations, AI jobs, reviews, batches, caches, exercises."""

import functools

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.datetime
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import database.encryption.fields
import database.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("imaging", "0007_row_security"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AnnotationHistory",
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
                ("annotation_id", models.UUIDField()),
                ("version", models.IntegerField()),
                ("image_id", models.UUIDField()),
                ("label", models.CharField(max_length=200)),
                ("bounding_box", models.JSONField()),
                ("notes", models.TextField(blank=True, db_default="", default="")),
                ("review_status", models.CharField(max_length=20)),
                ("review_stage", models.CharField(max_length=10)),
                ("reviewed_by_id", models.UUIDField(null=True)),
                ("reviewed_at", models.DateTimeField(null=True)),
                (
                    "rejection_reason",
                    models.CharField(blank=True, db_default="", default="", max_length=40),
                ),
                ("is_deleted", models.BooleanField(db_default=False, default=False)),
                ("changed_by_id", models.UUIDField(null=True)),
                (
                    "changed_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("reason", models.TextField(blank=True, db_default="", default="")),
            ],
            options={
                "verbose_name": "earlier version",
                "db_table": "annotation_history",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("annotation_id", "version"),
                        name="annotation_history_annotation_id_version_key",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="BatchJob",
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
                            ("pending", "pending"),
                            ("processing", "processing"),
                            ("completed", "completed"),
                            ("failed", "failed"),
                            ("cancelled", "cancelled"),
                        ],
                        db_default="pending",
                        default="pending",
                        max_length=20,
                    ),
                ),
                (
                    "job_type",
                    models.CharField(
                        choices=[
                            ("annotate", "annotate by AI"),
                            ("approve", "approve"),
                            ("reject", "reject"),
                            ("warm_cache", "ask ahead"),
                            ("recalibrate", "recalibrate"),
                            ("import", "import"),
                        ],
                        max_length=40,
                    ),
                ),
                (
                    "parameters",
                    models.JSONField(
                        blank=True, db_default=models.Value({}, models.JSONField()), default=dict
                    ),
                ),
                ("item_count", models.IntegerField(blank=True, editable=False, null=True)),
                ("done_count", models.IntegerField(db_default=0, default=0, editable=False)),
                ("error_count", models.IntegerField(db_default=0, default=0, editable=False)),
                ("resume_after", models.UUIDField(blank=True, editable=False, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="asked for by",
                    ),
                ),
            ],
            options={
                "verbose_name": "batch",
                "verbose_name_plural": "batches",
                "db_table": "batch_jobs",
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="AiAnnotationJob",
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
                            ("pending", "pending"),
                            ("processing", "processing"),
                            ("completed", "completed"),
                            ("failed", "failed"),
                            ("cancelled", "cancelled"),
                        ],
                        db_default="pending",
                        default="pending",
                        max_length=20,
                    ),
                ),
                ("provider", models.CharField(db_default="local", default="local", max_length=40)),
                ("model", models.CharField(blank=True, db_default="", default="", max_length=120)),
                (
                    "fallbacks",
                    models.JSONField(
                        blank=True, db_default=models.Value([], models.JSONField()), default=list
                    ),
                ),
                (
                    "request_payload",
                    models.JSONField(
                        blank=True, db_default=models.Value({}, models.JSONField()), default=dict
                    ),
                ),
                ("response_payload", models.JSONField(blank=True, null=True)),
                ("sealed_payloads", database.encryption.fields.EncryptedJSONField(null=True)),
                ("hold_id", models.UUIDField(blank=True, editable=False, null=True)),
                (
                    "from_cache",
                    models.BooleanField(db_default=False, default=False, editable=False),
                ),
                ("box_count", models.IntegerField(blank=True, editable=False, null=True)),
                (
                    "cost",
                    models.DecimalField(
                        blank=True, decimal_places=6, editable=False, max_digits=14, null=True
                    ),
                ),
                ("response_time_ms", models.IntegerField(blank=True, editable=False, null=True)),
                (
                    "error_code",
                    models.CharField(blank=True, db_default="", default="", max_length=40),
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
                    "image",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="ai_jobs",
                        to="imaging.image",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="asked for by",
                    ),
                ),
                (
                    "batch_job",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="ai_jobs",
                        to="annotations.batchjob",
                    ),
                ),
            ],
            options={
                "verbose_name": "AI job",
                "db_table": "ai_annotation_jobs",
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="BatchJobError",
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
                ("image_id", models.UUIDField(blank=True, null=True)),
                ("annotation_id", models.UUIDField(blank=True, null=True)),
                (
                    "error_code",
                    models.CharField(blank=True, db_default="", default="", max_length=40),
                ),
                ("error_message", models.TextField()),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "job",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="errors",
                        to="annotations.batchjob",
                    ),
                ),
            ],
            options={
                "verbose_name": "error of a batch",
                "verbose_name_plural": "errors of batches",
                "db_table": "batch_job_errors",
            },
        ),
        migrations.CreateModel(
            name="ConfidenceCalibration",
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
                ("provider", models.CharField(max_length=40)),
                ("model", models.CharField(blank=True, db_default="", default="", max_length=120)),
                ("sample_count", models.IntegerField()),
                ("points", models.JSONField()),
                ("ece_before", models.DecimalField(decimal_places=5, max_digits=6)),
                ("ece_after", models.DecimalField(decimal_places=5, max_digits=6)),
                ("brier_before", models.DecimalField(decimal_places=5, max_digits=6)),
                ("brier_after", models.DecimalField(decimal_places=5, max_digits=6)),
                ("is_active", models.BooleanField(db_default=True, default=True)),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
            ],
            options={
                "verbose_name": "calibration",
                "db_table": "confidence_calibrations",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_active", True)),
                        fields=("provider", "model"),
                        name="confidence_calibrations_active_key",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Exercise",
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
                    "exercise_type",
                    models.CharField(
                        choices=[
                            ("identify", "What is it?"),
                            ("find", "Where is it?"),
                            ("verify", "Is it this?"),
                        ],
                        max_length=40,
                    ),
                ),
                (
                    "difficulty_level",
                    models.CharField(
                        choices=[("easy", "easy"), ("medium", "medium"), ("hard", "hard")],
                        max_length=20,
                    ),
                ),
                ("topic", models.CharField(blank=True, db_default="", default="", max_length=200)),
                (
                    "content",
                    models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
                ),
                ("access_count", models.IntegerField(db_default=0, default=0)),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
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
                "db_table": "exercise_cache",
            },
        ),
        migrations.CreateModel(
            name="ExerciseAnswer",
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
                ("number", models.IntegerField()),
                (
                    "exercise_type",
                    models.CharField(
                        choices=[
                            ("identify", "What is it?"),
                            ("find", "Where is it?"),
                            ("verify", "Is it this?"),
                        ],
                        max_length=40,
                    ),
                ),
                (
                    "difficulty_level",
                    models.CharField(
                        choices=[("easy", "easy"), ("medium", "medium"), ("hard", "hard")],
                        max_length=20,
                    ),
                ),
                ("topic", models.CharField(blank=True, db_default="", default="", max_length=200)),
                ("answer", models.JSONField()),
                ("is_right", models.BooleanField()),
                ("duration_ms", models.IntegerField(blank=True, null=True)),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "exercise",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="answers",
                        to="annotations.exercise",
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
            ],
            options={
                "verbose_name": "answer",
                "db_table": "exercise_answers",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("exercise", "number"),
                        name="exercise_answers_exercise_id_number_key",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("exercise_type__in", ["identify", "find", "verify"])),
                        name="exercise_answers_type_check",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("difficulty_level__in", ["easy", "medium", "hard"])),
                        name="exercise_answers_difficulty_check",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ImageCollection",
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
                ("name", models.CharField(max_length=200, unique=True)),
                ("description", models.TextField(blank=True, db_default="", default="")),
                (
                    "labels",
                    models.JSONField(
                        blank=True, db_default=models.Value([], models.JSONField()), default=list
                    ),
                ),
                (
                    "stages",
                    models.JSONField(
                        db_default=models.Value(["final"], models.JSONField()),
                        default=functools.partial(list, ("final",)),
                    ),
                ),
                (
                    "spot_check_percent",
                    models.DecimalField(
                        db_default=0,
                        decimal_places=2,
                        default=0,
                        max_digits=5,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(100),
                        ],
                    ),
                ),
                (
                    "gold_percent",
                    models.DecimalField(
                        db_default=0,
                        decimal_places=2,
                        default=0,
                        max_digits=5,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(100),
                        ],
                    ),
                ),
                (
                    "is_archived",
                    models.BooleanField(db_default=False, default=False, verbose_name="archived"),
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
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "collection",
                "db_table": "image_collections",
            },
        ),
        migrations.CreateModel(
            name="CollectionImage",
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
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "image",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="collection_member",
                        to="imaging.image",
                    ),
                ),
                (
                    "collection",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="members",
                        to="annotations.imagecollection",
                    ),
                ),
            ],
            options={
                "db_table": "collection_images",
            },
        ),
        migrations.CreateModel(
            name="Annotation",
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
                ("label", models.CharField(blank=True, db_default="", default="", max_length=200)),
                ("bounding_box", models.JSONField()),
                ("notes", models.TextField(blank=True, db_default="", default="")),
                (
                    "vision_generated",
                    models.BooleanField(db_default=False, default=False, verbose_name="by AI"),
                ),
                (
                    "vision_confidence",
                    models.DecimalField(
                        blank=True,
                        decimal_places=4,
                        max_digits=5,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(1),
                        ],
                        verbose_name="confidence",
                    ),
                ),
                (
                    "calibrated_confidence",
                    models.DecimalField(
                        blank=True, decimal_places=4, editable=False, max_digits=5, null=True
                    ),
                ),
                (
                    "vision_provider",
                    models.CharField(blank=True, max_length=40, null=True, verbose_name="provider"),
                ),
                (
                    "vision_model",
                    models.CharField(
                        blank=True, db_default="", default="", max_length=120, verbose_name="model"
                    ),
                ),
                (
                    "quality_score",
                    models.DecimalField(
                        blank=True, decimal_places=4, editable=False, max_digits=5, null=True
                    ),
                ),
                (
                    "review_status",
                    models.CharField(
                        choices=[
                            ("pending", "pending"),
                            ("approved", "approved"),
                            ("rejected", "rejected"),
                        ],
                        db_default="pending",
                        default="pending",
                        max_length=20,
                    ),
                ),
                (
                    "review_stage",
                    models.CharField(
                        choices=[("L1", "L1"), ("L2", "L2"), ("final", "final")],
                        db_default="final",
                        default="final",
                        max_length=10,
                    ),
                ),
                (
                    "review_rank",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.functions.comparison.Coalesce(
                            "calibrated_confidence", "vision_confidence", models.Value(0)
                        ),
                        output_field=models.DecimalField(decimal_places=4, max_digits=5),
                    ),
                ),
                ("reviewed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "rejection_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("no_bird", "nothing there"),
                            ("wrong_box", "box does not fit"),
                            ("wrong_label", "something else"),
                            ("duplicate", "marked twice"),
                            ("unclear", "cannot be told"),
                            ("other", "another reason"),
                        ],
                        db_default="",
                        default="",
                        max_length=40,
                    ),
                ),
                ("version", models.IntegerField(db_default=1, default=1, editable=False)),
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
                    "ai_job",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="annotations",
                        to="annotations.aiannotationjob",
                    ),
                ),
                (
                    "image",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="annotations",
                        to="imaging.image",
                    ),
                ),
                (
                    "reviewed_by",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="made by",
                    ),
                ),
                (
                    "collection",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="annotations",
                        to="annotations.imagecollection",
                    ),
                ),
            ],
            options={
                "db_table": "annotations",
                "permissions": [
                    ("review_annotation", "Can approve and reject annotations"),
                    ("annotate_image", "Can have images annotated by AI providers"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ReviewExtra",
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
                        choices=[
                            ("review", "review"),
                            ("spot_check", "spot check"),
                            ("gold", "known answer"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "expected_decision",
                    models.CharField(
                        choices=[
                            ("approved", "approved"),
                            ("rejected", "rejected"),
                            ("reopened", "taken back"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "expected_label",
                    models.CharField(blank=True, db_default="", default="", max_length=200),
                ),
                ("is_open", models.BooleanField(db_default=True, default=True)),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "annotation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="extras",
                        to="annotations.annotation",
                    ),
                ),
                (
                    "avoid",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "check of reviewers",
                "db_table": "review_extras",
            },
        ),
        migrations.CreateModel(
            name="SavedView",
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
                ("name", models.CharField(max_length=120)),
                ("query", models.CharField(blank=True, db_default="", default="", max_length=2000)),
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
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "saved_views",
            },
        ),
        migrations.CreateModel(
            name="VisionCacheEntry",
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
                ("url_hash", models.CharField(max_length=64)),
                ("provider", models.CharField(max_length=40)),
                ("model", models.CharField(blank=True, db_default="", default="", max_length=120)),
                ("image_id", models.UUIDField(blank=True, null=True)),
                (
                    "prompt_version",
                    models.CharField(blank=True, db_default="", default="", max_length=120),
                ),
                (
                    "schema_version",
                    models.CharField(blank=True, db_default="", default="", max_length=120),
                ),
                ("response_data", models.JSONField(blank=True, null=True)),
                ("sealed_response", database.encryption.fields.EncryptedJSONField(null=True)),
                ("response_size_bytes", models.IntegerField(db_default=0, default=0)),
                ("response_time_ms", models.IntegerField(blank=True, null=True)),
                ("access_count", models.IntegerField(db_default=0, default=0)),
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
                ("invalidated_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "cached answer",
                "db_table": "vision_api_cache",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("access_count__gte", 0), ("response_size_bytes__gte", 0)
                        ),
                        name="vision_api_cache_sizes_check",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ReviewClaim",
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
                    "annotation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="claim",
                        to="annotations.annotation",
                    ),
                ),
                (
                    "claimed_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                ("expires_at", models.DateTimeField()),
                (
                    "reviewer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "review_claims",
            },
        ),
        migrations.CreateModel(
            name="AnnotationReview",
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
                        choices=[
                            ("review", "review"),
                            ("spot_check", "spot check"),
                            ("gold", "known answer"),
                        ],
                        db_default="review",
                        default="review",
                        max_length=20,
                    ),
                ),
                (
                    "stage",
                    models.CharField(
                        choices=[("L1", "L1"), ("L2", "L2"), ("final", "final")], max_length=10
                    ),
                ),
                (
                    "decision",
                    models.CharField(
                        choices=[
                            ("approved", "approved"),
                            ("rejected", "rejected"),
                            ("reopened", "taken back"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "rejection_reason",
                    models.CharField(blank=True, db_default="", default="", max_length=40),
                ),
                ("comment", models.TextField(blank=True, db_default="", default="")),
                ("label", models.CharField(blank=True, db_default="", default="", max_length=200)),
                ("bounding_box", models.JSONField()),
                ("was_edited", models.BooleanField(db_default=False, default=False)),
                ("agrees", models.BooleanField(blank=True, null=True)),
                ("version", models.IntegerField()),
                ("duration_ms", models.IntegerField(blank=True, null=True)),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "annotation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reviews",
                        to="annotations.annotation",
                    ),
                ),
                (
                    "reviewer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "decision",
                "db_table": "annotation_reviews",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("decision__in", ["approved", "rejected", "reopened"])),
                        name="annotation_reviews_decision_check",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["review", "spot_check", "gold"])),
                        name="annotation_reviews_kind_check",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("stage__in", ["L1", "L2", "final"])),
                        name="annotation_reviews_stage_check",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="batchjob",
            constraint=models.CheckConstraint(
                condition=models.Q(("priority__gte", 1), ("priority__lte", 10)),
                name="batchjob_priority_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="batchjob",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("attempt__gte", 0),
                    ("max_retries__gte", 0),
                    ("progress_done__gte", 0),
                    ("retry_count__gte", 0),
                ),
                name="batchjob_counts_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="batchjob",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["pending", "processing", "completed", "failed", "cancelled"])
                ),
                name="batch_jobs_status_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="batchjob",
            constraint=models.CheckConstraint(
                condition=models.Q(("done_count__gte", 0), ("error_count__gte", 0)),
                name="batch_jobs_item_counts_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="aiannotationjob",
            constraint=models.CheckConstraint(
                condition=models.Q(("priority__gte", 1), ("priority__lte", 10)),
                name="aiannotationjob_priority_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="aiannotationjob",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("attempt__gte", 0),
                    ("max_retries__gte", 0),
                    ("progress_done__gte", 0),
                    ("retry_count__gte", 0),
                ),
                name="aiannotationjob_counts_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="aiannotationjob",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["pending", "processing", "completed", "failed", "cancelled"])
                ),
                name="ai_annotation_jobs_status_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="exercise",
            constraint=models.CheckConstraint(
                condition=models.Q(("exercise_type__in", ["identify", "find", "verify"])),
                name="exercise_cache_type_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="exercise",
            constraint=models.CheckConstraint(
                condition=models.Q(("difficulty_level__in", ["easy", "medium", "hard"])),
                name="exercise_cache_difficulty_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="imagecollection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("gold_percent__gte", 0),
                    ("gold_percent__lte", 100),
                    ("spot_check_percent__gte", 0),
                    ("spot_check_percent__lte", 100),
                ),
                name="image_collections_percent_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="annotation",
            constraint=models.CheckConstraint(
                condition=models.Q(("review_status__in", ["pending", "approved", "rejected"])),
                name="annotations_review_status_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="annotation",
            constraint=models.CheckConstraint(
                condition=models.Q(("review_stage__in", ["L1", "L2", "final"])),
                name="annotations_review_stage_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="annotation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("vision_confidence__gte", 0), ("vision_confidence__lte", 1)),
                    ("vision_confidence__isnull", True),
                    _connector="OR",
                ),
                name="annotations_confidence_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="annotation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("calibrated_confidence__gte", 0), ("calibrated_confidence__lte", 1)),
                    ("calibrated_confidence__isnull", True),
                    _connector="OR",
                ),
                name="annotations_calibrated_confidence_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="annotation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("vision_generated", False),
                    ("vision_confidence__isnull", False),
                    _connector="OR",
                ),
                name="check_vision_confidence",
            ),
        ),
        migrations.AddConstraint(
            model_name="annotation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("vision_generated", False), ("vision_provider__isnull", False), _connector="OR"
                ),
                name="check_vision_provider",
            ),
        ),
        migrations.AddConstraint(
            model_name="annotation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("review_status", "pending"),
                    models.Q(("reviewed_at__isnull", False), ("reviewed_by__isnull", False)),
                    _connector="OR",
                ),
                name="check_review_metadata",
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewextra",
            constraint=models.UniqueConstraint(
                fields=("annotation", "kind"), name="review_extras_annotation_id_kind_key"
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewextra",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["spot_check", "gold"])),
                name="review_extras_kind_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(
                fields=("user", "name"), name="saved_views_user_id_name_key"
            ),
        ),
    ]
