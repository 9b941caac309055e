"""A storage of the test's own, people with a machine, and one whose samples were placed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from monitoring.actions import requesting
from monitoring.models import BaselineMap, Dataset
from tests.factories import make_dataset, make_user
from tests.monitoring import watched

LogIn = Callable[[str | User], Client]


@pytest.fixture(autouse=True)
def storage(settings: Settings, tmp_path: Path) -> Path:
    """A storage of the test's own."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "config.storage.AtomicFileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "media")},
        },
    }
    return tmp_path / "media"


@pytest.fixture
def log_in(db: None) -> LogIn:
    """The browser of a new person of this role, or of this person."""

    def entered(who: str | User) -> Client:
        client = Client()
        client.force_login(make_user(who) if isinstance(who, str) else who)
        return client

    return entered


@pytest.fixture
def engineer(db: None) -> User:
    """Somebody who watches a machine."""
    return make_user("analyst")


@pytest.fixture
def press(engineer: User) -> Dataset:
    """The machine."""
    return make_dataset(engineer, name="Press 3")


@pytest.fixture
def map_(press: Dataset, engineer: User) -> BaselineMap:
    """The map of the machine, with twenty samples of which three are far away."""
    made = watched.fitted(press, engineer)
    file = watched.samples(engineer, rows=20, broken=3)
    watched.worked_on(requesting.request_place(press, file, by=engineer).analysis)
    return made
