"""Images with files behind them, and settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from database.models import SystemSetting
from imaging.models import Image
from providers import registry
from tests.annotations.scripted import Scripted
from tests.imaging.conftest import analyst, receive, storage

__all__ = ["analyst", "receive", "storage"]


@pytest.fixture
def stored_image(storage: Path, receive: Callable[..., Any]) -> Image:
    """A small photograph that was handed in."""
    image: Image = receive().image
    return image


@pytest.fixture
def setting() -> Callable[[str, Any], None]:
    """Gives a setting of the running system another value."""

    def change(key: str, value: Any) -> None:
        SystemSetting.objects.update_or_create(setting_key=key, defaults={"setting_value": value})

    return change


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    """Stands in for the local provider."""
    made = Scripted()
    before = registry.adapter("local") if "local" in registry.names() else None
    registry.register(made)
    yield made
    registry.forget("local")
    if before is not None:
        registry.register(before)
