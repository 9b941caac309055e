"""Callers of the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from tests.factories import make_user


@dataclass(frozen=True)
class Key:
    """What an API key's authentication hands to the view."""

    scopes: frozenset[str]


Caller = Callable[..., APIClient]


def client_of(user: User | None, scopes: set[str] | None = None, **options: Any) -> APIClient:
    """A client that is this person, or nobody; with ``scopes``, it comes with an API key."""
    client = APIClient(**options)
    if user is not None:
        token: Any = None if scopes is None else Key(frozenset(scopes))
        client.force_authenticate(user, token=token)
    return client


@pytest.fixture
def caller(db: None) -> Caller:
    """Makes a client of a new person with this role."""

    def make(role: str = "moderator", scopes: set[str] | None = None, **options: Any) -> APIClient:
        return client_of(make_user(role), scopes, **options)

    return make
