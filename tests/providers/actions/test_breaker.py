"""The breaker: who fails again and again is left alone for a while, then tried by one."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest
from django.db import connections

from accounts.models import User
from providers.actions import asking
from providers.interface import (
    KeyRefused,
    ProviderBusy,
    ProviderDown,
    RequestRefused,
)
from providers.models import (
    BreakerState,
    Provider,
)
from tests.factories import make_price, make_provider, make_user
from tests.providers.actions.asked import TEAM, StandIn, anthropic, ask, openai, refused
from tests.providers.fake import answer

__all__ = ["anthropic", "openai"]


def fail(user: User, times: int) -> list[str]:
    return [refused(user, "openai").reasons[0].code for _ in range(times)]


def test_five_failures_in_a_row_open_the_breaker(openai: Provider, fake: StandIn) -> None:
    stand_in = fake("openai", ProviderDown("Down.", may_be_billed=False))

    assert fail(make_user(), 7) == ["down"] * 5 + ["paused"] * 2

    assert len(stand_in.keys) == 5
    openai.refresh_from_db()
    assert openai.breaker_state == BreakerState.OPEN
    wait = refused(make_user(), "openai").wait
    assert wait is not None
    assert 0 < wait <= 30


def test_what_was_under_way_when_it_opened_makes_no_pause_longer(openai: Provider) -> None:
    """Twenty were asked at once, and the provider went down."""
    states = [asking.note_outcome(openai, worked=False) for _ in range(20)]

    assert states == [BreakerState.CLOSED] * 4 + [BreakerState.OPEN] * 16
    openai.refresh_from_db()
    assert openai.breaker_failures == 5
    assert openai.breaker_until is not None
    assert openai.breaker_opened_at is not None
    pause = openai.breaker_until - openai.breaker_opened_at
    assert pause.total_seconds() == pytest.approx(30, abs=1)

    Provider.objects.update(breaker_until=openai.breaker_opened_at)
    assert asking.note_outcome(openai, worked=False) == BreakerState.OPEN
    openai.refresh_from_db()
    assert openai.breaker_failures == 6, "one that fails after the pause begins a longer one"


def test_an_answer_in_between_begins_the_count_anew(openai: Provider, fake: StandIn) -> None:
    down = ProviderDown("Down.", may_be_billed=False)
    fake("openai", down, down, down, down, answer(), down, down, down, down, answer())
    user = make_user()

    fail(user, 4), ask(user, "openai"), fail(user, 4), ask(user, "openai")

    openai.refresh_from_db()
    assert (openai.breaker_state, openai.breaker_failures) == (BreakerState.CLOSED, 0)


@pytest.mark.parametrize("error", [KeyRefused("No."), RequestRefused("No.")])
def test_refusals_do_not_open_it(openai: Provider, fake: StandIn, error: Exception) -> None:
    fake("openai", error)
    for _ in range(7):
        refused(make_user(), "openai")
        make_provider("openai", key_error="")

    openai.refresh_from_db()
    assert (openai.breaker_state, openai.breaker_failures) == (BreakerState.CLOSED, 0)


def test_one_that_is_asked_too_often_is_left_alone_too(openai: Provider, fake: StandIn) -> None:
    fake("openai", ProviderBusy("Busy."))

    assert fail(make_user(), 6) == ["busy"] * 5 + ["paused"]


def pause_is_over(owner: psycopg.Connection[tuple[Any, ...]]) -> None:
    owner.execute("UPDATE providers SET breaker_until = now() - interval '1 s'")


def opened(owner: psycopg.Connection[tuple[Any, ...]]) -> Provider:
    provider = make_provider("openai", key=TEAM)
    make_price(provider)
    for _ in range(5):
        asking.note_outcome(provider, worked=False)
    pause_is_over(owner)
    provider.refresh_from_db()
    return provider


@pytest.mark.django_db(transaction=True)
def test_after_the_pause_one_of_fifty_is_let_through(
    owner: psycopg.Connection[tuple[Any, ...]],
) -> None:
    provider = opened(owner)
    start, through = threading.Barrier(25), list[bool]()

    def run() -> None:
        try:
            start.wait(30)
            through.extend(asking.may_ask(provider) for _ in range(2))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(through) == [False] * 49 + [True]


@pytest.mark.django_db(transaction=True)
def test_what_that_one_finds_closes_it_or_doubles_the_pause(
    owner: psycopg.Connection[tuple[Any, ...]], fake: StandIn
) -> None:
    provider, user = opened(owner), make_user()
    fake("openai", ProviderDown("Down.", may_be_billed=False), answer())

    assert fail(user, 2) == ["down", "paused"]
    wait = refused(user, "openai").wait
    assert wait is not None
    assert 31 < wait <= 60

    pause_is_over(owner)
    assert ask(user, "openai").provider == provider
    provider.refresh_from_db()
    assert (provider.breaker_state, provider.breaker_until) == (BreakerState.CLOSED, None)
