"""A log of its own for each test, with keys and a sealer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audit import keyring
from audit.sealing.sealer import Sealer, connect


@pytest.fixture
def ring(tmp_path: Path, settings: Any) -> keyring.Keyring:
    """A keyring with one key; what is kept outside the database lies in the test's folder."""
    settings.LACUNA_HOME = tmp_path
    settings.AUDIT_KEYRING = tmp_path / "keys" / "keyring.json"
    settings.AUDIT_PUBLISH = [f"file://{tmp_path / 'checkpoints'}"]
    return keyring.create("tests.example/audit")


@pytest.fixture
def sealer(transactional_db: None, ring: keyring.Keyring) -> Iterator[Sealer]:
    """The one sealer of the test's database."""
    with connect() as own:
        yield Sealer(own, ring)
