"""A keyring of the test's own, with one key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from database.encryption import providers
from database.encryption.local import LocalKeyring


@pytest.fixture(autouse=True)
def ring(tmp_path: Path, settings: Any) -> LocalKeyring:
    """Where SECRETS_KEYRING points in every test of this folder."""
    settings.SECRETS_KEYRING = tmp_path / "secrets" / "keyring.json"
    made = providers.local(settings.SECRETS_KEYRING)
    made.create()
    return made


@pytest.fixture
def configured_server(settings: Any) -> None:
    """As beside a server that somebody has configured: no keyring is made by itself."""
    settings.SECRETS_KEYRING_IS_MADE = False
