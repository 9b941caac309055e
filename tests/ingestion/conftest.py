"""A storage of the test's own, and files handed in."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from audit.models import Entry
from ingestion.actions import uploads
from tests.factories import make_user

Upload = Callable[..., uploads.Upload]
GOOD = "name,f_0,f_1\na,1.5,2\nb,-3e2,4\n"


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
    """Somebody who may upload."""
    return make_user("analyst")


@pytest.fixture
def upload(analyst: User) -> Upload:
    """Hands a text or bytes in."""

    def handed_in(
        content: str | bytes = GOOD, name: str = "press.csv", **options: Any
    ) -> uploads.Upload:
        data = content.encode() if isinstance(content, str) else content
        return uploads.upload(io.BytesIO(data), name, **({"by": analyst} | options))

    return handed_in


def told() -> list[str]:
    """What the audit log was told of files, in order."""
    rows = Entry.objects.filter(resource_type="file").order_by("pk")
    return list(rows.values_list("action", flat=True))
