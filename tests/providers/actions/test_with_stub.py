"""Asking through the real adapters: the ledger is the bill of whoever was asked."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections
from PIL import Image

from accounts.models import User
from database.actor import acting_as
from providers import prompts, registry
from providers.actions import asking, keys
from providers.errors import KeyNotTaken, NotAnswered
from providers.interface import Picture
from providers.models import KeyStatus, Provider, QuotaCounter, UsageEntry
from tests.factories import make_own_key, make_price, make_provider, make_quota, make_user
from tests.providers import misdeeds
from tests.providers.stub import KEY, Stub, stub

NAMES = ("openai", "anthropic", "google")


@pytest.fixture
def served(settings: Any) -> Iterator[Stub]:
    """A provider on this machine, which a setting allows."""
    settings.PROVIDER_NETWORKS = ["127.0.0.0/8"]
    for name in NAMES:
        registry.forget(name)
    with stub() as running:
        yield running
    for name in NAMES:
        registry.forget(name)


@pytest.fixture(scope="module")
def picture() -> Picture:
    """A green JPEG of 320 by 240 pixels."""
    written = io.BytesIO()
    Image.new("RGB", (320, 240), (20, 120, 40)).save(written, "JPEG")
    return Picture(written.getvalue(), "image/jpeg", 320, 240)


def ready(served: Stub, name: str, key: str = KEY) -> Provider:
    """The provider at the stub, with the team's key and a price."""
    provider = make_provider(name, key=key, base_url=served.base_url(name), timeout_seconds=10)
    make_price(provider)
    return provider


def ask(user: User, picture: Picture, *choices: str) -> asking.Told:
    with acting_as(user.pk):
        return asking.ask(
            user.pk,
            picture,
            prompts.birds(prompts.BIRD_LABELS),
            prompts.boxes(),
            purpose="test",
            choices=[asking.Choice(name) for name in choices],
        )


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
def test_each_provider_answers_and_is_paid(served: Stub, picture: Picture, name: str) -> None:
    ready(served, name)

    told = ask(make_user(), picture, name)

    assert [box.label for box in told.answer.boxes] == ["crow"]
    entry = UsageEntry.objects.get()
    assert entry.output_tokens > 0
    assert entry.cost == told.cost > 0
    assert served.billed == 1


@pytest.mark.django_db
def test_a_key_is_tested_by_a_request_that_is_not_billed(served: Stub) -> None:
    user = make_user()
    make_provider("openai", base_url=served.base_url("openai"))

    assert keys.enter_own(user, "openai", KEY, by=user).status == KeyStatus.WORKS
    with pytest.raises(KeyNotTaken, match="OpenAI refuses the key"):
        keys.enter_own(user, "openai", "sk-wrong-0123456789", by=user)

    assert (served.count("openai"), served.billed) == (2, 0)


@pytest.mark.django_db
def test_what_went_wrong_over_there_is_paid_as_it_was_billed(
    served: Stub, picture: Picture
) -> None:
    """A fault and a refusal cost nothing; of half an answer nobody knows."""
    ready(served, "openai")
    user = make_user()

    def costs(behaviour: misdeeds.Behaviour) -> tuple[str, list[bool]]:
        before = set(UsageEntry.objects.values_list("pk", flat=True))
        served.then(behaviour)
        with pytest.raises(NotAnswered) as caught:
            ask(user, picture, "openai")
        entries = UsageEntry.objects.exclude(pk__in=before)
        return caught.value.reasons[0].code, [entry.is_assumed for entry in entries]

    assert costs(misdeeds.status(500)) == ("down", [])
    assert costs(misdeeds.status(429, "rate_limit_exceeded")) == ("busy", [])
    assert costs(misdeeds.status(400)) == ("request_refused", [])
    assert costs(misdeeds.half_an_answer()) == ("down", [True])
    assert costs(misdeeds.half_a_json())[0] == "unreadable"


@pytest.mark.django_db
def test_nobody_there_costs_nothing(served: Stub, picture: Picture) -> None:
    ready(served, "openai")
    Provider.objects.filter(name="openai").update(base_url="http://127.0.0.1:9/v1")

    with pytest.raises(NotAnswered, match="refuses the connection"):
        ask(make_user(), picture, "openai")

    assert not UsageEntry.objects.exists()


@pytest.mark.django_db
def test_a_key_that_is_revoked_in_the_middle_leaves_the_next_to_answer(
    served: Stub, picture: Picture
) -> None:
    user = make_user()
    openai, _ = ready(served, "openai"), ready(served, "google")
    own = make_own_key("sk-own-0123456789", user=user, provider=openai)

    told = ask(user, picture, "openai", "google")

    assert told.provider.name == "google"
    own.refresh_from_db()
    assert own.status == KeyStatus.REFUSED


@pytest.mark.django_db(transaction=True)
def test_many_at_once_spend_no_more_than_the_limit_and_the_ledger_is_the_bill(
    served: Stub, picture: Picture
) -> None:
    """Twelve connections ask four times each; money for some of them, faults in between."""
    user = make_user()
    ready(served, "openai")
    # A call sets aside some 0.17 $ and costs a fraction of a cent.
    make_quota(user=user, daily_cost_limit=Decimal(1), monthly_cost_limit=Decimal(1))
    served.then(*[misdeeds.status(400)] * 5)
    told: list[asking.Told] = []
    refused: list[str] = []
    start = threading.Barrier(12)

    def run() -> None:
        try:
            start.wait(30)
            for _ in range(4):
                try:
                    told.append(ask(user, picture, "openai"))
                except NotAnswered as error:
                    refused.append(error.reasons[0].code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)

    assert len(told) + len(refused) == 48
    assert set(refused) <= {"budget", "request_refused"}
    assert served.billed == len(told) + refused.count("request_refused")
    entries = list(UsageEntry.objects.all())
    assert len(entries) == len(told)
    assert sum(one.cost for one in entries) == sum(one.cost for one in told)
    for counter in QuotaCounter.objects.all():
        assert counter.spent == sum(one.cost for one in told)
        assert counter.held == 0
        assert counter.requests == len(told)
