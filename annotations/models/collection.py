"""Images that are reviewed together, and how."""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Final

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from database.fields import CreatedAtField, KeyField, UpdatedAtField

# One decision, which is the last.
_ONE_STAGE: Final = ("final",)


class ImageCollection(models.Model):
    """A project of images: its labels, its stages of review, its checks of reviewers.

    ``labels``  a JSON array of the words to choose from; empty: any
    ``stages``  a JSON array out of ``L1``, ``L2`` and ``final``, ending with ``final``
    ``spot_check_percent``  of what is decided, so much is shown to somebody else as well
    ``gold_percent``        of what a reviewer is shown, so much has a known answer
    """

    audit_noun: ClassVar[str] = "collection"

    id = KeyField()
    name = models.CharField(max_length=200, unique=True)
    description = models.TextField(blank=True, default="", db_default="")
    labels = models.JSONField(
        default=list, db_default=models.Value([], models.JSONField()), blank=True
    )
    stages = models.JSONField(
        default=partial(list, _ONE_STAGE),
        db_default=models.Value([*_ONE_STAGE], models.JSONField()),
    )
    spot_check_percent = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        default=0,
        db_default=0,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    gold_percent = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        default=0,
        db_default=0,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    is_archived = models.BooleanField("archived", default=False, db_default=False)
    created_at = CreatedAtField()
    updated_at = UpdatedAtField()

    class Meta:
        db_table = "image_collections"
        verbose_name = "collection"
        constraints = [
            models.CheckConstraint(
                name="image_collections_percent_check",
                condition=models.Q(
                    spot_check_percent__gte=0,
                    spot_check_percent__lte=100,
                    gold_percent__gte=0,
                    gold_percent__lte=100,
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CollectionImage(models.Model):
    """An image in a collection; in one at most, so that it is clear how it is reviewed."""

    id = KeyField()
    collection = models.ForeignKey(
        ImageCollection, on_delete=models.CASCADE, related_name="members", db_index=False
    )
    image = models.OneToOneField(
        "imaging.Image", on_delete=models.CASCADE, related_name="collection_member"
    )
    created_at = CreatedAtField()

    class Meta:
        db_table = "collection_images"

    def __str__(self) -> str:
        return f"image {self.image_id}"
