"""Images with files behind them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from imaging.actions import uploads
from tests.factories import make_user
from tests.pictures import jpeg

Receive = Callable[..., uploads.Upload]


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
def analyst(db: None) -> User:
    return make_user("analyst")


@pytest.fixture
def receive(analyst: User) -> Receive:
    """Hand bytes in under a name."""

    def hand_in(
        data: bytes | None = None, name: str = "disc.jpg", **options: Any
    ) -> uploads.Upload:
        content = io.BytesIO(jpeg() if data is None else data)
        return uploads.receive(content, name=name, by=options.pop("by", analyst), **options)

    return hand_in
