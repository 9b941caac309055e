"""Files of numbers as they were handed in."""

from __future__ import annotations

from typing import ClassVar, Final

from django.conf import settings
from django.db import models

from database.fields import CreatedAtField, KeyField, UpdatedAtField
from ingestion.querysets import FileUploadQuerySet
from ingestion.reading import DECIMALS, DELIMITERS, ENCODINGS, Dialect

LONGEST_NAME: Final = 255
_NO_LIST: Final = models.Value([], models.JSONField())


class FileStatus(models.TextChoices):
    """Where a file stands on its way to being read."""

    PENDING = "pending", "pending"
    CHECKING = "checking", "checking"
    READY = "ready", "ready"
    FAILED = "failed", "failed"


class FileUpload(models.Model):
    """One file of one person: the same bytes are one row, however often they hand them in.

    ``status``: ``pending`` until it is checked, or until somebody confirms how it is to be read
    (``dialect_doubts`` then says why); ``ready`` once every row was read. ``error_message`` names
    the first thing that was wrong. Changes of status are guarded by
    ``validate_file_status_transition()``; the queue's rows move it (``follow_file_checks()``).

    ``merged_files``: the parts of a file that was joined from others, each with what it takes to
    read it: ``id``, ``original_filename``, ``file_path``, ``file_size``, ``sha256``, ``encoding``,
    ``delimiter``, ``decimal_sign``, ``row_count``. Such a file has no bytes of its own.

    ``header``: the names of the columns; ``column_kinds``: for each a word of
    ``reading.ColumnKind``; ``remarks``: columns of numbers with cells that are none.
    """

    audit_noun: ClassVar[str] = "file"

    id = KeyField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="file_uploads",
        db_index=False,
        verbose_name="uploaded by",
    )
    original_filename = models.CharField("name", max_length=LONGEST_NAME)
    file_size = models.BigIntegerField("size")
    file_path = models.CharField(max_length=500, null=True, blank=True, editable=False)
    status = models.CharField(
        max_length=50,
        choices=FileStatus.choices,
        default=FileStatus.PENDING,
        db_default=FileStatus.PENDING,
    )
    error_message = models.TextField(null=True, blank=True, editable=False)
    merged_files = models.JSONField(null=True, blank=True, editable=False)
    created_at = CreatedAtField()
    updated_at = UpdatedAtField()

    sha256 = models.CharField("SHA-256", max_length=64, null=True, blank=True, editable=False)
    encoding = models.CharField(
        max_length=20, choices=list(ENCODINGS.items()), default="utf-8", db_default="utf-8"
    )
    delimiter = models.CharField(
        max_length=1, choices=list(DELIMITERS.items()), default=",", db_default=","
    )
    decimal_sign = models.CharField(
        max_length=1, choices=list(DECIMALS.items()), default=".", db_default="."
    )
    dialect_doubts = models.JSONField(default=list, db_default=_NO_LIST, blank=True, editable=False)
    dialect_confirmed = models.BooleanField(default=False, db_default=False, editable=False)
    row_count = models.BigIntegerField("rows", null=True, blank=True, editable=False)
    column_count = models.IntegerField("columns", null=True, blank=True, editable=False)
    header = models.JSONField(null=True, blank=True, editable=False)
    column_kinds = models.JSONField(null=True, blank=True, editable=False)
    remarks = models.JSONField(default=list, db_default=_NO_LIST, blank=True, editable=False)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = FileUploadQuerySet.as_manager()

    class Meta:
        db_table = "file_uploads"
        verbose_name = "file"
        constraints = [
            models.CheckConstraint(
                name="file_uploads_status_check",
                condition=models.Q(status__in=FileStatus.values),
            ),
            models.CheckConstraint(
                name="file_uploads_file_size_check", condition=models.Q(file_size__gte=0)
            ),
            models.CheckConstraint(
                name="file_uploads_sha256_check",
                condition=models.Q(sha256__isnull=True) | models.Q(sha256__regex="^[0-9a-f]{64}$"),
            ),
            models.CheckConstraint(
                name="file_uploads_dialect_check",
                condition=models.Q(
                    encoding__in=list(ENCODINGS),
                    delimiter__in=list(DELIMITERS),
                    decimal_sign__in=list(DECIMALS),
                )
                & ~models.Q(delimiter=models.F("decimal_sign")),
            ),
            # A file has bytes or parts, and what is ready has been counted.
            models.CheckConstraint(
                name="file_uploads_parts_check",
                condition=models.Q(merged_files__isnull=True)
                | models.Q(sha256__isnull=True, file_path__isnull=True),
            ),
            models.CheckConstraint(
                name="file_uploads_ready_check",
                condition=~models.Q(status=FileStatus.READY)
                | models.Q(row_count__gt=0, column_count__gt=0, header__isnull=False)
                & (models.Q(sha256__isnull=False) | models.Q(merged_files__isnull=False)),
            ),
            models.CheckConstraint(
                name="file_uploads_failed_check",
                condition=~models.Q(status=FileStatus.FAILED)
                | models.Q(error_message__isnull=False),
            ),
            models.UniqueConstraint(
                name="file_uploads_user_id_sha256_key", fields=["user", "sha256"]
            ),
        ]

    def __str__(self) -> str:
        return self.original_filename

    @property
    def dialect(self) -> Dialect:
        """How it is read."""
        return Dialect(self.encoding, self.delimiter, self.decimal_sign)

    @property
    def is_merged(self) -> bool:
        """Whether it was joined from others, and has no bytes of its own."""
        return self.merged_files is not None

    @property
    def waits_for_confirmation(self) -> bool:
        """Whether somebody must say how it is to be read before it is checked."""
        return bool(
            self.status == FileStatus.PENDING and self.dialect_doubts and not self.dialect_confirmed
        )
