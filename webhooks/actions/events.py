"""Telling other systems of what happens: a row for each endpoint, in the same transaction.

What is rolled back was never told of; what is committed is sent by a worker, at least once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from database.actor import acting_as_system
from database.fields import uuid7
from webhooks.errors import NotInTransaction
from webhooks.models import WebhookDelivery, WebhookEndpoint
from webhooks.registry import check_event

Payload = Mapping[str, Any]

# Rows of one INSERT; ten thousand decisions at once are told of in parts.
_AT_ONCE: Final = 2000


def emit(event: str, payload: Payload) -> int:
    """Queue the event for every endpoint that wants it; returns how many those are.

    ``payload`` holds what the receiver is to know: keys of rows, never personal data. UnknownEvent;
    NotInTransaction.
    """
    return emit_each(event, [payload])


def emit_each(event: str, payloads: Sequence[Payload]) -> int:
    """As ``emit``, for events of one kind that happen together; returns the deliveries queued."""
    check_event(event)
    if not connection.in_atomic_block:
        raise NotInTransaction(
            f"{event} is told of in the transaction in which it happens: use transaction.atomic."
        )
    if not payloads:
        return 0
    now = timezone.now()
    with acting_as_system():  # whoever decides need not know who is told
        endpoints = _wanting(event)
        if not endpoints:
            return 0
        pairs = [
            (endpoint, event_id, told)
            for event_id, told in ((uuid7(), _plain(payload)) for payload in payloads)
            for endpoint in endpoints
        ]
        for start in range(0, len(pairs), _AT_ONCE):
            part = pairs[start : start + _AT_ONCE]
            WebhookDelivery.objects.enqueue_rows(
                event=event,
                occurred_at=now,
                endpoint_id=[endpoint for endpoint, _, _ in part],
                event_id=[event_id for _, event_id, _ in part],
                payload=[told for _, _, told in part],
            )
    return len(pairs)


def is_wanted(event: str) -> bool:
    """Whether anybody is told of the event: for callers to whom payloads would cost much."""
    with acting_as_system():
        return bool(_wanting(check_event(event)))


def _wanting(event: str) -> list[UUID]:
    wanting = WebhookEndpoint.objects.filter(Q(events=[]) | Q(events__contains=[event]))
    return list(wanting.filter(is_active=True).order_by("pk").values_list("pk", flat=True))


def _plain(payload: Payload) -> dict[str, Any]:
    """Keys, moments and amounts as JSON has them."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(payload), cls=DjangoJSONEncoder))
    return plain
