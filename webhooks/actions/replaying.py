"""Sending again what failed for good."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.models import User
from audit.recording import record
from jobs.querysets import JobQuerySet
from webhooks.errors import WebhookError
from webhooks.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint


def failed(
    endpoint: WebhookEndpoint | None = None,
    *,
    ids: Sequence[UUID] = (),
    since: datetime | None = None,
) -> JobQuerySet[WebhookDelivery]:
    """What could not be delivered: to one endpoint or to all, since a moment."""
    rows = WebhookDelivery.objects.filter(status=DeliveryStatus.FAILED)
    if endpoint is not None:
        rows = rows.filter(endpoint=endpoint)
    if ids:
        rows = rows.filter(pk__in=ids)
    if since is not None:
        rows = rows.filter(occurred_at__gte=since)
    return rows


def replay(
    rows: JobQuerySet[WebhookDelivery], *, by: User | None = None, batch_size: int = 1000
) -> Iterator[int]:
    """Put what failed in line again, its attempts counted anew; yields how many, batch by batch.

    The message keeps its id: a receiver that has it already knows that. Each batch is a transaction
    of its own. WebhookError where the endpoint is switched off.
    """
    if by is not None and not by.is_superuser:
        raise PermissionDenied("Only an admin may have deliveries sent again.")
    off = rows.filter(endpoint__is_active=False).values_list("endpoint__name", flat=True).first()
    if off is not None:
        raise WebhookError(f"{off} is switched off. Switch it on first.")
    last: UUID | None = None
    while True:
        rest = rows if last is None else rows.filter(pk__gt=last)
        found = list(rest.order_by("pk").values_list("pk", "endpoint_id")[:batch_size])
        if not found:
            return
        last = found[-1][0]
        with transaction.atomic():
            replayed = sum(
                _replay(endpoint, [key for key, of in found if of == endpoint], by=by)
                for endpoint in sorted({of for _, of in found})
            )
        yield replayed


def _replay(endpoint: UUID, keys: Sequence[UUID], *, by: User | None) -> int:
    count = WebhookDelivery.objects.filter(pk__in=keys).retry()
    if count:
        record(
            "webhook.replayed",
            by=by,
            subject=("webhook", str(endpoint)),
            details={"deliveries": count},
        )
    return count
