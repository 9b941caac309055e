"""An event is told of in the transaction in which it happens, to whoever wants it."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from database.actor import acting_as
from tests.factories import make_user
from tests.webhooks.conftest import claimed
from tests.webhooks.receiver import Receiver
from webhooks.actions import emit, emit_each, endpoints
from webhooks.actions.endpoints import Made
from webhooks.errors import NotInTransaction, UnknownEvent
from webhooks.models import WebhookDelivery, WebhookEndpoint
from webhooks.registry import declare_event

pytestmark = pytest.mark.django_db


def test_each_endpoint_that_wants_it_gets_the_event_under_one_id(
    endpoint: Made, other_system: Receiver, admin: User
) -> None:
    everything = endpoints.add(name="All", url=other_system.url, by=admin).endpoint
    endpoints.add(name="Empty", url=other_system.url, events=["kettle.emptied"], by=admin)
    off = endpoints.add(name="Off", url=other_system.url, by=admin).endpoint
    endpoints.change(off.pk, is_active=False, by=admin)

    assert emit("kettle.boiled", {"kettle_id": "k-1"}) == 2

    rows = WebhookDelivery.objects.all()
    assert {row.endpoint_id for row in rows} == {endpoint.endpoint.pk, everything.pk}
    assert len({row.event_id for row in rows}) == 1
    assert {row.status for row in rows} == {"pending"}
    assert {row.max_retries for row in rows} == {10}


def test_whoever_decides_need_not_be_allowed_to_know_who_is_told(endpoint: Made) -> None:
    with acting_as(make_user("analyst").pk), transaction.atomic():
        assert WebhookEndpoint.objects.count() == 0
        assert emit("kettle.boiled", {}) == 1
        assert WebhookDelivery.objects.count() == 0

    assert WebhookDelivery.objects.count() == 1


def test_what_is_rolled_back_is_told_to_nobody(endpoint: Made) -> None:
    with transaction.atomic():
        emit("kettle.boiled", {})
        transaction.set_rollback(True)

    assert WebhookDelivery.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_can_be_told_of() -> None:
    with pytest.raises(NotInTransaction, match=r"transaction\.atomic"):
        emit("kettle.boiled", {})


def test_an_event_that_nobody_declared_is_refused_by_name() -> None:
    with pytest.raises(UnknownEvent, match="no event 'kettle.sang'"):
        emit("kettle.sang", {})


@pytest.mark.parametrize("name", ["Kettle.boiled", "kettle", "kettle boiled", "kettle." + "x" * 99])
def test_an_event_has_a_name_of_the_usual_form(name: str) -> None:
    with pytest.raises(ValueError, match=r"noun\.verb"):
        declare_event(name, "Something.")


def test_an_event_has_one_meaning() -> None:
    with pytest.raises(ValueError, match="declared twice"):
        declare_event("kettle.boiled", "Something else.")
    assert declare_event("kettle.boiled", "A kettle boiled.") == "kettle.boiled"


def test_keys_moments_and_amounts_become_json(endpoint: Made) -> None:
    key, now = UUID(int=7), timezone.now()

    emit("kettle.boiled", {"id": key, "at": now, "degrees": Decimal("99.5")})

    told = WebhookDelivery.objects.get().payload
    assert told["id"] == str(key)
    assert told["degrees"] == "99.5"
    assert told["at"].startswith(f"{now:%Y-%m-%dT%H:%M}")


def test_thousands_at_once_are_each_told_of_and_keep_their_order(
    endpoint: Made, other_system: Receiver, admin: User
) -> None:
    endpoints.add(name="All", url=other_system.url, by=admin)

    assert emit_each("kettle.boiled", [{"number": number} for number in range(2500)]) == 5000

    ids = WebhookDelivery.objects.values_list("event_id", flat=True).distinct()
    assert len(ids) == 2500
    assert claimed().payload == {"number": 0}


def test_nothing_is_queued_where_there_is_nothing_to_tell(endpoint: Made) -> None:
    assert emit_each("kettle.boiled", []) == 0
