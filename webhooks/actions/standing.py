"""How endpoints stand: what arrived, what did not, and when it is no use to go on."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts import mail
from accounts.models import User
from accounts.roles import Role
from audit.recording import record
from webhooks.models import WebhookEndpoint

log = structlog.get_logger(__name__)

# An endpoint that took nothing for so long is told nothing any more.
PATIENCE: Final = timedelta(days=5)
# A success is noted so often at most: a busy endpoint's row is not written with each message.
_EVERY: Final = timedelta(minutes=1)


def note_success(endpoint_id: UUID) -> None:
    """The endpoint took a message; in the transaction that says so."""
    now = timezone.now()
    stale = Q(last_delivered_at=None) | Q(last_delivered_at__lt=now - _EVERY)
    WebhookEndpoint.objects.filter(Q(failing_since__isnull=False) | stale, pk=endpoint_id).update(
        failing_since=None, failure_count=0, last_error="", last_delivered_at=now
    )


def note_failure(endpoint_id: UUID, sentence: str, *, is_gone: bool = False) -> None:
    """An attempt failed; after five days of nothing else the endpoint is switched off.

    ``is_gone``  it said itself (410) that nobody is there any more, which needs no patience
    """
    now = timezone.now()
    WebhookEndpoint.objects.filter(pk=endpoint_id).update(
        failing_since=Coalesce("failing_since", now),
        failure_count=F("failure_count") + 1,
        last_error=sentence[:2000],
    )
    worn_out = Q() if is_gone else Q(failing_since__lte=now - PATIENCE)
    endpoint = (
        WebhookEndpoint.objects.select_for_update()
        .filter(worn_out, pk=endpoint_id, is_active=True)
        .first()
    )
    if endpoint is not None:
        _switch_off(endpoint, sentence)


def _switch_off(endpoint: WebhookEndpoint, sentence: str) -> None:
    endpoint.is_active, endpoint.switched_off_at = False, timezone.now()
    endpoint.save(update_fields=["is_active", "switched_off_at"])
    record(
        "webhook.switched_off",
        subject=endpoint,
        before={"is_active": True},
        after={"is_active": False},
        details={"failing_since": endpoint.failing_since, "failures": endpoint.failure_count},
        error=sentence[:200],
    )
    log.warning("webhook switched off", webhook=str(endpoint.pk))
    text = (
        f"The webhook {endpoint.name} has taken nothing since"
        f" {endpoint.failing_since:%-d %B %Y %H:%M} (UTC) and was switched off.\n\n"
        f"The last attempt: {sentence}\n\n"
        "What could not be delivered is kept. When the receiver is back, switch the webhook on and"
        f" send it again: {settings.SITE_URL}/webhooks/webhookendpoint/{endpoint.pk}/change/"
    )
    for admin in User.objects.filter(role=Role.ADMIN, is_active=True).order_by("pk"):
        mail.post("webhook_off", admin.email, f"A webhook was switched off: {endpoint.name}", text)
