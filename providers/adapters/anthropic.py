"""Anthropic, by its Messages API.

Its models count boxes in pixels of the picture as they see it, and are poor at other scales
(the guide "Coordinates and bounding boxes"). A picture that is not reduced is seen as it was sent:
one of at most 1568 pixels a side and 1568 patches of 28 by 28 pixels, which every model takes;
some take more.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from providers.adapters import reading
from providers.adapters.adapter import (
    MOST_TOKENS,
    Adapter,
    Line,
    Question,
    Received,
    document,
    edges,
    within,
)
from providers.interface import (
    AnswerUnreadable,
    Picture,
    RequestRefused,
    Usage,
)

if TYPE_CHECKING:
    import anthropic

LONGEST_SIDE: Final = 1568  # pixels
MOST_PATCHES: Final = 1568
PATCH: Final = 28  # pixels a side
_WHERE: Final = (
    "The picture is {width} pixels wide and {height} pixels high. Write the edges of a box in"
    " absolute pixels of this picture: left and right from 0 to {width}, top and bottom from 0 to"
    " {height}, with 0, 0 at its top left corner."
)


class Anthropic(Adapter):
    """See ``Provider``."""

    name: str = "anthropic"
    title: str = "Anthropic"
    default_model: str = "claude-sonnet-5-5"
    home: str = "https://api.anthropic.com"

    def fit(self, width: int, height: int) -> tuple[int, int]:
        side = min(max(width, height), LONGEST_SIDE)
        size = within(width, height, side)
        while -(-size[0] // PATCH) * -(-size[1] // PATCH) > MOST_PATCHES:
            side -= 1
            size = within(width, height, side)
        return size

    def _credential(self, key: str) -> tuple[str, str]:
        return "X-Api-Key", key

    def _library(self, line: Line) -> anthropic.Anthropic:
        import anthropic  # noqa: PLC0415 - an extra, and slow to import

        return anthropic.Anthropic(
            api_key=line.access.key,
            base_url=line.base_url,
            timeout=line.access.timeout,
            max_retries=0,
            http_client=line.http,
            open_telemetry=False,
        )

    def _ask(self, line: Line, question: Question) -> Received:
        picture = question.picture
        where = _WHERE.format(width=picture.width, height=picture.height)
        media_type: Any = picture.media_type  # one of three, which the library's type names
        answer = self._library(line).messages.with_raw_response.create(
            model=question.model,
            max_tokens=MOST_TOKENS,
            system=f"{question.prompt.text}\n\n{where}",
            messages=[
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "image",
                            "source": {
                                "type": "base64",
                                "media_type": media_type,
                                "data": base64.b64encode(picture.data).decode(),
                            },
                        }
                    ],
                }
            ],
            output_config={"format": {"type": "json_schema", "schema": document(question.schema)}},
        )
        return Received(answer.http_response.content, answer.headers)

    def _list(self, line: Line) -> Received:
        answer = self._library(line).models.with_raw_response.list(limit=1000)
        return Received(answer.http_response.content, answer.headers)

    def _usage(self, envelope: Mapping[str, Any]) -> Usage:
        cached = reading.count(envelope, "usage", "cache_read_input_tokens")
        written = reading.count(envelope, "usage", "cache_creation_input_tokens")
        return Usage(
            # Unlike the others' figure, this one leaves out what was read from or put into a cache.
            input_tokens=reading.count(envelope, "usage", "input_tokens") + cached + written,
            output_tokens=reading.count(envelope, "usage", "output_tokens"),
            cached_input_tokens=cached,
        )

    def _said(self, envelope: Mapping[str, Any], usage: Usage) -> str:
        reason = reading.text(envelope, "stop_reason")
        if reason == "refusal":
            raise RequestRefused(f"{self.title} refuses to look at this picture.", usage=usage)
        if reason in {"max_tokens", "model_context_window_exceeded"}:
            raise AnswerUnreadable(
                f"{self.title} did not finish its answer within {MOST_TOKENS} tokens.", usage=usage
            )
        return "".join(
            reading.text(block, "text")
            for block in reading.objects(envelope, "content")
            if block.get("type") == "text"
        )

    def _units(self, picture: Picture) -> tuple[float, float]:
        return picture.width, picture.height

    def _corners(self, one: Mapping[str, Any]) -> tuple[Any, Any, Any, Any]:
        return edges(one)
