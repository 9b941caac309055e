"""What they are told, and what became of it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from jobs.models.job import Job, States
from webhooks.models.endpoint import WebhookEndpoint

# With webhooks.kinds.RETRY the eleventh attempt comes within a day of the first.
MOST_RETRIES = 10


class DeliveryStatus(models.TextChoices):
    """Where a delivery stands."""

    PENDING = "pending", "waits"
    SENDING = "sending", "being sent"
    DELIVERED = "delivered", "delivered"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"


class WebhookDelivery(Job):
    """One event on its way to one endpoint; written in the transaction in which it happened.

    ``event_id`` is the same for all endpoints and all attempts: by it a receiver knows what it has
    already. What failed stays, as the list of what can be sent again.
    """

    states: ClassVar[States] = States(
        ready=DeliveryStatus.PENDING,
        running=DeliveryStatus.SENDING,
        done=DeliveryStatus.DELIVERED,
        failed=DeliveryStatus.FAILED,
        cancelled=DeliveryStatus.CANCELLED,
    )

    status = models.CharField(
        max_length=20,
        choices=DeliveryStatus.choices,
        default=DeliveryStatus.PENDING,
        db_default=DeliveryStatus.PENDING,
    )
    max_retries = models.IntegerField(default=MOST_RETRIES, db_default=MOST_RETRIES)
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    event = models.CharField(max_length=100)
    event_id = models.UUIDField()
    occurred_at = models.DateTimeField(default=timezone.now, db_default=Now())
    payload = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    # What the last attempt was answered with, and how long that took.
    response_status = models.IntegerField(null=True, blank=True, editable=False)
    response_start = models.TextField(blank=True, default="", db_default="", editable=False)
    response_ms = models.IntegerField(null=True, blank=True, editable=False)

    class Meta(Job.Meta):
        db_table = "webhook_deliveries"
        verbose_name = "delivery"
        verbose_name_plural = "deliveries"
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                name="webhook_deliveries_status_check",
                condition=models.Q(status__in=DeliveryStatus.values),
            ),
            models.UniqueConstraint(
                name="webhook_deliveries_event_id_endpoint_id_key",
                fields=["event_id", "endpoint"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.event_id}"
