"""What is remembered of requests: how many there were, and what a repeated one is answered."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from database.fields import CreatedAtField, KeyField


class Throttle(models.Model):
    """Requests of one subject within the window that began at ``window_started_at``.

    Counted by ``count_request()`` alone, in one statement; nobody's business but the system's.
    """

    id = KeyField()
    scope = models.CharField(max_length=50)
    subject = models.CharField(max_length=100)
    window_started_at = models.DateTimeField(default=timezone.now, db_default=Now())
    requests = models.IntegerField(default=1, db_default=1)

    class Meta:
        db_table = "throttles"
        constraints = [
            models.UniqueConstraint(fields=["scope", "subject"], name="throttles_scope_subject_key")
        ]

    def __str__(self) -> str:
        return f"{self.scope}: {self.requests}"


class IdempotencyKey(models.Model):
    """A request that may come again, and its answer; kept for a day, confined to its owner.

    ``completed_at`` is empty while the first attempt runs.
    """

    id = KeyField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    key = models.CharField(max_length=255)
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=1000)
    request_hash = models.CharField(max_length=64)
    status = models.SmallIntegerField(null=True, blank=True)
    response = models.JSONField(null=True, blank=True)
    created_at = CreatedAtField()
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "idempotency_keys"
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="idempotency_keys_user_id_key_key")
        ]

    def __str__(self) -> str:
        return self.key
