"""Files to which old analyses were moved."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from database.fields import CreatedAtField, KeyField


class AnalysisArchive(models.Model):
    """One file with analyses of one owner and their anomalies, which are no longer in the tables.

    ``file_path`` lies in the file storage, a Parquet file (``monitoring.archives``); ``sha256`` is
    of its bytes. Once it was restored, ``restored_at`` says when; its file stays.
    """

    audit_noun: ClassVar[str] = "analysis_archive"

    id = KeyField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name="owner",
    )
    file_path = models.CharField(max_length=500, unique=True)
    sha256 = models.CharField(max_length=64)
    file_size = models.BigIntegerField()
    analysis_count = models.IntegerField()
    anomaly_count = models.IntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    created_at = CreatedAtField()
    restored_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "analysis_archives"
        verbose_name = "archive of analyses"
        verbose_name_plural = "archives of analyses"
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="analysis_archives_sha256_check",
                condition=models.Q(sha256__regex="^[0-9a-f]{64}$"),
            ),
        ]

    def __str__(self) -> str:
        return self.file_path
