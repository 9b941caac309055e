"""The pages: admins alone, a secret once, and what failed sent again."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit.models import Entry
from tests.factories import make_user
from tests.webhooks.conftest import attempt
from tests.webhooks.receiver import Receiver
from tests.webhooks.test_delivering import Boil
from webhooks.actions import endpoints
from webhooks.actions.endpoints import Made
from webhooks.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint

pytestmark = pytest.mark.django_db


def client(user: User | None = None, role: str = "admin") -> Client:
    made = Client()
    made.force_login(user or make_user(role))
    return made


def url(name: str, *arguments: object) -> str:
    return reverse(f"admin:webhooks_{name}", args=arguments)


@pytest.fixture
def dead(endpoint: Made, other_system: Receiver, boil: Boil) -> WebhookDelivery:
    """A delivery that was refused to the end."""
    other_system.answers(500, b"<b>out of tea</b>")
    delivery = boil()
    WebhookDelivery.objects.update(retry_count=10)
    assert attempt(delivery) == DeliveryStatus.FAILED
    return delivery


@pytest.mark.parametrize("role", ["moderator", "analyst", "viewer"])
def test_who_is_no_admin_sees_and_does_nothing(dead: WebhookDelivery, role: str) -> None:
    browser, key = client(role=role), dead.endpoint_id

    for path in (
        url("webhookendpoint_changelist"),
        url("webhookendpoint_add"),
        url("webhookendpoint_change", key),
        url("webhookdelivery_changelist"),
        url("webhookdelivery_change", dead.pk),
        url("webhookendpoint_edit", key),
        url("webhookendpoint_secret", key),
    ):
        assert browser.get(path).status_code == 403, path
    for name in ("secret", "forget_secret", "switch", "replay", "remove", "edit"):
        assert browser.post(url(f"webhookendpoint_{name}", key)).status_code == 403, name
    assert browser.post(url("webhookdelivery_retry", dead.pk)).status_code == 403
    assert WebhookDelivery.objects.get().status == DeliveryStatus.FAILED


def test_a_webhook_is_added_and_its_secret_shown_once(admin: User, other_system: Receiver) -> None:
    browser = client(admin)
    said = {"name": "Warehouse", "url": other_system.url, "events": ["kettle.boiled"]}

    shown = browser.post(url("webhookendpoint_add"), said)

    found = re.search(r"whsec_[A-Za-z0-9+/=&#;]+", shown.content.decode())
    assert found
    assert shown["Referrer-Policy"] == "no-referrer"
    assert "no-store" in shown["Cache-Control"]
    row = WebhookEndpoint.objects.get()
    assert (row.events, row.created_by) == (["kettle.boiled"], admin)
    page = browser.get(url("webhookendpoint_change", row.pk)).content.decode()
    assert "whsec_" not in page
    assert "one, encrypted" in page
    assert "Warehouse" in browser.get(url("webhookendpoint_changelist")).content.decode()


def test_what_was_wrong_stands_beside_its_field(admin: User) -> None:
    said = {"name": "Warehouse", "url": "https://127.0.0.1/"}

    page = client(admin).post(url("webhookendpoint_add"), said)

    assert "which is not public" in page.content.decode()
    assert not WebhookEndpoint.objects.exists()


def test_a_webhook_is_changed_switched_and_removed(
    endpoint: Made, admin: User, other_system: Receiver
) -> None:
    browser, key = client(admin), endpoint.endpoint.pk
    said = {"name": "Kitchen", "url": other_system.url}

    assert browser.get(url("webhookendpoint_edit", key)).status_code == 200
    browser.post(url("webhookendpoint_edit", key), said)
    browser.post(url("webhookendpoint_switch", key))
    row = WebhookEndpoint.objects.get()
    assert (row.name, row.events, row.is_active) == ("Kitchen", [], False)
    assert browser.get(url("webhookendpoint_remove", key)).status_code == 200
    browser.post(url("webhookendpoint_remove", key))
    assert not WebhookEndpoint.objects.exists()


def test_a_new_secret_is_shown_once_and_the_old_one_forgotten(endpoint: Made, admin: User) -> None:
    browser, key = client(admin), endpoint.endpoint.pk

    assert "whsec_" not in browser.get(url("webhookendpoint_secret", key)).content.decode()
    assert "whsec_" in browser.post(url("webhookendpoint_secret", key)).content.decode()
    assert (
        "the old one signs until"
        in browser.get(url("webhookendpoint_change", key)).content.decode()
    )
    browser.post(url("webhookendpoint_forget_secret", key))
    assert WebhookEndpoint.objects.get().previous_secret is None


def test_what_failed_is_shown_with_its_answer_and_sent_again(
    dead: WebhookDelivery, admin: User
) -> None:
    browser = client(admin)

    listed = browser.get(url("webhookdelivery_changelist"), {"status": "failed"}).content.decode()
    page = browser.get(url("webhookdelivery_change", dead.pk)).content.decode()
    assert "kettle.boiled" in listed
    assert "Tea room" in listed
    assert "It answered 500" in page
    assert "<b>out of tea</b>" not in page

    browser.post(url("webhookdelivery_retry", dead.pk))

    assert WebhookDelivery.objects.get().status == DeliveryStatus.PENDING
    entry = Entry.objects.get(action="webhook.replayed")
    assert entry.actor_id == admin.pk


def test_all_of_a_webhook_is_sent_again_at_once(dead: WebhookDelivery, admin: User) -> None:
    browser = client(admin)
    page = browser.get(url("webhookendpoint_change", dead.endpoint_id)).content.decode()
    assert "Send again what failed" in page

    browser.post(url("webhookendpoint_replay", dead.endpoint_id))

    assert WebhookDelivery.objects.get().status == DeliveryStatus.PENDING


def test_what_is_switched_off_is_told_nothing_and_the_page_says_so(
    dead: WebhookDelivery, admin: User
) -> None:
    endpoints.change(dead.endpoint_id, is_active=False, by=admin)
    browser = client(admin)

    answer = browser.post(url("webhookdelivery_retry", dead.pk), follow=True)

    assert "Tea room is switched off" in answer.content.decode()
    assert WebhookDelivery.objects.get().status == DeliveryStatus.FAILED
