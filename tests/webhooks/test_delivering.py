"""A message reaches its receiver, is tried again, or ends among those that failed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings
from standardwebhooks.webhooks import Webhook

from accounts.models import User
from audit.models import Entry
from jobs.models import Attempt
from tests.factories import make_user
from tests.webhooks.conftest import again, attempt
from tests.webhooks.receiver import Receiver
from webhooks import kinds, posting
from webhooks.actions import endpoints, standing
from webhooks.actions.endpoints import Made
from webhooks.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint
from webhooks.models.delivery import MOST_RETRIES

pytestmark = pytest.mark.django_db
Boil = Callable[..., WebhookDelivery]


def test_a_receiver_is_told_once_and_can_verify_who_says_it(
    endpoint: Made, other_system: Receiver, boil: Boil
) -> None:
    delivery = boil(room="größte Küche")

    assert attempt(delivery) == DeliveryStatus.DELIVERED

    [seen] = other_system.seen
    assert seen.path == "/hook?team=birds"
    told = Webhook(endpoint.secret).verify(seen.body, seen.headers)
    assert told == json.loads(seen.body)
    assert told["type"] == "kettle.boiled"
    assert told["data"] == {"kettle_id": "k-1", "room": "größte Küche"}
    assert told["timestamp"].endswith("Z")
    assert seen.headers["webhook-id"] == f"msg_{delivery.event_id.hex}"
    assert seen.headers["content-type"] == "application/json"
    assert (delivery.response_status, delivery.error_message) == (204, None)
    assert delivery.response_ms is not None
    assert WebhookEndpoint.objects.get().last_delivered_at is not None


def test_what_is_not_taken_is_sent_again_with_the_same_id_and_the_same_bytes(
    endpoint: Made, other_system: Receiver, boil: Boil
) -> None:
    other_system.answers(500, b"out of\x00 tea")
    delivery = boil(degrees=99.5)

    assert attempt(delivery) == DeliveryStatus.PENDING
    assert delivery.available_at is not None
    assert delivery.error_message == "It answered 500: out of\ufffd tea"
    assert (delivery.response_status, delivery.retry_count) == (500, 1)

    other_system.answers(200, b"thanks")
    delivery = again(delivery)
    assert attempt(delivery) == DeliveryStatus.DELIVERED

    first, second = other_system.seen
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    Webhook(endpoint.secret).verify(second.body, second.headers)
    assert Attempt.objects.get(job_id=delivery.pk).error_message == delivery.error_message
    assert WebhookEndpoint.objects.get().failing_since is None


def test_retries_end_within_a_day(endpoint: Made, boil: Boil) -> None:
    rule = kinds.RETRY
    waits = [min(rule.cap, rule.base * rule.factor**n) for n in range(MOST_RETRIES)]

    assert timedelta(hours=12) < timedelta(seconds=sum(waits)) < timedelta(days=1)
    assert boil().max_retries == MOST_RETRIES


def test_what_failed_to_the_end_is_kept(endpoint: Made, other_system: Receiver, boil: Boil) -> None:
    other_system.answers(503)
    delivery = boil()
    WebhookDelivery.objects.filter(pk=delivery.pk).update(retry_count=MOST_RETRIES)

    assert attempt(delivery) == DeliveryStatus.FAILED

    assert WebhookDelivery.objects.get().error_message == "It answered 503."


@pytest.mark.parametrize(("asked", "waits"), [("600", 600), ("1", 5), ("99999", 6 * 3600)])
def test_a_receiver_says_when_it_wants_to_be_asked_again(
    endpoint: Made, other_system: Receiver, boil: Boil, asked: str, waits: int
) -> None:
    other_system.answers(429, Retry_After=asked)
    delivery = boil()

    assert attempt(delivery) == DeliveryStatus.PENDING

    assert delivery.available_at is not None
    left = (delivery.available_at - timezone.now()).total_seconds()
    assert left == pytest.approx(waits, abs=30)


def test_a_redirect_is_not_followed(endpoint: Made, other_system: Receiver, boil: Boil) -> None:
    other_system.answers(302, Location="http://127.0.0.1:1/inside")
    delivery = boil()

    assert attempt(delivery) == DeliveryStatus.PENDING

    assert "a redirect, which is not followed" in (delivery.error_message or "")
    assert len(other_system.seen) == 1


def test_of_a_long_answer_the_start_alone_is_read_and_kept(
    endpoint: Made, other_system: Receiver, boil: Boil
) -> None:
    other_system.floods()
    delivery = boil()

    assert attempt(delivery) == DeliveryStatus.DELIVERED

    assert len(delivery.response_start) == 1000


def test_a_receiver_that_drips_is_left(
    endpoint: Made, other_system: Receiver, boil: Boil, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = posting.post
    monkeypatch.setattr(posting, "post", lambda *args: real(*args, seconds=0.5))
    other_system.drips()
    delivery = boil()

    assert attempt(delivery) == DeliveryStatus.PENDING

    assert delivery.error_message == "There was no answer within 0.5 seconds."


def test_nobody_at_the_address_is_told_in_a_sentence(
    endpoint: Made, other_system: Receiver, admin: User, boil: Boil
) -> None:
    endpoints.change(endpoint.endpoint.pk, url="http://127.0.0.1:9/", by=admin)
    delivery = boil()

    assert attempt(delivery) == DeliveryStatus.PENDING

    assert delivery.error_message == "The connection is refused."


def test_an_address_that_leads_inside_by_now_is_not_asked(
    endpoint: Made, other_system: Receiver, boil: Boil, settings: Settings
) -> None:
    delivery = boil()
    settings.WEBHOOK_ALLOW_PRIVATE = False

    assert attempt(delivery) == DeliveryStatus.FAILED

    assert "is not public" in (delivery.error_message or "")
    assert other_system.seen == []


def test_an_endpoint_that_was_switched_off_meanwhile_gets_nothing(
    endpoint: Made, other_system: Receiver, admin: User, boil: Boil
) -> None:
    delivery = boil()
    endpoints.change(endpoint.endpoint.pk, is_active=False, by=admin)

    assert attempt(delivery) == DeliveryStatus.FAILED

    assert "switched off" in (delivery.error_message or "")
    assert other_system.seen == []


def test_an_endpoint_that_fails_for_five_days_is_switched_off_and_admins_are_told(
    endpoint: Made,
    other_system: Receiver,
    admin: User,
    boil: Boil,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    make_user("analyst")
    other_system.answers(500, b"no")
    delivery = boil()
    since = timezone.now() - standing.PATIENCE + timedelta(hours=1)
    WebhookEndpoint.objects.update(failing_since=since, failure_count=20)
    assert attempt(delivery) == DeliveryStatus.PENDING
    assert WebhookEndpoint.objects.get().is_active

    WebhookEndpoint.objects.update(failing_since=since - timedelta(hours=2))
    with django_capture_on_commit_callbacks(execute=True):
        attempt(again(delivery))

    row = WebhookEndpoint.objects.get()
    assert (row.is_active, row.failure_count) == (False, 22)
    assert row.switched_off_at is not None
    [letter] = mail.outbox
    assert letter.to == [admin.email]
    assert "Tea room" in letter.subject
    assert "It answered 500: no" in letter.body
    assert Entry.objects.filter(action="webhook.switched_off").count() == 1


def test_a_receiver_that_is_gone_is_believed_at_once(
    endpoint: Made, other_system: Receiver, boil: Boil
) -> None:
    other_system.answers(410)

    assert attempt(boil()) == DeliveryStatus.FAILED

    assert not WebhookEndpoint.objects.get().is_active


def test_one_success_ends_a_bad_time(endpoint: Made, other_system: Receiver, boil: Boil) -> None:
    WebhookEndpoint.objects.update(
        failing_since=timezone.now() - timedelta(days=9), failure_count=9, last_error="x"
    )

    attempt(boil())

    row = WebhookEndpoint.objects.get()
    assert (row.failing_since, row.failure_count, row.last_error) == (None, 0, "")


def test_what_attempts_write_needs_no_entry_in_the_audit_log(
    endpoint: Made, other_system: Receiver, boil: Boil
) -> None:
    other_system.answers(500)
    before = Entry.objects.count()

    delivery = boil()
    attempt(delivery)
    other_system.answers(204)
    attempt(again(delivery))

    assert Entry.objects.count() == before
