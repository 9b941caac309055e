"""What failed for good is sent again, by command."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from audit.models import Entry
from tests.factories import make_user
from tests.webhooks.conftest import attempt, claimed
from tests.webhooks.receiver import Receiver
from tests.webhooks.test_delivering import Boil
from webhooks.actions import endpoints, replaying
from webhooks.actions.endpoints import Made
from webhooks.errors import WebhookError
from webhooks.models import DeliveryStatus, WebhookDelivery

pytestmark = pytest.mark.django_db


@pytest.fixture
def dead(endpoint: Made, other_system: Receiver, boil: Boil) -> WebhookDelivery:
    """A delivery that was refused to the end."""
    other_system.answers(500)
    delivery = boil()
    WebhookDelivery.objects.update(retry_count=10)
    assert attempt(delivery) == DeliveryStatus.FAILED
    other_system.answers(200)
    return delivery


def command(*words: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("replay_webhooks", *words, "--json", stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


def test_a_replayed_message_arrives_under_its_old_id(
    dead: WebhookDelivery, other_system: Receiver
) -> None:
    assert command() == {"replayed": 1, "dry_run": False}

    WebhookDelivery.objects.update(available_at=None)
    assert attempt(claimed()) == DeliveryStatus.DELIVERED

    first, second = other_system.seen
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    entry = Entry.objects.get(action="webhook.replayed")
    assert entry.resource_id == str(dead.endpoint_id)
    assert not Entry.objects.filter(action="job.updated").exists()


def test_a_dry_run_changes_nothing(dead: WebhookDelivery) -> None:
    assert command("--dry-run", "--webhook", "Tea room") == {"replayed": 1, "dry_run": True}
    assert WebhookDelivery.objects.get().status == DeliveryStatus.FAILED


def test_some_are_chosen_by_name_id_and_time(dead: WebhookDelivery) -> None:
    with pytest.raises(CommandError, match="no webhook 'Attic'. There are: Tea room"):
        command("--webhook", "Attic")
    assert command("--since", "2100-01-01")["replayed"] == 0
    assert command("--delivery", str(dead.pk))["replayed"] == 1
    assert command()["replayed"] == 0


def test_nothing_is_sent_again_to_what_is_switched_off(dead: WebhookDelivery, admin: User) -> None:
    endpoints.change(dead.endpoint_id, is_active=False, by=admin)

    assert command()["replayed"] == 0
    with pytest.raises(CommandError, match="Tea room is switched off"):
        command("--webhook", "Tea room")
    with pytest.raises(WebhookError):
        list(replaying.replay(replaying.failed(), by=admin))


def test_admins_alone_have_something_sent_again(dead: WebhookDelivery) -> None:
    with pytest.raises(PermissionDenied):
        list(replaying.replay(replaying.failed(), by=make_user("moderator")))


@pytest.mark.parametrize("change", ["payload = '{}'", "event = 'x.y'", "event_id = new_key()"])
def test_what_was_told_is_not_changed_by_anybody(dead: WebhookDelivery, change: str) -> None:
    with (
        pytest.raises(IntegrityError, match="not changed afterwards"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE webhook_deliveries SET {change}")


def test_a_delivery_that_arrived_does_not_go_back(dead: WebhookDelivery) -> None:
    with pytest.raises(IntegrityError, match="cannot go from"), transaction.atomic():
        WebhookDelivery.objects.update(status=DeliveryStatus.DELIVERED)
