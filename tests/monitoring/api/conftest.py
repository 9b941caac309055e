"""An engineer's program, a press that it watches, and somebody else."""

from __future__ import annotations

import pytest

from accounts.models import User
from monitoring.models import Dataset
from tests.factories import make_dataset, make_user
from tests.imaging.api.conftest import Caller, CallerOf, caller

__all__ = ["caller"]

SCOPES = [
    "read:datasets",
    "write:datasets",
    "configure:maps",
    "read:alerts",
    "write:alerts",
    "read:metrics",
]


@pytest.fixture
def engineer(db: None) -> User:
    """Somebody who watches a machine."""
    return make_user("analyst")


@pytest.fixture
def program(engineer: User) -> Caller:
    """The engineer's program."""
    return Caller(engineer, scopes=SCOPES)


@pytest.fixture
def press(engineer: User) -> Dataset:
    """The engineer's machine."""
    return make_dataset(engineer, name="Press 3", tags=["hall 2"])


@pytest.fixture
def stranger(caller: CallerOf) -> Caller:
    """Somebody else of the same role."""
    return caller("analyst")
