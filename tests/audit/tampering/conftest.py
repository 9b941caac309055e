"""One log for all of these tests; what they do to it is rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.audit.tampering import sealed
from tests.audit.tampering.sealed import Connection, SealedLog


@pytest.fixture(scope="package")
def log(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SealedLog]:
    """The log, committed; gone again after the last test of this folder."""
    with django_db_blocker.unblock():
        made = sealed.make(tmp_path_factory.mktemp("keys"))
    yield made
    sealed.empty(made)


@pytest.fixture
def intruder(log: SealedLog, tmp_path: Path, settings: Any) -> Iterator[Connection]:
    """Whoever owns the database, at work; and a verifier that has never been here."""
    settings.LACUNA_HOME = tmp_path
    with closing(log.intruder()) as made:
        yield made
        made.rollback()
