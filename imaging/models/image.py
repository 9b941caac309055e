"""Images as they were handed in."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from database.fields import CreatedAtField, KeyField, UpdatedAtField
from imaging.querysets import ImageQuerySet

# No picture is longer; plain SQL can store any number.
_LONGEST_SIDE: Final = 10**15


class AnalysisStatus(models.TextChoices):
    """Where an image stands on its way through analysis."""

    PENDING = "pending", "pending"
    PROCESSING = "processing", "processing"
    COMPLETED = "completed", "completed"
    FAILED = "failed", "failed"
    ARCHIVED = "archived", "archived"


class Image(models.Model):
    """One stored image: the same bytes are one row, however often they are handed in.

    Its changes of status are guarded by ``validate_image_status_transition()``; the queue's rows
    move it (``follow_processing_queue()``). ``perceptual_hash`` is a signed 64-bit number, null
    where the picture is too even to have one.
    """

    id = KeyField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="images",
        db_index=False,
        verbose_name="uploaded by",
    )
    file_name = models.CharField(max_length=512)
    file_path = models.CharField(max_length=1024)
    file_size = models.BigIntegerField()
    mime_type = models.CharField(max_length=100)
    file_hash = models.CharField("SHA-256", max_length=64, unique=True)
    image_dimensions = models.JSONField(
        "dimensions", default=dict, db_default=models.Value({}, models.JSONField())
    )
    analysis_status = models.CharField(
        "status",
        max_length=20,
        choices=AnalysisStatus.choices,
        default=AnalysisStatus.PENDING,
        db_default=AnalysisStatus.PENDING,
    )
    metadata = models.JSONField(
        default=dict, db_default=models.Value({}, models.JSONField()), blank=True
    )
    uploaded_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)
    processed_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = CreatedAtField()
    updated_at = UpdatedAtField()

    upload_count = models.IntegerField("times handed in", default=1, db_default=1, editable=False)
    thumbnail_path = models.CharField(max_length=1024, blank=True, default="", db_default="")
    preview_path = models.CharField(max_length=1024, blank=True, default="", db_default="")
    perceptual_hash = models.BigIntegerField(null=True, blank=True, editable=False)
    is_duplicate = models.BooleanField("near duplicate", default=False, db_default=False)
    duplicate_of = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="duplicates",
        db_index=False,
    )
    duplicate_distance = models.SmallIntegerField(null=True, blank=True, editable=False)
    duplicate_detected_at = models.DateTimeField(null=True, blank=True, editable=False)
    duplicate_dismissed_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ImageQuerySet.as_manager()

    class Meta:
        db_table = "images"
        permissions = [("analyse_image", "Can run an analysis of an image")]
        constraints = [
            models.CheckConstraint(
                name="images_analysis_status_check",
                condition=models.Q(analysis_status__in=AnalysisStatus.values),
            ),
            models.CheckConstraint(
                name="images_file_size_check", condition=models.Q(file_size__gt=0)
            ),
            models.CheckConstraint(
                name="images_file_hash_check",
                condition=models.Q(file_hash__regex="^[0-9a-f]{64}$"),
            ),
            models.CheckConstraint(
                name="images_duplicate_check",
                condition=~models.Q(duplicate_of=models.F("id")),
            ),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def width(self) -> int | None:
        """Pixels across, upright; None where plain SQL left it out or wrote no length."""
        return self._dimension("width")

    @property
    def height(self) -> int | None:
        """Pixels down, upright; None where plain SQL left it out or wrote no length."""
        return self._dimension("height")

    def _dimension(self, name: str) -> int | None:
        dimensions: Any = self.image_dimensions
        value = dimensions.get(name) if isinstance(dimensions, dict) else None
        if isinstance(value, bool) or not isinstance(value, int):
            return None
        return value if abs(value) <= _LONGEST_SIDE else None
