"""Results that need not be computed again."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from database.fields import CreatedAtField, KeyField


class AnalysisCacheEntry(models.Model):
    """The result of one image under one algorithm fingerprint.

    ``cache_key`` is the image's SHA-256, a colon and the fingerprint.
    """

    audit_noun: ClassVar[str] = "cached_result"

    id = KeyField()
    cache_key = models.CharField(max_length=255, unique=True)
    image = models.ForeignKey(
        "imaging.Image", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    analysis = models.ForeignKey(
        "imaging.AnalysisResult",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    algorithm_fingerprint = models.TextField()
    cached_result = models.JSONField()
    hit_count = models.IntegerField(default=0, db_default=0)
    last_accessed_at = models.DateTimeField(default=timezone.now, db_default=Now())
    created_at = CreatedAtField()
    expires_at = models.DateTimeField(null=True, blank=True)
    size_bytes = models.IntegerField(default=0, db_default=0)

    class Meta:
        db_table = "analysis_cache"
        verbose_name = "cached result"
        constraints = [
            models.CheckConstraint(
                name="analysis_cache_size_bytes_check", condition=models.Q(size_bytes__gte=0)
            )
        ]

    def __str__(self) -> str:
        return f"cached result {self.cache_key[:12]}…"
