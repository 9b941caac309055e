"""Clients that are logged in, by role."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from tests.factories import make_user

ClientFor = Callable[[str], Client]


@pytest.fixture
def client_for(db: None) -> ClientFor:
    """Makes a person of the role and a client logged in as them."""

    def make(role: str) -> Client:
        client = Client()
        client.force_login(make_user(role))
        return client

    return make


@pytest.fixture
def admin_user(db: None) -> User:
    """The admin who looks at the pages."""
    return make_user("admin", email="ada@example.org", full_name="Ada")


@pytest.fixture
def admin_client(admin_user: User) -> Client:
    """A client logged in as the admin."""
    client = Client()
    client.force_login(admin_user)
    return client
