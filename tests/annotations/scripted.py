"""A provider that answers what a test tells it to."""

from __future__ import annotations

from providers.interface import (
    Access,
    Answer,
    Box,
    Picture,
    Prompt,
    ProviderError,
    Schema,
    Usage,
)


class Scripted:
    """A provider that answers what it is told to."""

    name = "local"
    default_model = "figure-ground-efficientnet-lite0-1"

    def __init__(self) -> None:
        self.asked = 0
        self.answer: Answer | ProviderError = self.boxes()
        self.script: list[Answer | ProviderError] = []  # what is answered before it, in order

    def boxes(self, *boxes: Box) -> Answer:
        found = boxes or (Box(0.1, 0.1, 0.4, 0.5, "robin", 0.83),)
        return Answer(found, Usage(images=1), {"said": "so"}, self.default_model, "request-1")

    def annotate(
        self, access: Access, model: str, picture: Picture, prompt: Prompt, schema: Schema
    ) -> Answer:
        self.asked += 1
        answer = self.script.pop(0) if self.script else self.answer
        if isinstance(answer, ProviderError):
            raise answer
        return answer

    def check(self, access: Access) -> str:
        return "here"
