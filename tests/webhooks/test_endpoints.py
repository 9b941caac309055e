"""Who is told: entered, changed and removed by admins alone; secrets shown once."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from accounts.models import User
from audit.models import Entry
from tests.factories import make_user
from tests.webhooks.conftest import attempt
from tests.webhooks.receiver import Receiver
from tests.webhooks.test_delivering import Boil
from webhooks.actions import endpoints
from webhooks.actions.endpoints import Made
from webhooks.errors import NotAllowed, NotPossible
from webhooks.models import WebhookDelivery, WebhookEndpoint

pytestmark = pytest.mark.django_db


def test_a_secret_is_encrypted_shown_once_and_nowhere_else(
    endpoint: Made, admin: User, capsys: pytest.CaptureFixture[str]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM webhook_endpoints")
        stored = bytes(cursor.fetchone()[0])

    assert endpoint.secret.startswith("whsec_")
    assert endpoint.secret.encode() not in stored
    assert endpoint.secret not in repr(endpoint)
    entry = Entry.objects.filter(action="webhook.added").values().get()
    assert "Tea room" in json.dumps(entry, default=str)
    assert endpoint.secret not in json.dumps(entry, default=str)
    assert "whsec_" not in capsys.readouterr().err
    row = WebhookEndpoint.objects.get()
    assert endpoint.secret not in repr(row.__dict__)


def test_a_rotated_secret_and_the_old_one_both_sign_for_a_day(
    endpoint: Made, other_system: Receiver, admin: User, boil: Boil
) -> None:
    new = endpoints.rotate_secret(endpoint.endpoint.pk, by=admin).secret

    attempt(boil())
    WebhookEndpoint.objects.update(previous_until=timezone.now() - timedelta(seconds=1))
    attempt(boil())

    first, second = other_system.seen
    for secret in (new, endpoint.secret):
        Webhook(secret).verify(first.body, first.headers)
    Webhook(new).verify(second.body, second.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint.secret).verify(second.body, second.headers)


def test_an_old_secret_in_wrong_hands_is_forgotten_at_once(
    endpoint: Made, other_system: Receiver, admin: User, boil: Boil
) -> None:
    endpoints.rotate_secret(endpoint.endpoint.pk, by=admin)

    endpoints.forget_old_secret(endpoint.endpoint.pk, by=admin)
    attempt(boil())

    [seen] = other_system.seen
    assert " " not in seen.headers["webhook-signature"]
    assert Entry.objects.filter(action="webhook.secret_changed").count() == 2


@pytest.mark.parametrize("role", ["moderator", "analyst", "viewer", "api_user"])
def test_who_is_no_admin_changes_nothing(endpoint: Made, role: str) -> None:
    person, key = make_user(role), endpoint.endpoint.pk

    for refused in (
        lambda: endpoints.add(name="X", url="https://example.com/", by=person),
        lambda: endpoints.change(key, is_active=False, by=person),
        lambda: endpoints.rotate_secret(key, by=person),
        lambda: endpoints.forget_old_secret(key, by=person),
        lambda: endpoints.remove(key, by=person),
    ):
        with pytest.raises(NotAllowed, match="Only an admin"):
            refused()
    assert WebhookEndpoint.objects.get().is_active


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://example.com/hook", "not public|unencrypted|has no address"),
        ("https://127.0.0.1/hook", "not public"),
        ("https://169.254.169.254/latest/meta-data", "not public"),
        ("https://[::1]/", "not public"),
        ("https://10.0.0.1/", "not public"),
        ("https://user:pw@example.com/", "name or password"),
        ("ftp://example.com/", "not of the form"),
        ("https://exa mple.com/", "character that belongs into none"),
        ("https://example.com/#x", "fragment"),
        ("", "not of the form"),
    ],
)
def test_an_address_inside_or_none_at_all_is_refused(
    admin: User, url: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotPossible, match=sentence) as caught:
        endpoints.add(name="X", url=url, by=admin)

    assert set(caught.value.fields) == {"url"}
    assert not WebhookEndpoint.objects.exists()


def test_even_where_private_addresses_are_allowed_metadata_is_not(
    admin: User, settings: Settings
) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True

    assert endpoints.add(name="In", url="https://10.1.2.3/x?y=1", by=admin).endpoint.url
    for url in ("https://169.254.169.254/", "http://10.1.2.3/"):
        with pytest.raises(NotPossible):
            endpoints.add(name="Y", url=url, by=admin)


def test_names_and_events_are_checked(endpoint: Made, other_system: Receiver, admin: User) -> None:
    for given, field in (
        ({"name": " "}, "name"),
        ({"name": "Tea room"}, "name"),
        ({"name": "Y", "events": ["kettle.sang"]}, "events"),
    ):
        with pytest.raises(NotPossible) as caught:
            endpoints.add(**{"name": "N", "url": other_system.url, "by": admin} | given)  # type: ignore[arg-type] # as parameters
        assert set(caught.value.fields) == {field}


def test_what_is_changed_is_recorded_and_failures_count_anew(endpoint: Made, admin: User) -> None:
    WebhookEndpoint.objects.update(failing_since=timezone.now(), failure_count=7)

    endpoints.change(endpoint.endpoint.pk, is_active=False, by=admin)
    row = endpoints.change(endpoint.endpoint.pk, is_active=True, events=[], by=admin)

    assert (row.failing_since, row.failure_count, row.switched_off_at) == (None, 0, None)
    entries = Entry.objects.filter(action="webhook.changed")
    assert entries.count() == 2
    assert not Entry.objects.filter(action="webhook.updated").exists()


def test_its_deliveries_go_with_it(endpoint: Made, admin: User, boil: Boil) -> None:
    boil()

    endpoints.remove(endpoint.endpoint.pk, by=admin)

    assert not WebhookDelivery.objects.exists()
    assert Entry.objects.filter(action="webhook.removed").count() == 1
