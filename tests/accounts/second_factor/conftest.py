"""The clock of one-time codes stands still, so that no test falls between two steps."""

from __future__ import annotations

import pytest

from tests.accounts.second_factor.factors import stop_the_clock


@pytest.fixture
def the_clock_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every moment lies in the step in which the test began."""
    stop_the_clock(monkeypatch)
