"""Saying that somebody has seen an anomaly."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.recording import record
from monitoring.errors import NotNow
from monitoring.models import Anomaly

log = structlog.get_logger(__name__)


@transaction.atomic
def acknowledge(anomaly_id: UUID, *, by: User) -> Anomaly:
    """Note who has seen an anomaly; the first one counts. NotNow when somebody was before."""
    try:
        anomaly = Anomaly.objects.select_for_update(no_key=True).get(pk=anomaly_id)
    except Anomaly.DoesNotExist:
        raise NotNow(f"There is no anomaly {anomaly_id}.") from None
    if anomaly.acknowledged:
        raise NotNow(f"The anomaly was acknowledged at {anomaly.acknowledged_at:%Y-%m-%d %H:%M}.")
    _write([anomaly], by=by)
    return anomaly


@transaction.atomic
def acknowledge_many(anomaly_ids: Sequence[UUID], *, by: User) -> int:
    """The same for many; those that somebody has seen already are left. Returns how many."""
    rows = Anomaly.objects.select_for_update(no_key=True).filter(pk__in=anomaly_ids)
    fresh = list(rows.filter(acknowledged=False).order_by("id"))
    _write(fresh, by=by)
    return len(fresh)


def _write(anomalies: Sequence[Anomaly], *, by: User) -> None:
    now = timezone.now()
    for anomaly in anomalies:
        anomaly.acknowledged, anomaly.acknowledged_by, anomaly.acknowledged_at = True, by, now
        # By its month too: without it every month's partition is looked at.
        Anomaly.objects.filter(pk=anomaly.pk, timestamp=anomaly.timestamp).update(
            acknowledged=True, acknowledged_by=by, acknowledged_at=now
        )
        record(
            "anomaly.acknowledged",
            by=by,
            subject=anomaly,
            details={"dataset": str(anomaly.dataset_id), "severity": anomaly.severity},
        )
    log.info("anomalies acknowledged", count=len(anomalies), user_id=str(by.pk))
