"""What a person watches: a machine, a line, a fleet."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from database.encryption.fields import EncryptedJSONField
from database.fields import CreatedAtField, KeyField, UpdatedAtField
from monitoring.querysets import DatasetQuerySet


class Dataset(models.Model):
    """One machine of one person, with its maps and analyses.

    Its owner alone sees it, and admins; the trigger ``keep_dataset_owner()`` refuses another one.
    With the setting ``encrypt_dataset_metadata`` what is noted of it stands in ``sealed_metadata``
    instead of ``metadata``; ``noted`` reads either. A dataset that is not active takes no analyses.
    """

    hidden_columns: ClassVar[frozenset[str]] = frozenset({"sealed_metadata"})
    audit_noun: ClassVar[str] = "dataset"

    id = KeyField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="datasets",
        db_index=False,
        verbose_name="owner",
    )
    name = models.CharField(max_length=255)
    description = models.TextField(null=True, blank=True)
    tags = ArrayField(models.TextField(), null=True, blank=True)
    metadata = models.JSONField(
        default=dict, db_default=models.Value({}, models.JSONField()), blank=True
    )
    sealed_metadata = EncryptedJSONField(null=True, editable=False)
    is_active = models.BooleanField("active", default=True, db_default=True)
    last_analysis_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = CreatedAtField()
    updated_at = UpdatedAtField()

    objects = DatasetQuerySet.as_manager()

    class Meta:
        db_table = "datasets"
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="datasets_name_check", condition=~models.Q(name__regex=r"^\s*$")
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def noted(self) -> dict[str, Any]:
        """What is noted of it, wherever it stands."""
        if self.sealed_metadata is None:
            return dict(self.metadata or {})
        revealed: dict[str, Any] = self.sealed_metadata.reveal()
        return revealed
