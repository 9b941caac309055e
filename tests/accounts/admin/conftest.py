"""People who are logged in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from tests.accounts.admin.scene import FIREFOX, with_password

ClientOf = Callable[[User], Client]


def browser_of(user: User) -> Client:
    """A browser in which the person is logged in."""
    client = Client(headers={"user-agent": FIREFOX})
    client.force_login(user)
    return client


@pytest.fixture
def admin(db: None) -> User:
    """An admin."""
    return with_password("admin", full_name="Grace Hopper")


@pytest.fixture
def client(admin: User) -> Client:
    """The admin's browser."""
    return browser_of(admin)
