"""What is in a picture, as somebody or something said, and every version of it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Coalesce, Now

from database.fields import CreatedAtField, KeyField, UpdatedAtField


class ReviewStatus(models.TextChoices):
    """What people decided, after the last stage."""

    PENDING = "pending", "pending"
    APPROVED = "approved", "approved"
    REJECTED = "rejected", "rejected"


class ReviewStage(models.TextChoices):
    """Which decision an annotation waits for, or got last."""

    L1 = "L1", "L1"
    L2 = "L2", "L2"
    FINAL = "final", "final"


class RejectionReason(models.TextChoices):
    """Why an annotation was rejected; the words are those of the desk."""

    NO_BIRD = "no_bird", "nothing there"
    WRONG_BOX = "wrong_box", "box does not fit"
    WRONG_LABEL = "wrong_label", "something else"
    DUPLICATE = "duplicate", "marked twice"
    UNCLEAR = "unclear", "cannot be told"
    OTHER = "other", "another reason"


class Annotation(models.Model):
    """A box in an image with a label, by a person or by an AI provider.

    ``bounding_box`` is ``{"topLeft": {"x", "y"}, "bottomRight": {"x", "y"}, "width", "height"}``
    in fractions of the upright image. ``vision_confidence`` is what the provider said,
    ``calibrated_confidence`` what that has meant so far; the queue goes by ``review_rank``, lowest
    first. ``version`` counts the changes; ``keep_annotation_versions()`` copies what each replaces.
    """

    audit_noun: ClassVar[str] = "annotation"

    id = KeyField()
    image = models.ForeignKey(
        "imaging.Image", on_delete=models.CASCADE, related_name="annotations", db_index=False
    )
    collection = models.ForeignKey(
        "annotations.ImageCollection",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="annotations",
        db_index=False,
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name="made by",
    )
    label = models.CharField(max_length=200, blank=True, default="", db_default="")
    bounding_box = models.JSONField()
    notes = models.TextField(blank=True, default="", db_default="")
    vision_generated = models.BooleanField("by AI", default=False, db_default=False)
    vision_confidence = models.DecimalField(
        "confidence",
        max_digits=5,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
    )
    calibrated_confidence = models.DecimalField(
        max_digits=5, decimal_places=4, null=True, blank=True, editable=False
    )
    vision_provider = models.CharField("provider", max_length=40, null=True, blank=True)
    vision_model = models.CharField("model", max_length=120, blank=True, default="", db_default="")
    quality_score = models.DecimalField(
        max_digits=5, decimal_places=4, null=True, blank=True, editable=False
    )
    review_status = models.CharField(
        max_length=20,
        choices=ReviewStatus.choices,
        default=ReviewStatus.PENDING,
        db_default=ReviewStatus.PENDING,
    )
    review_stage = models.CharField(
        max_length=10,
        choices=ReviewStage.choices,
        default=ReviewStage.FINAL,
        db_default=ReviewStage.FINAL,
    )
    review_rank = models.GeneratedField(
        expression=Coalesce("calibrated_confidence", "vision_confidence", models.Value(0)),
        output_field=models.DecimalField(max_digits=5, decimal_places=4),
        db_persist=True,
    )
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    reviewed_at = models.DateTimeField(null=True, blank=True)
    rejection_reason = models.CharField(
        max_length=40, choices=RejectionReason.choices, blank=True, default="", db_default=""
    )
    ai_job = models.ForeignKey(
        "annotations.AiAnnotationJob",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="annotations",
        db_index=False,
    )
    version = models.IntegerField(default=1, db_default=1, editable=False)
    created_at = CreatedAtField()
    updated_at = UpdatedAtField()

    class Meta:
        db_table = "annotations"
        permissions = [
            ("review_annotation", "Can approve and reject annotations"),
            ("annotate_image", "Can have images annotated by AI providers"),
        ]
        constraints = [
            models.CheckConstraint(
                name="annotations_review_status_check",
                condition=models.Q(review_status__in=ReviewStatus.values),
            ),
            models.CheckConstraint(
                name="annotations_review_stage_check",
                condition=models.Q(review_stage__in=ReviewStage.values),
            ),
            models.CheckConstraint(
                name="annotations_confidence_check",
                condition=models.Q(vision_confidence__gte=0, vision_confidence__lte=1)
                | models.Q(vision_confidence__isnull=True),
            ),
            models.CheckConstraint(
                name="annotations_calibrated_confidence_check",
                condition=models.Q(calibrated_confidence__gte=0, calibrated_confidence__lte=1)
                | models.Q(calibrated_confidence__isnull=True),
            ),
            models.CheckConstraint(
                name="check_vision_confidence",
                condition=models.Q(vision_generated=False)
                | models.Q(vision_confidence__isnull=False),
            ),
            models.CheckConstraint(
                name="check_vision_provider",
                condition=models.Q(vision_generated=False)
                | models.Q(vision_provider__isnull=False),
            ),
            models.CheckConstraint(
                name="check_review_metadata",
                condition=models.Q(review_status=ReviewStatus.PENDING)
                | models.Q(reviewed_by__isnull=False, reviewed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.label or "unnamed"


class AnnotationHistory(models.Model):
    """An annotation as it was before a change; written by trigger alone, never changed.

    ``changed_by`` and ``changed_at`` tell of the change that replaced this version; ``reason`` is
    what was said with it (``app.reason``), such as ``approved`` or ``undone``.
    """

    app_privileges: ClassVar[tuple[str, ...]] = ("SELECT",)

    id = KeyField()
    annotation_id = models.UUIDField()
    version = models.IntegerField()
    image_id = models.UUIDField()
    label = models.CharField(max_length=200)
    bounding_box = models.JSONField()
    notes = models.TextField(blank=True, default="", db_default="")
    review_status = models.CharField(max_length=20)
    review_stage = models.CharField(max_length=10)
    reviewed_by_id = models.UUIDField(null=True)
    reviewed_at = models.DateTimeField(null=True)
    rejection_reason = models.CharField(max_length=40, blank=True, default="", db_default="")
    is_deleted = models.BooleanField(default=False, db_default=False)
    changed_by_id = models.UUIDField(null=True)
    changed_at = models.DateTimeField(db_default=Now())
    reason = models.TextField(blank=True, default="", db_default="")

    class Meta:
        db_table = "annotation_history"
        verbose_name = "earlier version"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                name="annotation_history_annotation_id_version_key",
                fields=["annotation_id", "version"],
            )
        ]

    def __str__(self) -> str:
        return f"version {self.version}"
