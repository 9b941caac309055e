"""A storage of the test's own, somebody who watches a machine, and that machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from accounts.models import User
from monitoring import handlers
from monitoring.models import Dataset
from tests.factories import make_dataset, make_user


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


@pytest.fixture(autouse=True)
def every_look_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files are done before anybody would look."""
    monkeypatch.setattr(handlers, "_SECONDS_BETWEEN_LOOKS", -1.0)


@pytest.fixture
def engineer(db: None) -> User:
    """Somebody who watches a machine."""
    return make_user("analyst")


@pytest.fixture
def press(engineer: User) -> Dataset:
    """The machine."""
    return make_dataset(engineer, name="Press 3")
