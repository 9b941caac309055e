"""A log in its database, and sealers as an operator would start them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from audit import keyring
from audit.sealing.sealer import Sealer, connect
from tests.audit.sealing.processes import SealerProcess
from tests.audit.sealing.wholeness import begin_empty


@pytest.fixture
def ring(transactional_db: None, tmp_path: Path, settings: Any) -> keyring.Keyring:
    begin_empty()
    settings.AUDIT_KEYRING = tmp_path / "keys" / "keyring.json"
    settings.AUDIT_PUBLISH = [f"file://{tmp_path / 'outside'}"]
    settings.AUDIT_PUBLISH_SECONDS = 1
    settings.AUDIT_WITNESS_KEYS = []
    return keyring.create("tests.example/audit")


@pytest.fixture
def sealer(transactional_db: None, ring: keyring.Keyring) -> Iterator[Sealer]:
    with connect() as own:
        yield Sealer(own, ring)


@pytest.fixture
def start(
    transactional_db: None, ring: keyring.Keyring, tmp_path: Path
) -> Iterator[Callable[..., SealerProcess]]:
    """Starts sealers of this log; they end with the test."""
    started: list[SealerProcess] = []

    def one(*arguments: str, program: str = "seal_audit") -> SealerProcess:
        process = SealerProcess(tmp_path / f"sealer-{len(started)}.log", program, *arguments)
        started.append(process)
        return process

    yield one
    for process in started:
        process.kill()
