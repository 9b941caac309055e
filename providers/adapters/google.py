"""Google, by the Gemini API.

Its models are trained to write a box as ``box_2d``: top, left, bottom and right, each in
thousandths of the picture's height or width. The schema is changed to that here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from providers import prompts
from providers.adapters import reading
from providers.adapters.adapter import (
    MOST_TOKENS,
    Adapter,
    Line,
    Question,
    Received,
    document,
    within,
)
from providers.interface import (
    AnswerUnreadable,
    Picture,
    RequestRefused,
    Schema,
    Usage,
)

if TYPE_CHECKING:
    from google.genai import Client

LONGEST_SIDE: Final = 3072  # pixels; larger pictures are reduced
THOUSANDTHS: Final = 1000
_BOX: Final = "box_2d"
_WHERE: Final = (
    f"Write a box as {_BOX}: four whole numbers [ymin, xmin, ymax, xmax] in thousandths of the"
    " picture, from 0 to 1000."
)
_WITHHELD: Final = {
    "BLOCKLIST",
    "IMAGE_SAFETY",
    "LANGUAGE",
    "PROHIBITED_CONTENT",
    "RECITATION",
    "SAFETY",
    "SPII",
}


class Google(Adapter):
    """See ``Provider``."""

    name: str = "google"
    title: str = "Google"
    default_model: str = "gemini-3.8-flash"
    home: str = "https://generativelanguage.googleapis.com"
    _models: str = "models"

    def fit(self, width: int, height: int) -> tuple[int, int]:
        return within(width, height, LONGEST_SIDE)

    def _credential(self, key: str) -> tuple[str, str]:
        return "X-Goog-Api-Key", key

    def _library(self, line: Line) -> Client:
        # An extra, and slow to import.
        from google.genai import Client, types  # noqa: PLC0415
        from google.genai.client import DebugConfig  # noqa: PLC0415

        return Client(
            enterprise=False,  # whatever the environment says
            api_key=line.access.key,
            debug_config=DebugConfig(client_mode="api", replays_directory="", replay_id=""),
            http_options=types.HttpOptions(
                base_url=line.base_url,
                api_version="v1beta",
                timeout=max(1, round(line.access.timeout * 1000)),
                httpx_client=line.http,
            ),
        )

    def _ask(self, line: Line, question: Question) -> Received:
        from google.genai import types  # noqa: PLC0415 - an extra, and slow to import

        picture = question.picture
        answer = self._library(line).models.generate_content(
            model=question.model,
            contents=types.Part.from_bytes(data=picture.data, mime_type=picture.media_type),
            config=types.GenerateContentConfig(
                system_instruction=f"{question.prompt.text}\n\n{_WHERE}",
                response_mime_type="application/json",
                response_json_schema=_in_thousandths(question.schema),
                max_output_tokens=MOST_TOKENS,
                should_return_http_response=True,
            ),
        )
        found = answer.sdk_http_response or types.HttpResponse()
        return Received(found.body or "", found.headers or {})

    def _list(self, line: Line) -> Received:
        listed = self._library(line).models.list(config={"page_size": 1000})
        names = [{"name": one.name} for one in listed.page]
        return Received(reading.written({self._models: names}), {})

    def _usage(self, envelope: Mapping[str, Any]) -> Usage:
        return Usage(
            input_tokens=reading.count(envelope, "usageMetadata", "promptTokenCount")
            + reading.count(envelope, "usageMetadata", "toolUsePromptTokenCount"),
            # Thinking is billed as output, and counted apart.
            output_tokens=reading.count(envelope, "usageMetadata", "candidatesTokenCount")
            + reading.count(envelope, "usageMetadata", "thoughtsTokenCount"),
            cached_input_tokens=reading.count(envelope, "usageMetadata", "cachedContentTokenCount"),
        )

    def _said(self, envelope: Mapping[str, Any], usage: Usage) -> str:
        if reading.text(envelope, "promptFeedback", "blockReason"):
            raise RequestRefused(f"{self.title} refuses to look at this picture.", usage=usage)
        candidates = reading.objects(envelope, "candidates")
        if not candidates:
            raise AnswerUnreadable(f"{self.title} answered with nothing.", usage=usage)
        reason = reading.text(candidates[0], "finishReason")
        if reason in _WITHHELD:
            raise RequestRefused(f"{self.title} withholds its answer by its rules.", usage=usage)
        if reason == "MAX_TOKENS":
            raise AnswerUnreadable(
                f"{self.title} did not finish its answer within {MOST_TOKENS} tokens.", usage=usage
            )
        parts = reading.objects(candidates[0].get("content"), "parts")
        return "".join(reading.text(part, "text") for part in parts if not part.get("thought"))

    def _units(self, picture: Picture) -> tuple[float, float]:
        return THOUSANDTHS, THOUSANDTHS

    def _corners(self, one: Mapping[str, Any]) -> tuple[Any, Any, Any, Any]:
        box = one.get(_BOX)
        if not isinstance(box, list) or len(box) != 4:
            return None, None, None, None
        top, left, bottom, right = box
        return left, top, right, bottom

    def _answering_model(self, envelope: Mapping[str, Any]) -> str:
        return super()._answering_model({"model": envelope.get("modelVersion")})

    def _request_id(self, received: Received, envelope: Mapping[str, Any]) -> str:
        # Gemini sends no header for it, but names each answer.
        return super()._request_id(
            Received("", {"x-request-id": reading.text(envelope, "responseId")}), envelope
        )


def _in_thousandths(schema: Schema) -> dict[str, Any]:
    changed = document(schema)
    one = changed["properties"][prompts.LIST]["items"]
    del one["properties"][prompts.BOX]
    one["properties"] = {
        _BOX: {"type": "array", "items": {"type": "integer"}, "minItems": 4, "maxItems": 4},
        **one["properties"],
    }
    one["required"] = [_BOX if name == prompts.BOX else name for name in one["required"]]
    return changed
