"""A provider that answers as a test wants, and remembers with what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from providers.interface import Access, Answer, Box, Picture, Prompt, Schema, Usage

PICTURE = Picture(data=b"picture", media_type="image/jpeg", width=640, height=480)
PROMPT = Prompt(text="Where are birds?", version="test-1", labels=("bird",))
SCHEMA = Schema(version="test_1", document={"type": "object"})
USAGE = Usage(input_tokens=1000, output_tokens=200)


def answer(usage: Usage = USAGE, **fields: Any) -> Answer:
    """One bird."""
    box = Box(0.1, 0.1, 0.2, 0.2, "bird", 0.9)
    values: dict[str, Any] = {"boxes": (box,), "usage": usage, "raw": {}, "model": "fake"}
    return Answer(**(values | fields))


class Fake:
    """Registered in the place of the provider of its name.

    ``replies``  what each call gives, in turn, the last one for ever; an error is raised
    """

    default_model = "fake"

    def __init__(self, name: str, *replies: object) -> None:
        self.name = name
        self.replies = list(replies) or [answer()]
        self.keys: list[str] = []
        self.checked: list[str] = []
        self.health: object = "It answers."
        self.during: Callable[[], object] = lambda: None
        self._lock = threading.Lock()

    def annotate(
        self, access: Access, model: str, picture: Picture, prompt: Prompt, schema: Schema
    ) -> Answer:
        with self._lock:
            self.keys.append(access.key)
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        self.during()
        if isinstance(reply, BaseException):
            raise reply
        assert isinstance(reply, Answer)
        return reply

    def check(self, access: Access) -> str:
        self.checked.append(access.key)
        if isinstance(self.health, BaseException):
            raise self.health
        return str(self.health)
