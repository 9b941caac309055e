"""Asking: who is asked, with which key, for how much, and who stands in for whom."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from database.encryption import providers as key_providers
from providers import registry
from providers.actions import money
from providers.actions.asking import Told
from providers.errors import BudgetExhausted, NobodyToAsk, PriceUnknown
from providers.interface import (
    AnswerUnreadable,
    KeyRefused,
    ProviderBusy,
    ProviderDown,
    RequestRefused,
    Usage,
)
from providers.models import (
    KeyStatus,
    Provider,
    QuotaCounter,
    UsageEntry,
    UsageHold,
    UsageTracking,
)
from tests.factories import make_own_key, make_price, make_provider, make_quota, make_user
from tests.providers.actions.asked import OWN, TEAM, D, StandIn, anthropic, ask, openai, refused
from tests.providers.fake import PICTURE, answer

__all__ = ["anthropic", "openai"]


def test_an_answer_is_paid_for_by_its_price(openai: Provider, fake: StandIn) -> None:
    user, seen = make_user(), list[UUID]()
    fake("openai", answer(Usage(1000, 200), request_id="r-1"))

    told = ask(user, "openai", on_hold=seen.append)

    assert [box.label for box in told.answer.boxes] == ["bird"]
    assert (told.cost, told.provider, told.passed_over) == (D("0.003"), openai, ())
    entry = UsageEntry.objects.get()
    assert (entry.cost, entry.user, entry.purpose, entry.request_id) == (
        D("0.003"),
        user,
        "test",
        "r-1",
    )
    assert QuotaCounter.objects.get(period="day").held == 0
    assert seen == [told.hold_id] == [UsageHold.objects.get().pk]


def test_what_is_set_aside_is_more_than_what_it_can_cost(openai: Provider, fake: StandIn) -> None:
    fake("openai")
    ask(make_user(), "openai")

    hold = UsageHold.objects.get()
    assert D("0.16") < hold.amount < D("0.2")  # 16,000 tokens out are most of it


@pytest.mark.parametrize(
    ("provider", "model", "most"),
    [
        ("openai", "gpt-5.5", 10_000),
        ("openai", "gpt-4o-mini", 60_000),
        ("anthropic", "claude", 5_000),
        ("google", "gemini", 4_000),
        ("another", "model", 10_000),
    ],
)
def test_a_picture_counts_its_tokens_by_the_providers_rule(
    provider: str, model: str, most: int
) -> None:
    def tokens(width: int, height: int) -> int:
        picture = type(PICTURE)(b"x", "image/png", width, height)
        return money.picture_tokens(provider, model, picture)

    assert 85 <= tokens(64, 64) <= tokens(1024, 1024) <= tokens(2048, 1536) <= most + 60_000
    assert tokens(1024, 1024) <= most


# --- Who is asked ---------------------------------------------------------------------------------


def test_the_next_one_stands_in_in_the_order_that_was_given(
    openai: Provider, anthropic: Provider, fake: StandIn
) -> None:
    down = fake("anthropic", ProviderDown("Anthropic is down.", may_be_billed=False))
    up = fake("openai")

    told = ask(make_user(), "anthropic", "openai")

    assert told.provider == openai
    assert [(one.provider, one.code) for one in told.passed_over] == [("anthropic", "down")]
    assert len(down.keys) == len(up.keys) == 1


def test_without_an_order_the_rank_decides(
    openai: Provider, anthropic: Provider, fake: StandIn
) -> None:
    Provider.objects.filter(name="local").update(is_enabled=False)
    fake("openai"), fake("anthropic")
    assert ask(make_user()).provider == openai

    make_provider("anthropic", rank=1)
    assert ask(make_user()).provider == anthropic


def test_each_is_asked_once_and_all_reasons_are_told(
    openai: Provider, anthropic: Provider, fake: StandIn
) -> None:
    busy = fake("openai", ProviderBusy("OpenAI is asked too often.", retry_after=12))
    bad = fake("anthropic", RequestRefused("Anthropic refuses the request."))

    error = refused(make_user(), "openai", "anthropic", "nobody")

    assert isinstance(error, NobodyToAsk)
    assert [one.code for one in error.reasons] == ["unknown", "busy", "request_refused"]
    assert error.wait == 12
    assert "OpenAI is asked too often. Anthropic refuses the request." in str(error)
    assert len(busy.keys) == len(bad.keys) == 1
    assert not UsageEntry.objects.exists()


def test_where_trying_again_is_in_vain_there_is_no_wait(openai: Provider, fake: StandIn) -> None:
    fake("openai", RequestRefused("No."))
    assert refused(make_user(), "openai").wait is None


def test_who_is_switched_off_is_not_asked(openai: Provider, fake: StandIn) -> None:
    stand_in = fake("openai")
    make_provider("openai", is_enabled=False)

    assert [one.code for one in refused(make_user(), "openai").reasons] == ["off"]
    assert stand_in.keys == []


def test_who_is_not_installed_is_told(db: None) -> None:
    Provider.objects.create(name="acme", display_name="Acme", default_model="m", needs_key=False)

    assert [one.code for one in refused(make_user(), "acme").reasons] == ["not_installed"]


def test_a_missing_library_is_told_with_what_to_install(
    openai: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.forget("openai")
    monkeypatch.setattr(registry, "_is_installed", lambda _: False)

    error = refused(make_user(), "openai")

    assert "pip install 'lacuna[providers]'" in str(error)


def test_with_everything_off_there_is_nobody(db: None) -> None:
    Provider.objects.update(is_enabled=False)

    error = refused(make_user())
    assert isinstance(error, NobodyToAsk)
    assert "An admin can switch one on" in str(error)


# --- Money ----------------------------------------------------------------------------------------


def test_what_nobody_has_priced_is_not_asked(db: None, fake: StandIn) -> None:
    make_provider("openai", key=TEAM)
    stand_in = fake("openai")

    error = refused(make_user(), "openai")

    assert isinstance(error, PriceUnknown)
    assert "an admin adds its price" in str(error)
    assert stand_in.keys == []


def test_who_has_spent_the_limit_is_told_and_nobody_is_asked(
    openai: Provider, fake: StandIn
) -> None:
    user, stand_in = make_user(), fake("openai")
    make_quota(user=user, daily_cost_limit=D("0.1"))

    error = refused(user, "openai")

    assert isinstance(error, BudgetExhausted)
    assert "the limit of the day" in str(error)
    assert error.wait is not None
    assert 0 < error.wait <= 86_400
    assert stand_in.keys == []


def test_when_the_money_is_spent_what_is_free_stands_in(openai: Provider, fake: StandIn) -> None:
    user = make_user()
    make_quota(user=user, daily_cost_limit=D(0))
    fake("openai")
    free = fake("local")

    told = ask(user, "openai", "local")

    assert told.provider.name == "local"
    assert told.cost == 0
    assert free.keys == [""]


def test_an_unreadable_answer_is_paid_as_it_was_billed(openai: Provider, fake: StandIn) -> None:
    fake("openai", AnswerUnreadable("Half a JSON.", usage=Usage(1000, 16_000)))

    assert refused(make_user(), "openai").reasons[0].code == "unreadable"

    entry = UsageEntry.objects.get()
    assert (entry.cost, entry.outcome, entry.is_assumed) == (D("0.161"), "unreadable", False)
    assert UsageTracking.objects.get().failure_count == 1


def test_after_a_time_out_all_that_was_set_aside_counts_as_spent(
    openai: Provider, fake: StandIn
) -> None:
    fake("openai", ProviderDown("OpenAI did not answer within 60 seconds."))

    refused(make_user(), "openai")

    entry = UsageEntry.objects.get()
    assert (entry.outcome, entry.is_assumed) == ("down", True)
    assert entry.cost == UsageHold.objects.get().amount


@pytest.mark.parametrize(
    "error",
    [
        KeyRefused("No."),
        ProviderBusy("No."),
        RequestRefused("No."),
        ProviderDown("No.", may_be_billed=False),
    ],
)
def test_what_was_refused_costs_nothing(openai: Provider, fake: StandIn, error: Exception) -> None:
    fake("openai", error)

    refused(make_user(), "openai")

    assert not UsageEntry.objects.exists()
    assert QuotaCounter.objects.get(period="day").requests == 0


def test_the_answer_is_kept_together_with_its_bill(openai: Provider, fake: StandIn) -> None:
    fake("openai")
    kept: list[Told] = []

    told = ask(make_user(), "openai", keep=kept.append)

    assert kept == [told]


def test_where_the_answer_cannot_be_kept_the_bill_stands(openai: Provider, fake: StandIn) -> None:
    fake("openai")

    def keep(told: Told) -> None:
        assert UsageEntry.objects.count() == 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask(make_user(), "openai", keep=keep)

    assert UsageEntry.objects.get().cost == D("0.003")
    assert not UsageEntry.objects.get().is_assumed


def test_a_fault_of_ours_in_the_middle_counts_as_billed(openai: Provider, fake: StandIn) -> None:
    fake("openai", ZeroDivisionError())

    with pytest.raises(ZeroDivisionError):
        ask(make_user(), "openai")

    assert UsageEntry.objects.get().is_assumed


@pytest.mark.django_db(transaction=True)
def test_nobody_asks_inside_a_transaction_that_could_be_undone(fake: StandIn) -> None:
    user = make_user()
    make_price(make_provider("openai", key=TEAM))
    stand_in = fake("openai")

    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        ask(user, "openai")

    assert stand_in.keys == []


# --- Keys -----------------------------------------------------------------------------------------


def test_a_persons_own_key_comes_before_the_teams(openai: Provider, fake: StandIn) -> None:
    user, stand_in = make_user(), fake("openai")
    own = make_own_key(OWN, user=user, provider=openai)

    ask(user, "openai")
    ask(make_user(), "openai")
    own.is_active = False
    own.save(update_fields=["is_active"])
    ask(user, "openai")

    assert stand_in.keys == [OWN, TEAM, TEAM]
    own.refresh_from_db()
    assert own.last_used_at is not None


def test_without_any_key_nobody_is_asked(db: None, fake: StandIn) -> None:
    make_price(make_provider("openai"))
    fake("openai")

    error = refused(make_user(), "openai")

    assert [one.code for one in error.reasons] == ["no_key"]
    assert "enter your own, or ask an admin" in str(error)


def test_a_key_that_is_revoked_in_the_middle_is_not_tried_again(
    openai: Provider, anthropic: Provider, fake: StandIn
) -> None:
    user = make_user()
    own = make_own_key(OWN, user=user, provider=openai)
    stand_in = fake("openai", answer(), KeyRefused("OpenAI refuses the key (HTTP 401)."))
    fake("anthropic")

    told = [ask(user, "openai", "anthropic") for _ in range(3)]

    assert [one.provider.name for one in told] == ["openai", "anthropic", "anthropic"]
    assert stand_in.keys == [OWN, OWN]
    own.refresh_from_db()
    assert (own.status, own.error_message) == (
        KeyStatus.REFUSED,
        "OpenAI refuses the key (HTTP 401).",
    )
    # Others are not touched by it, and the breaker is not.
    openai.refresh_from_db()
    assert (openai.key_error, openai.breaker_failures) == ("", 0)


def test_the_teams_key_that_is_refused_waits_for_its_next_test(
    openai: Provider, fake: StandIn
) -> None:
    stand_in = fake("openai", KeyRefused("OpenAI refuses the key."))

    first, second = refused(make_user(), "openai"), refused(make_user(), "openai")

    assert first.reasons[0].code == second.reasons[0].code == "key_refused"
    assert second.wait == 300
    assert stand_in.keys == [TEAM]


def test_a_key_whose_master_key_is_gone_has_to_be_entered_again(
    openai: Provider, fake: StandIn, ring: Any, settings: Any, tmp_path: Any
) -> None:
    user, stand_in = make_user(), fake("openai")
    own = make_own_key(OWN, user=user, provider=openai)
    settings.SECRETS_KEYRING = tmp_path / "another" / "keyring.json"
    key_providers.local(settings.SECRETS_KEYRING).create()

    error = refused(user, "openai")

    assert "Your key at OpenAI cannot be decrypted and has to be entered again" in str(error)
    assert stand_in.keys == []
    own.refresh_from_db()
    assert own.status == KeyStatus.UNREADABLE
    assert QuotaCounter.objects.get(period="day").held == 0
