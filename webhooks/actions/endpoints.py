"""Who is told: entered, changed and removed by admins alone.

A secret is shown once, to whoever made it, and kept encrypted; the audit log has nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypedDict, Unpack
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts.models import User
from audit.recording import record
from config.outbound.addresses import AddressRefused
from webhooks import posting, signing
from webhooks.errors import NotAllowed, NotPossible, UnknownEvent
from webhooks.models import WebhookEndpoint
from webhooks.registry import check_event

# So long a receiver may go on to check with the old secret.
OVERLAP: Final = timedelta(hours=24)
LONGEST_NAME: Final = 120


class Changes(TypedDict, total=False):
    """What can be changed; the secret has functions of its own."""

    name: str
    url: str
    events: Sequence[str]
    is_active: bool


NAMES: Final = tuple(Changes.__annotations__)


@dataclass(frozen=True, slots=True)
class Made:
    """An endpoint with its secret, which is not shown again."""

    endpoint: WebhookEndpoint
    secret: str

    def __repr__(self) -> str:
        return f"Made({self.endpoint!r})"


@sensitive_variables("secret")
def add(*, name: str, url: str, events: Sequence[str] = (), by: User) -> Made:
    """Tell another system of these events from now on; of all, where none is named.

    NotAllowed; NotPossible, by field. The host's name is looked up, outside the transaction.
    """
    _check_admin(by)
    values = _checked({"name": name, "url": url, "events": events})
    secret = signing.new_secret()
    with transaction.atomic():
        _check_name(values["name"], None)
        endpoint = WebhookEndpoint(**values, secret=secret, created_by=by)
        endpoint.save(force_insert=True)
        record("webhook.added", by=by, subject=endpoint, after=_told(endpoint))
    return Made(endpoint, secret)


def change(endpoint_id: UUID, *, by: User, **changes: Unpack[Changes]) -> WebhookEndpoint:
    """Set what is named. Switched on, its failures count anew. NotAllowed, NotPossible."""
    _check_admin(by)
    values = _checked(dict(changes))
    with transaction.atomic():
        endpoint = WebhookEndpoint.objects.select_for_update().get(pk=endpoint_id)
        if "name" in values:
            _check_name(values["name"], endpoint.pk)
        before = _told(endpoint)
        for field, value in values.items():
            setattr(endpoint, field, value)
        after = _told(endpoint)
        changed = [field for field in NAMES if before[field] != after[field]]
        if not changed:
            return endpoint
        written = list(changed)
        if "is_active" in changed:
            endpoint.failing_since, endpoint.failure_count = None, 0
            endpoint.switched_off_at = None if endpoint.is_active else timezone.now()
            written += ["failing_since", "failure_count", "switched_off_at"]
        endpoint.save(update_fields=written)
        record(
            "webhook.changed",
            by=by,
            subject=endpoint,
            before={field: before[field] for field in changed},
            after={field: after[field] for field in changed},
        )
    endpoint.refresh_from_db(fields=["updated_at"])
    return endpoint


@sensitive_variables("secret")
@transaction.atomic
def rotate_secret(endpoint_id: UUID, *, by: User) -> Made:
    """A new secret; for a day the old one signs as well, so that no message is refused."""
    _check_admin(by)
    endpoint = WebhookEndpoint.objects.select_for_update().get(pk=endpoint_id)
    secret = signing.new_secret()
    endpoint.previous_secret = endpoint.secret.reveal()
    endpoint.previous_until = timezone.now() + OVERLAP
    endpoint.secret = secret
    endpoint.save(update_fields=["secret", "previous_secret", "previous_until"])
    record("webhook.secret_changed", by=by, subject=endpoint, details={"kind": "rotated"})
    return Made(endpoint, secret)


@transaction.atomic
def forget_old_secret(endpoint_id: UUID, *, by: User) -> WebhookEndpoint:
    """Sign with the present secret alone, from now on: where the old one is in wrong hands."""
    _check_admin(by)
    endpoint = WebhookEndpoint.objects.select_for_update().get(pk=endpoint_id)
    if endpoint.previous_secret is not None:
        endpoint.previous_secret, endpoint.previous_until = None, None
        endpoint.save(update_fields=["previous_secret", "previous_until"])
        record("webhook.secret_changed", by=by, subject=endpoint, details={"kind": "old forgotten"})
    return endpoint


@transaction.atomic
def remove(endpoint_id: UUID, *, by: User) -> None:
    """Tell it nothing any more; its deliveries go with it."""
    _check_admin(by)
    endpoint = WebhookEndpoint.objects.select_for_update().get(pk=endpoint_id)
    record("webhook.removed", by=by, subject=endpoint, before=_told(endpoint))
    endpoint.delete()


# --- What is checked ------------------------------------------------------------------------------


def _check_admin(by: User) -> None:
    if not by.is_superuser:
        raise NotAllowed("Only an admin may say who is told of what happens here.")


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    wrong: dict[str, list[str]] = {}
    values = dict(given)
    if "name" in values:
        values["name"] = " ".join(str(values["name"]).split())
        if not 1 <= len(values["name"]) <= LONGEST_NAME or not values["name"].isprintable():
            wrong["name"] = [f"A webhook has a name of 1 to {LONGEST_NAME} characters."]
    if "events" in values:
        try:
            values["events"] = sorted({check_event(name) for name in values["events"]})
        except UnknownEvent as error:
            wrong["events"] = [str(error)]
    if "url" in values:
        try:
            values["url"] = posting.check(values["url"])
        except AddressRefused as error:
            wrong["url"] = [str(error)]
    if wrong:
        raise NotPossible(wrong)
    return values


def _check_name(name: str, own: UUID | None) -> None:
    others = WebhookEndpoint.objects.filter(name=name)
    if (others if own is None else others.exclude(pk=own)).exists():
        raise NotPossible({"name": ["There is a webhook of this name already."]})


def _told(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {field: getattr(endpoint, field) for field in NAMES}
