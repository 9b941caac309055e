"""The adapters, a stub to speak with, and a picture to send."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import pytest
from PIL import Image

from providers import prompts
from providers.adapters.adapter import Adapter
from providers.adapters.anthropic import Anthropic
from providers.adapters.google import Google
from providers.adapters.openai import OpenAI
from providers.addresses import LOOPBACK
from providers.interface import Answer, Picture
from tests.providers.stub import Stub, stub

Ask = Callable[..., Answer]


@pytest.fixture
def served() -> Iterator[Stub]:
    """A provider on this machine."""
    with stub() as running:
        yield running


@pytest.fixture(params=[OpenAI, Anthropic, Google], ids=["openai", "anthropic", "google"])
def adapter(request: pytest.FixtureRequest) -> Adapter:
    """Each adapter in turn, allowed to ask this machine."""
    made: Adapter = request.param(reach=LOOPBACK)
    return made


@pytest.fixture(scope="session")
def picture() -> Picture:
    """A green JPEG of 640 by 480 pixels."""
    written = io.BytesIO()
    Image.new("RGB", (640, 480), (20, 120, 40)).save(written, "JPEG")
    return Picture(written.getvalue(), "image/jpeg", 640, 480)


@pytest.fixture
def ask(served: Stub, adapter: Adapter, picture: Picture) -> Ask:
    """Ask the stub for the birds in the picture."""

    def asking(*, timeout: float = 10.0, labels: tuple[str, ...] = prompts.BIRD_LABELS) -> Answer:
        return adapter.annotate(
            served.access(adapter.name, timeout=timeout),
            adapter.default_model,
            picture,
            prompts.birds(labels),
            prompts.boxes(),
        )

    return asking
