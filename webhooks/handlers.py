"""What workers do with deliveries."""

from __future__ import annotations

from typing import Final

import structlog
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from config.outbound.addresses import AddressRefused
from database.encryption.errors import Undecryptable
from jobs.lease import holding
from jobs.printable import printable
from jobs.retry import GiveUp, RetryAfter
from webhooks import posting, signing
from webhooks.actions import standing
from webhooks.errors import NotDelivered
from webhooks.messages import body_of
from webhooks.models import WebhookDelivery, WebhookEndpoint

log = structlog.get_logger(__name__)

# However soon or late a receiver wants to be asked again.
_WAITS: Final = (5.0, 6 * 3600.0)
_GONE: Final = 410


def deliver(delivery: WebhookDelivery) -> None:
    """Send the message once; what became of it is noted with the delivery and its endpoint."""
    endpoint = WebhookEndpoint.objects.filter(pk=delivery.endpoint_id).first()
    if endpoint is None:
        raise GiveUp("The webhook was removed while its delivery waited.")
    if not endpoint.is_active:
        raise GiveUp(f"{endpoint} is switched off. Switch it on, and send this again.")
    body = body_of(delivery)
    try:
        answer = posting.post(endpoint.url, body, _signed(endpoint, delivery, body))
    except (NotDelivered, AddressRefused) as error:
        _failed(delivery, endpoint, str(error), None)
        if isinstance(error, AddressRefused):
            raise GiveUp(str(error)) from None
        raise
    if answer.is_taken:
        with holding(delivery, finish=True):
            _note(delivery, answer)
            standing.note_success(endpoint.pk)
        log.info("webhook delivered", delivery=str(delivery.pk), ms=answer.milliseconds)
        return
    _refused(delivery, endpoint, answer)


@sensitive_variables("held")
def _signed(endpoint: WebhookEndpoint, delivery: WebhookDelivery, body: bytes) -> dict[str, str]:
    now = timezone.now()
    try:
        held = [endpoint.secret.reveal()]
        if endpoint.previous_secret is not None and (endpoint.previous_until or now) > now:
            held.append(endpoint.previous_secret.reveal())
    except Undecryptable:
        raise GiveUp(
            f"The secret of {endpoint} cannot be decrypted with the present keys. Make a new one."
        ) from None
    return signing.headers(held, delivery.event_id, now, body)


def _refused(delivery: WebhookDelivery, endpoint: WebhookEndpoint, answer: posting.Answer) -> None:
    said = f"It answered {answer.status}"
    if 300 <= answer.status < 400:
        said += ", a redirect, which is not followed; enter the URL where it leads"
    start = printable(answer.start).strip()
    sentence = f"{said}: {start[:200]}" if start else f"{said}."
    _failed(delivery, endpoint, sentence, answer)
    if answer.status == _GONE:
        raise GiveUp(sentence)
    if answer.retry_after is not None:
        least, most = _WAITS
        raise RetryAfter(min(max(answer.retry_after, least), most), sentence)
    raise NotDelivered(sentence)


def _failed(
    delivery: WebhookDelivery,
    endpoint: WebhookEndpoint,
    sentence: str,
    answer: posting.Answer | None,
) -> None:
    with holding(delivery):
        _note(delivery, answer)
        standing.note_failure(
            endpoint.pk, sentence, is_gone=answer is not None and answer.status == _GONE
        )


def _note(delivery: WebhookDelivery, answer: posting.Answer | None) -> None:
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        response_status=answer.status if answer else None,
        response_start=printable(answer.start) if answer else "",
        response_ms=answer.milliseconds if answer else None,
    )
