"""Checks, the breaker they move, and what operators are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.utils import timezone

from providers import schedule
from providers.actions import asking, health
from providers.interface import KeyRefused, ProviderBusy, ProviderDown
from providers.models import BreakerState, HealthStatus, Provider, ProviderHealth
from tests.factories import make_provider
from tests.providers.fake import Fake

pytestmark = pytest.mark.django_db

StandIn = Callable[..., Fake]
TEAM = "sk-team-0123456789"


@pytest.fixture(autouse=True)
def only_openai(db: None) -> Provider:
    Provider.objects.update(is_enabled=False)
    return make_provider("openai", key=TEAM)


def test_a_check_asks_with_the_teams_key_and_is_noted(only_openai: Provider, fake: StandIn) -> None:
    stand_in = fake("openai")

    found = health.check_all()

    assert [(one.provider, one.status) for one in found] == [("openai", HealthStatus.HEALTHY)]
    assert (stand_in.checked, stand_in.keys) == ([TEAM], [])
    row = ProviderHealth.objects.get()
    assert (row.status, row.error_message) == ("healthy", "")
    assert row.response_time_ms is not None
    only_openai.refresh_from_db()
    assert only_openai.key_tested_at is not None


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ProviderDown("OpenAI cannot be reached."), "down"),
        (ProviderBusy("OpenAI is asked too often."), "degraded"),
        (KeyRefused("OpenAI refuses the key."), "key_refused"),
    ],
)
def test_what_went_wrong_is_noted(fake: StandIn, error: Exception, status: str) -> None:
    fake("openai").health = error

    health.check_all()

    row = ProviderHealth.objects.get()
    assert (row.status, row.error_message) == (status, str(error))


def test_a_slow_one_is_called_slow(fake: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    fake("openai")
    monkeypatch.setattr(health, "SLOW_MS", 0)

    assert health.check_all()[0].status == HealthStatus.DEGRADED


def test_the_teams_key_that_works_again_is_used_again(only_openai: Provider, fake: StandIn) -> None:
    stand_in = fake("openai")
    stand_in.health = KeyRefused("OpenAI refuses the key.")
    health.check_all()
    only_openai.refresh_from_db()
    assert only_openai.key_error == "OpenAI refuses the key."

    stand_in.health = "It answers."
    health.check_all()
    only_openai.refresh_from_db()
    assert only_openai.key_error == ""


def test_without_a_key_there_is_nothing_to_ask_with(fake: StandIn) -> None:
    stand_in = fake("openai")
    Provider.objects.filter(name="openai").update(api_key=None)

    found = health.check_all()

    assert found[0].status is None
    assert "There is no key for OpenAI" in found[0].said
    assert stand_in.checked == []
    assert not ProviderHealth.objects.exists()


def test_checks_that_fail_open_the_breaker(only_openai: Provider, fake: StandIn) -> None:
    fake("openai").health = ProviderDown("Down.")

    for _ in range(5):
        health.check_all()

    only_openai.refresh_from_db()
    assert only_openai.breaker_state == BreakerState.OPEN


@pytest.mark.django_db(transaction=True)
def test_a_check_closes_it_only_when_the_pause_is_over(
    owner: psycopg.Connection[tuple[Any, ...]], only_openai: Provider, fake: StandIn
) -> None:
    fake("openai")
    for _ in range(5):
        asking.note_outcome(only_openai, worked=False)

    health.check_all()
    only_openai.refresh_from_db()
    assert only_openai.breaker_state == BreakerState.OPEN

    owner.execute("UPDATE providers SET breaker_until = now() - interval '1 s'")
    health.check_all()
    only_openai.refresh_from_db()
    assert only_openai.breaker_state == BreakerState.CLOSED


def test_checks_are_kept_for_thirty_days(only_openai: Provider, fake: StandIn) -> None:
    fake("openai")
    for days in (29, 31):
        ProviderHealth.objects.create(
            provider=only_openai,
            status="healthy",
            checked_at=timezone.now() - timedelta(days=days),
        )

    health.check_all()

    assert ProviderHealth.objects.count() == 2


def test_the_schedule_has_both_entries() -> None:
    assert (schedule.CHECK_PROVIDERS.cron, schedule.MIND_SPENDING.cron) == (
        "*/5 * * * *",
        "* * * * *",
    )
    assert not schedule.CHECK_PROVIDERS.overlap


def run(command: str, *more: str) -> str:
    out = StringIO()
    call_command(command, *more, stdout=out)
    return out.getvalue()


def test_the_commands_tell_it_in_words_and_as_json(fake: StandIn) -> None:
    fake("openai").health = ProviderDown("OpenAI cannot be reached.")

    assert "openai: down in" in run("check_providers")
    assert json.loads(run("check_providers", "--json"))["providers"][0]["status"] == "down"
    words = run("provider_status")
    assert "OpenAI: asked; 2 of 5 failures in a row; the team's key; down" in words
    assert "Local: switched off; needs no key; never checked" in words
    told = {one["name"]: one for one in json.loads(run("provider_status", "--json"))["providers"]}
    assert told["openai"]["breaker_state"] == "closed"
    assert TEAM not in json.dumps(told)
