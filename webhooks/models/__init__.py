"""The tables of webhooks."""

from webhooks.models.delivery import DeliveryStatus, WebhookDelivery
from webhooks.models.endpoint import WebhookEndpoint

__all__ = ["DeliveryStatus", "WebhookDelivery", "WebhookEndpoint"]
