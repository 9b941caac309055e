"""The tables of files of numbers and of their checks."""

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
            name="FileUpload",
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
                ("original_filename", models.CharField(max_length=255, verbose_name="name")),
                ("file_size", models.BigIntegerField(verbose_name="size")),
                (
                    "file_path",
                    models.CharField(blank=True, editable=False, max_length=500, null=True),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "pending"),
                            ("checking", "checking"),
                            ("ready", "ready"),
                            ("failed", "failed"),
                        ],
                        db_default="pending",
                        default="pending",
                        max_length=50,
                    ),
                ),
                ("error_message", models.TextField(blank=True, editable=False, null=True)),
                ("merged_files", models.JSONField(blank=True, editable=False, null=True)),
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
                    "sha256",
                    models.CharField(
                        blank=True, editable=False, max_length=64, null=True, verbose_name="SHA-256"
                    ),
                ),
                (
                    "encoding",
                    models.CharField(
                        choices=[
                            ("utf-8", "UTF-8"),
                            ("utf-16-le", "UTF-16, little-endian"),
                            ("utf-16-be", "UTF-16, big-endian"),
                            ("cp1252", "Windows 1252 (Western Europe)"),
                            ("cp1250", "Windows 1250 (Central Europe)"),
                            ("iso-8859-1", "ISO 8859-1 (Latin 1)"),
                            ("iso-8859-15", "ISO 8859-15 (Latin 9)"),
                            ("mac-roman", "Mac Roman"),
                        ],
                        db_default="utf-8",
                        default="utf-8",
                        max_length=20,
                    ),
                ),
                (
                    "delimiter",
                    models.CharField(
                        choices=[(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "bar")],
                        db_default=",",
                        default=",",
                        max_length=1,
                    ),
                ),
                (
                    "decimal_sign",
                    models.CharField(
                        choices=[(".", "point"), (",", "comma")],
                        db_default=".",
                        default=".",
                        max_length=1,
                    ),
                ),
                (
                    "dialect_doubts",
                    models.JSONField(
                        blank=True,
                        db_default=models.Value([], models.JSONField()),
                        default=list,
                        editable=False,
                    ),
                ),
                (
                    "dialect_confirmed",
                    models.BooleanField(db_default=False, default=False, editable=False),
                ),
                (
                    "row_count",
                    models.BigIntegerField(
                        blank=True, editable=False, null=True, verbose_name="rows"
                    ),
                ),
                (
                    "column_count",
                    models.IntegerField(
                        blank=True, editable=False, null=True, verbose_name="columns"
                    ),
                ),
                ("header", models.JSONField(blank=True, editable=False, null=True)),
                ("column_kinds", models.JSONField(blank=True, editable=False, null=True)),
                (
                    "remarks",
                    models.JSONField(
                        blank=True,
                        db_default=models.Value([], models.JSONField()),
                        default=list,
                        editable=False,
                    ),
                ),
                ("checked_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="file_uploads",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="uploaded by",
                    ),
                ),
            ],
            options={
                "verbose_name": "file",
                "db_table": "file_uploads",
            },
        ),
        migrations.CreateModel(
            name="FileCheck",
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
                            ("running", "running"),
                            ("done", "done"),
                            ("failed", "failed"),
                            ("cancelled", "cancelled"),
                        ],
                        db_default="queued",
                        default="queued",
                        max_length=20,
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
                (
                    "file",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="checks",
                        to="ingestion.fileupload",
                    ),
                ),
            ],
            options={
                "verbose_name": "check of a file",
                "verbose_name_plural": "checks of files",
                "db_table": "file_checks",
                "abstract": False,
            },
        ),
        migrations.AddConstraint(
            model_name="fileupload",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["pending", "checking", "ready", "failed"])),
                name="file_uploads_status_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="fileupload",
            constraint=models.CheckConstraint(
                condition=models.Q(("file_size__gte", 0)), name="file_uploads_file_size_check"
            ),
        ),
        migrations.AddConstraint(
            model_name="fileupload",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("sha256__isnull", True), ("sha256__regex", "^[0-9a-f]{64}$"), _connector="OR"
                ),
                name="file_uploads_sha256_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="fileupload",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("decimal_sign__in", [".", ","]),
                    ("delimiter__in", [",", ";", "\t", "|"]),
                    (
                        "encoding__in",
                        [
                            "utf-8",
                            "utf-16-le",
                            "utf-16-be",
                            "cp1252",
                            "cp1250",
                            "iso-8859-1",
                            "iso-8859-15",
                            "mac-roman",
                        ],
                    ),
                    models.Q(("delimiter", models.F("decimal_sign")), _negated=True),
                ),
                name="file_uploads_dialect_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="fileupload",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("merged_files__isnull", True),
                    models.Q(("file_path__isnull", True), ("sha256__isnull", True)),
                    _connector="OR",
                ),
                name="file_uploads_parts_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="fileupload",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "ready"), _negated=True),
                    models.Q(
                        ("column_count__gt", 0),
                        ("header__isnull", False),
                        ("row_count__gt", 0),
                        models.Q(
                            ("sha256__isnull", False),
                            ("merged_files__isnull", False),
                            _connector="OR",
                        ),
                    ),
                    _connector="OR",
                ),
                name="file_uploads_ready_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="fileupload",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "failed"), _negated=True),
                    ("error_message__isnull", False),
                    _connector="OR",
                ),
                name="file_uploads_failed_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="fileupload",
            constraint=models.UniqueConstraint(
                fields=("user", "sha256"), name="file_uploads_user_id_sha256_key"
            ),
        ),
        migrations.AddConstraint(
            model_name="filecheck",
            constraint=models.CheckConstraint(
                condition=models.Q(("priority__gte", 1), ("priority__lte", 10)),
                name="filecheck_priority_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="filecheck",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("attempt__gte", 0),
                    ("max_retries__gte", 0),
                    ("progress_done__gte", 0),
                    ("retry_count__gte", 0),
                ),
                name="filecheck_counts_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="filecheck",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["queued", "running", "done", "failed", "cancelled"])
                ),
                name="file_checks_status_check",
            ),
        ),
    ]
