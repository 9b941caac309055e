"""OpenAI, by its Responses API.

No convention for boxes is documented, so fractions are asked for, and what comes back is held to
that (``providers.boxes``). Answers are not stored at the provider. Its picture guide has pictures
of more than 2048 pixels reduced.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from providers.adapters import reading, statuses
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
    import openai

_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_-]")  # what a schema's name may not hold
LONGEST_SIDE: Final = 2048  # pixels
_WHERE: Final = (
    "Write the edges of a box as fractions of the whole picture: left and right from 0 at its left"
    " edge to 1 at its right edge, top and bottom from 0 at its top to 1 at its bottom. Never use"
    " pixels, per cent or thousandths."
)


class OpenAI(Adapter):
    """See ``Provider``."""

    name: str = "openai"
    title: str = "OpenAI"
    default_model: str = "gpt-5.5"
    home: str = "https://api.openai.com/v1"

    def fit(self, width: int, height: int) -> tuple[int, int]:
        return within(width, height, LONGEST_SIDE)

    def _credential(self, key: str) -> tuple[str, str]:
        return "Authorization", f"Bearer {key}"

    def _library(self, line: Line) -> openai.OpenAI:
        import openai  # noqa: PLC0415 - an extra, and slow to import

        return openai.OpenAI(
            api_key=line.access.key,
            base_url=line.base_url,
            timeout=line.access.timeout,
            max_retries=0,
            http_client=line.http,
        )

    def _ask(self, line: Line, question: Question) -> Received:
        data = base64.b64encode(question.picture.data).decode()
        answer = self._library(line).responses.with_raw_response.create(
            model=question.model,
            instructions=f"{question.prompt.text}\n\n{_WHERE}",
            input=[
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "input_image",
                            "image_url": f"data:{question.picture.media_type};base64,{data}",
                            "detail": "high",
                        }
                    ],
                }
            ],
            text={
                "format": {
                    "type": "json_schema",
                    "name": _NO_NAME.sub("-", question.schema.version)[:64],
                    "schema": document(question.schema),
                    "strict": True,
                }
            },
            max_output_tokens=MOST_TOKENS,
            store=False,
        )
        return Received(answer.http_response.content, answer.headers)

    def _list(self, line: Line) -> Received:
        answer = self._library(line).models.with_raw_response.list()
        return Received(answer.http_response.content, answer.headers)

    def _usage(self, envelope: Mapping[str, Any]) -> Usage:
        return Usage(
            input_tokens=reading.count(envelope, "usage", "input_tokens"),
            output_tokens=reading.count(envelope, "usage", "output_tokens"),
            cached_input_tokens=reading.count(
                envelope, "usage", "input_tokens_details", "cached_tokens"
            ),
        )

    def _said(self, envelope: Mapping[str, Any], usage: Usage) -> str:
        status = reading.text(envelope, "status")
        if status == "failed":
            failed = statuses.failed(self.title, reading.text(envelope, "error", "code"))
            failed.usage = usage
            raise failed
        if status == "incomplete":
            if reading.text(envelope, "incomplete_details", "reason") == "content_filter":
                raise RequestRefused(
                    f"{self.title} withholds its answer by its rules.", usage=usage
                )
            raise AnswerUnreadable(
                f"{self.title} did not finish its answer within {MOST_TOKENS} tokens.", usage=usage
            )
        parts = [
            part
            for item in reading.objects(envelope, "output")
            if item.get("type") == "message"
            for part in reading.objects(item, "content")
        ]
        if any(part.get("type") == "refusal" for part in parts):
            raise RequestRefused(f"{self.title} refuses to look at this picture.", usage=usage)
        return "".join(
            reading.text(part, "text") for part in parts if part.get("type") == "output_text"
        )

    def _units(self, picture: Picture) -> tuple[float, float]:
        return 1, 1

    def _corners(self, one: Mapping[str, Any]) -> tuple[Any, Any, Any, Any]:
        return edges(one)
