"""Asking in a person's name, as a job does."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from database.actor import acting_as
from providers.actions import asking
from providers.actions.asking import Choice, Told
from providers.errors import NotAnswered
from providers.models import (
    Provider,
)
from tests.factories import make_price, make_provider
from tests.providers.fake import PICTURE, PROMPT, SCHEMA, Fake

D = Decimal
StandIn = Callable[..., Fake]
TEAM, OWN = "sk-team-0123456789", "sk-own-0123456789"


@pytest.fixture
def openai(db: None) -> Provider:
    provider = make_provider("openai", key=TEAM)
    make_price(provider)
    return provider


@pytest.fixture
def anthropic(db: None) -> Provider:
    provider = make_provider("anthropic", key=TEAM)
    make_price(provider)
    return provider


def ask(user: User, *choices: str, **more: Any) -> Told:
    """In the person's name, as a job does."""
    with acting_as(user.pk):
        return asking.ask(
            user.pk,
            PICTURE,
            PROMPT,
            SCHEMA,
            purpose="test",
            choices=[Choice(name) for name in choices],
            **more,
        )


def refused(user: User, *choices: str) -> NotAnswered:
    with pytest.raises(NotAnswered) as caught:
        ask(user, *choices)
    return caught.value
