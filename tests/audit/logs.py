"""Sealing in tests that run beside others: nothing is taken for sealed before it can be."""

from __future__ import annotations

from audit.sealing.sealer import Sealed, Sealer
from tests.audit.sealing.wholeness import settle


def seal(sealer: Sealer) -> Sealed:
    """Seal one batch of what is committed, once no other test's transaction keeps it open."""
    settle()
    sealed = sealer.step()
    assert sealed is not None, "there was something to seal"
    return sealed


def seal_all(sealer: Sealer) -> list[Sealed]:
    """Seal everything that is committed."""
    settle()
    return list(sealer.drain())
