"""Decisions of reviewers, and who is looking at what."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual
from django.utils import timezone

from annotations.comments import LONGEST
from annotations.models.annotation import Annotation, ReviewStage
from database.fields import CreatedAtField, KeyField, UpdatedAtField


class Decision(models.TextChoices):
    """What a reviewer said."""

    APPROVED = "approved", "approved"
    REJECTED = "rejected", "rejected"
    REOPENED = "reopened", "taken back"


class ReviewKind(models.TextChoices):
    """Why the annotation was shown."""

    REVIEW = "review", "review"
    SPOT_CHECK = "spot_check", "spot check"
    GOLD = "gold", "known answer"


class AnnotationReview(models.Model):
    """One decision of one reviewer; added, never changed.

    ``label`` and ``bounding_box`` are those that were decided upon, after the reviewer's own edits;
    ``duration_ms`` the time from showing to deciding. ``agrees`` compares with the first decision
    (of a spot check) or the known answer (gold).
    """

    app_privileges: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT")
    audit_noun: ClassVar[str] = "review"

    id = KeyField()
    annotation = models.ForeignKey(
        Annotation, on_delete=models.CASCADE, related_name="reviews", db_index=False
    )
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    kind = models.CharField(
        max_length=20,
        choices=ReviewKind.choices,
        default=ReviewKind.REVIEW,
        db_default=ReviewKind.REVIEW,
    )
    stage = models.CharField(max_length=10, choices=ReviewStage.choices)
    decision = models.CharField(max_length=20, choices=Decision.choices)
    rejection_reason = models.CharField(max_length=40, blank=True, default="", db_default="")
    comment = models.TextField(blank=True, default="", db_default="")
    label = models.CharField(max_length=200, blank=True, default="", db_default="")
    bounding_box = models.JSONField()
    was_edited = models.BooleanField(default=False, db_default=False)
    agrees = models.BooleanField(null=True, blank=True)
    version = models.IntegerField()
    duration_ms = models.IntegerField(null=True, blank=True)
    created_at = CreatedAtField()

    class Meta:
        db_table = "annotation_reviews"
        verbose_name = "decision"
        constraints = [
            models.CheckConstraint(
                name="annotation_reviews_decision_check",
                condition=models.Q(decision__in=Decision.values),
            ),
            models.CheckConstraint(
                name="annotation_reviews_kind_check",
                condition=models.Q(kind__in=ReviewKind.values),
            ),
            models.CheckConstraint(
                name="annotation_reviews_stage_check",
                condition=models.Q(stage__in=ReviewStage.values),
            ),
            models.CheckConstraint(
                name="annotation_reviews_comment_check",
                condition=LessThanOrEqual(Length("comment"), LONGEST),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.decision} at {timezone.localtime(self.created_at):%Y-%m-%d %H:%M}"


class ReviewClaim(models.Model):
    """Somebody looks at an annotation, which nobody else is shown until then."""

    id = KeyField()
    annotation = models.OneToOneField(Annotation, on_delete=models.CASCADE, related_name="claim")
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    claimed_at = CreatedAtField()
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "review_claims"

    def __str__(self) -> str:
        return f"until {timezone.localtime(self.expires_at):%H:%M:%S}"


class ReviewExtra(models.Model):
    """An annotation that is shown once more: as a spot check, or as one with a known answer.

    ``expected_decision`` and ``expected_label`` are what should be said. Of a spot check ``avoid``
    is the reviewer whose decision is checked.
    """

    id = KeyField()
    annotation = models.ForeignKey(
        Annotation, on_delete=models.CASCADE, related_name="extras", db_index=False
    )
    kind = models.CharField(max_length=20, choices=ReviewKind.choices)
    expected_decision = models.CharField(max_length=20, choices=Decision.choices)
    expected_label = models.CharField(max_length=200, blank=True, default="", db_default="")
    avoid = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    is_open = models.BooleanField(default=True, db_default=True)
    created_at = CreatedAtField()

    class Meta:
        db_table = "review_extras"
        verbose_name = "check of reviewers"
        verbose_name_plural = "checks of reviewers"
        constraints = [
            models.UniqueConstraint(
                name="review_extras_annotation_id_kind_key", fields=["annotation", "kind"]
            ),
            models.CheckConstraint(
                name="review_extras_kind_check",
                condition=models.Q(kind__in=[ReviewKind.SPOT_CHECK, ReviewKind.GOLD]),
            ),
        ]

    def __str__(self) -> str:
        return self.kind


class SavedView(models.Model):
    """Filters of the desk that a person named, as they stand in the address."""

    id = KeyField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    name = models.CharField(max_length=120)
    query = models.CharField(max_length=2000, blank=True, default="", db_default="")
    created_at = CreatedAtField()
    updated_at = UpdatedAtField()

    class Meta:
        db_table = "saved_views"
        constraints = [
            models.UniqueConstraint(name="saved_views_user_id_name_key", fields=["user", "name"])
        ]

    def __str__(self) -> str:
        return self.name
