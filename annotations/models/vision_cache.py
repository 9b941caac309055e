"""Answers of providers that need not be paid for again."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from database.encryption.fields import EncryptedJSONField
from database.fields import CreatedAtField, KeyField


class VisionCacheEntry(models.Model):
    """One answer of one provider to one question.

    ``url_hash`` is the SHA-256, in hexadecimal, over the bytes sent, the model, and the versions of
    prompt and schema; never of an address alone, which may show another picture tomorrow.
    """

    hidden_columns: ClassVar[frozenset[str]] = frozenset({"sealed_response"})
    audit_noun: ClassVar[str] = "cached_answer"

    id = KeyField()
    url_hash = models.CharField(max_length=64)
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=120, blank=True, default="", db_default="")
    image_id = models.UUIDField(null=True, blank=True)
    prompt_version = models.CharField(max_length=120, blank=True, default="", db_default="")
    schema_version = models.CharField(max_length=120, blank=True, default="", db_default="")
    response_data = models.JSONField(null=True, blank=True)
    sealed_response = EncryptedJSONField(null=True, editable=False)
    response_size_bytes = models.IntegerField(default=0, db_default=0)
    response_time_ms = models.IntegerField(null=True, blank=True)
    access_count = models.IntegerField(default=0, db_default=0)
    last_accessed_at = models.DateTimeField(default=timezone.now, db_default=Now())
    created_at = CreatedAtField()
    expires_at = models.DateTimeField(null=True, blank=True)
    # Withdrawn before its time: its image is gone, or somebody asked for erasure.
    invalidated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "vision_api_cache"
        verbose_name = "cached answer"
        constraints = [
            models.CheckConstraint(
                name="vision_api_cache_sizes_check",
                condition=models.Q(response_size_bytes__gte=0, access_count__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.url_hash[:12]}"
