"""A receiver, an admin, and events of the tests' own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from pytest_django import Settings

from accounts.models import User
from jobs.errors import GiveUp, RetryAfter
from tests.factories import make_user
from tests.webhooks.receiver import Receiver, receiver
from webhooks import handlers, registry
from webhooks.actions import emit, endpoints
from webhooks.actions.endpoints import Made
from webhooks.errors import NotDelivered
from webhooks.models import WebhookDelivery

LIMIT = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two events that no package has."""
    monkeypatch.setitem(registry._known, "kettle.boiled", "A kettle boiled.")
    monkeypatch.setitem(registry._known, "kettle.emptied", "A kettle was emptied.")


@pytest.fixture
def admin(db: None) -> User:
    """Who says who is told."""
    return make_user("admin")


@pytest.fixture
def other_system(settings: Settings) -> Iterator[Receiver]:
    """Another system on this machine, which may be told of things."""
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with receiver() as made:
        yield made


@pytest.fixture
def endpoint(admin: User, other_system: Receiver) -> Made:
    """It is told of boiling kettles."""
    return endpoints.add(name="Tea room", url=other_system.url, events=["kettle.boiled"], by=admin)


@pytest.fixture
def boil() -> Callable[..., WebhookDelivery]:
    """A kettle boils; the delivery, as a worker has it."""

    def happen(**payload: Any) -> WebhookDelivery:
        with transaction.atomic():
            emit("kettle.boiled", {"kettle_id": "k-1"} | payload)
        return claimed()

    return happen


def claimed() -> WebhookDelivery:
    """The next delivery, begun by a worker."""
    [job] = WebhookDelivery.objects.claim("worker-1", 1, time_limit=LIMIT)
    return job


def attempt(delivery: WebhookDelivery) -> str:
    """One attempt, settled as the engine would; the status then."""
    jobs = WebhookDelivery.objects
    try:
        handlers.deliver(delivery)
    except GiveUp as error:
        jobs.fail(delivery, str(error), permanent=True)
    except RetryAfter as error:
        jobs.fail(delivery, str(error), delay=error.seconds)
    except NotDelivered as error:
        jobs.fail(delivery, str(error))
    delivery.refresh_from_db()
    return delivery.status


def again(delivery: WebhookDelivery) -> WebhookDelivery:
    """The moment of its next attempt has come."""
    WebhookDelivery.objects.filter(pk=delivery.pk).update(available_at=None)
    return claimed()
