"""People who are logged in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from tests.factories import make_user

ClientFor = Callable[[str], Client]

ROLES = ("admin", "moderator", "analyst", "viewer")
STEERERS = {"admin", "moderator"}


@pytest.fixture
def client_for(db: None) -> ClientFor:
    """Makes a person of the role and a client logged in as them."""

    def make(role: str) -> Client:
        client = Client()
        client.force_login(make_user(role))
        return client

    return make
