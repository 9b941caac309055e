"""What the tests of the whole API share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from tests.api.asking import Asking
from tests.api.world import World, make_world
from tests.providers.fake import Fake
from tests.providers.standing_in import fake, ring

__all__ = ["fake", "ring"]


@pytest.fixture
def world(db: None, fake: Callable[..., Fake], ring: object) -> World:
    """A small installation; no provider beyond this machine is ever asked."""
    for name in ("openai", "anthropic", "google"):
        fake(name)
    return make_world()


@pytest.fixture
def connections_stay() -> Iterator[None]:
    """For requests past Django's test client: their end does not end the test's transaction."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def ask(world: World) -> Asking:
    """Asks as somebody of the installation."""
    return Asking(world)
