"""The same refresh token from many sides at the same moment."""

from __future__ import annotations

import threading

import pytest
from django.db import connections

from accounts.models import RefreshToken
from accounts.tokens import opaque
from audit.models import Entry
from tests.accounts.sessions.devices import ask_with, only_session, program
from tests.accounts.tokens.test_refreshing import age_uses, refreshed
from tests.factories import make_user


def at_once(number: int, token: str) -> list[str]:
    """What so many refreshes at the same moment give: a token, or why not."""
    gate = threading.Barrier(number)
    outcomes: list[str] = []

    def ask() -> None:
        try:
            gate.wait(60)
            outcomes.append(refreshed(token).refresh)
        except Exception as error:  # for the test to judge
            outcomes.append(type(error).__name__)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@pytest.mark.django_db(transaction=True)
def test_a_hundred_refreshes_at_once_give_one_child() -> None:
    tokens = program(make_user())

    outcomes = at_once(100, tokens.refresh)

    children = [outcome for outcome in outcomes if opaque.is_refresh_token(outcome)]
    assert sorted(set(outcomes) - set(children)) == ["RefreshedAlready"]
    assert (len(outcomes), len(children)) == (100, 1)
    assert RefreshToken.objects.count() == 2
    assert only_session().ended_at is None
    assert ask_with(refreshed(children[0])) == 200
    assert Entry.objects.filter(action="session.refreshed").count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_stolen_token_that_comes_from_many_sides_is_one_theft() -> None:
    tokens = program(make_user())
    refreshed(tokens.refresh)
    age_uses()
    outcomes = at_once(20, tokens.refresh)

    assert sorted(outcomes) == sorted(["TokenReused"] + ["SessionOver"] * 19)
    assert Entry.objects.filter(action="session.token_reused").count() == 1
