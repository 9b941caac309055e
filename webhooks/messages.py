"""The body of a message: the same bytes at each attempt."""

from __future__ import annotations

import json
from datetime import UTC

from webhooks.models import WebhookDelivery


def body_of(delivery: WebhookDelivery) -> bytes:
    """``{"type", "timestamp", "data"}`` in UTF-8, as Standard Webhooks recommends."""
    at = delivery.occurred_at.astimezone(UTC).isoformat(timespec="microseconds")
    message = {
        "type": delivery.event,
        "timestamp": at.replace("+00:00", "Z"),
        "data": delivery.payload,
    }
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")
