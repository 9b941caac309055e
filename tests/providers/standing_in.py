"""Nobody beyond this machine is asked: providers are replaced by what a test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from database.encryption import providers as key_providers
from providers import registry
from providers.interface import Provider as Adapter
from providers.models import Provider, UserProvider
from tests.providers.fake import Fake


@pytest.fixture(autouse=True)
def ring(tmp_path: Path, settings: Any) -> object:
    """A keyring of the test's own."""
    settings.SECRETS_KEYRING = tmp_path / "secrets" / "keyring.json"
    made = key_providers.local(settings.SECRETS_KEYRING)
    made.create()
    return made


def revealed(row: Provider | UserProvider) -> str:
    """The key that is stored there, in the clear."""
    assert row.api_key is not None
    return row.api_key.reveal()


@pytest.fixture
def fake() -> Iterator[Callable[..., Fake]]:
    """``fake("openai", answer(), ProviderDown("..."))`` stands in for a provider."""
    before: dict[str, Adapter | None] = {}

    def stand_in(name: str, *replies: object) -> Fake:
        made = Fake(name, *replies)
        before.setdefault(name, registry.registered(name))
        registry.register(made)
        return made

    yield stand_in
    for name, adapter in before.items():
        registry.forget(name)
        if adapter is not None:
            registry.register(adapter)
