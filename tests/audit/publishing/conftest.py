"""A log with its keyring, and those to whom it publishes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from audit import keyring
from audit.publishing import history
from audit.publishing.history import History
from audit.recording import record
from audit.sealing.sealer import Sealer, connect
from tests.audit.publishing.bucket_server import BucketServer
from tests.audit.publishing.witness_server import WitnessServer
from tests.audit.sealing.wholeness import begin_empty, settle

ORIGIN = "tests.example/audit"
Grow = Callable[[int], Sealer]


@pytest.fixture
def ring(transactional_db: None, tmp_path: Path, settings: Any) -> keyring.Keyring:
    begin_empty()
    settings.AUDIT_KEYRING = tmp_path / "keys" / "keyring.json"
    settings.AUDIT_PUBLISH = []
    return keyring.create(ORIGIN)


@pytest.fixture
def grow(ring: keyring.Keyring) -> Iterator[Grow]:
    """Adds a batch of so many entries to the log."""
    with connect() as own:
        sealer = Sealer(own, ring)

        def more(entries: int) -> Sealer:
            with transaction.atomic():
                for _ in range(entries):
                    record("setting.updated", subject=("setting", "x"))
            settle()
            assert sealer.step() is not None
            return sealer

        yield more


@pytest.fixture
def past(transactional_db: None) -> Iterator[History]:
    with history.opened() as opened:
        yield opened


@pytest.fixture
def witness(ring: keyring.Keyring) -> Iterator[WitnessServer]:
    server = WitnessServer()
    server.known[ORIGIN] = [pin.key for pin in ring.pins()]
    yield server
    server.close()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[BucketServer]:
    server = BucketServer()
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-bucket")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    yield server
    server.close()
