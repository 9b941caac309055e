"""How each provider's API says the same thing, written from its documentation, not from ours."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from PIL import Image


@dataclass(frozen=True, slots=True)
class Drawn:
    """A box as a model is to answer it: edges as fractions of the picture, or anything at all."""

    left: Any = 0.1
    top: Any = 0.2
    right: Any = 0.5
    bottom: Any = 0.8
    label: Any = "crow"
    confidence: Any = 0.9


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an answer costs; ``cached`` is part of ``input``, ``thinking`` part of ``output``."""

    input: int = 1200
    output: int = 90
    cached: int = 200
    thinking: int = 30


TOKENS = Tokens()


class Dialect(Protocol):
    """One provider's API."""

    name: str
    base_path: str  # what follows the server's address in the base URL

    def key(self, headers: Mapping[str, str]) -> str:
        """The key that a request carries; empty without one."""

    def lists_models(self, path: str) -> bool:
        """Whether a request asks for the models, which costs nothing."""

    def picture(self, request: Any) -> bytes:
        """The picture in a request's body."""

    def instruction(self, request: Any) -> str:
        """What the model is told."""

    def schema(self, request: Any) -> Any:
        """The JSON schema that the answer is held to."""

    def written(self, drawn: Drawn, size: tuple[int, int]) -> dict[str, Any]:
        """A box in the provider's units; ``size`` is the sent picture's."""

    def answer(self, text: str, tokens: Tokens | None, *, ended: str = "well") -> Any:
        """A whole answer. ``ended``: "well", "refused", "withheld" or "too long"."""

    def models(self) -> Any:
        """The list of models."""

    def error(self, status: int, code: str) -> Any:
        """The body of a refusal."""


def size_of(picture: bytes) -> tuple[int, int]:
    """Width and height in pixels, read from the bytes that came."""
    with Image.open(io.BytesIO(picture)) as image:
        return image.size


class OpenAI:
    """The Responses API."""

    name = "openai"
    base_path = "/openai/v1"

    def key(self, headers: Mapping[str, str]) -> str:
        return headers.get("authorization", "").removeprefix("Bearer ")

    def lists_models(self, path: str) -> bool:
        return path.endswith("/models")

    def picture(self, request: Any) -> bytes:
        url = request["input"][0]["content"][0]["image_url"]
        return base64.b64decode(url.partition(";base64,")[2])

    def instruction(self, request: Any) -> str:
        return str(request["instructions"])

    def schema(self, request: Any) -> Any:
        return request["text"]["format"]["schema"]

    def written(self, drawn: Drawn, size: tuple[int, int]) -> dict[str, Any]:
        return {
            "box": {
                "left": drawn.left,
                "top": drawn.top,
                "right": drawn.right,
                "bottom": drawn.bottom,
            },
            "label": drawn.label,
            "confidence": drawn.confidence,
        }

    def answer(self, text: str, tokens: Tokens | None, *, ended: str = "well") -> Any:
        said = {"type": "output_text", "text": text, "annotations": []}
        if ended == "refused":
            said = {"type": "refusal", "refusal": text}
        reason = {"too long": "max_output_tokens", "withheld": "content_filter"}.get(ended)
        return {
            "id": "resp_1",
            "object": "response",
            "created_at": 1790000000,
            "model": "gpt-stub-2026-11-01",
            "status": "incomplete" if reason else "completed",
            "incomplete_details": {"reason": reason} if reason else None,
            "output": [
                {"type": "reasoning", "id": "rs_1", "summary": []},
                {
                    "type": "message",
                    "id": "msg_1",
                    "status": "completed",
                    "role": "assistant",
                    "content": [said],
                },
            ],
            "usage": tokens
            and {
                "input_tokens": tokens.input,
                "input_tokens_details": {"cached_tokens": tokens.cached},
                "output_tokens": tokens.output,
                "output_tokens_details": {"reasoning_tokens": tokens.thinking},
                "total_tokens": tokens.input + tokens.output,
            },
        }

    def models(self) -> Any:
        return {
            "object": "list",
            "data": [
                {"id": f"gpt-stub-{number}", "object": "model", "created": 1, "owned_by": "stub"}
                for number in (1, 2)
            ],
        }

    def error(self, status: int, code: str) -> Any:
        return {"error": {"message": "Not like this.", "type": code, "param": None, "code": code}}


class Anthropic:
    """The Messages API."""

    name = "anthropic"
    base_path = "/anthropic"

    def key(self, headers: Mapping[str, str]) -> str:
        return headers.get("x-api-key", "")

    def lists_models(self, path: str) -> bool:
        return path.partition("?")[0].endswith("/v1/models")

    def picture(self, request: Any) -> bytes:
        return base64.b64decode(request["messages"][0]["content"][0]["source"]["data"])

    def instruction(self, request: Any) -> str:
        return str(request["system"])

    def schema(self, request: Any) -> Any:
        return request["output_config"]["format"]["schema"]

    def written(self, drawn: Drawn, size: tuple[int, int]) -> dict[str, Any]:
        width, height = size
        return {
            "box": {
                "left": _times(drawn.left, width),
                "top": _times(drawn.top, height),
                "right": _times(drawn.right, width),
                "bottom": _times(drawn.bottom, height),
            },
            "label": drawn.label,
            "confidence": drawn.confidence,
        }

    def answer(self, text: str, tokens: Tokens | None, *, ended: str = "well") -> Any:
        reasons = {"refused": "refusal", "withheld": "refusal", "too long": "max_tokens"}
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-stub-20261101",
            "content": [] if ended in {"refused", "withheld"} else [{"type": "text", "text": text}],
            "stop_reason": reasons.get(ended, "end_turn"),
            "stop_sequence": None,
            "usage": tokens
            and {
                "input_tokens": tokens.input - tokens.cached,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": tokens.cached,
                "output_tokens": tokens.output,
            },
        }

    def models(self) -> Any:
        return {
            "data": [
                {
                    "id": f"claude-stub-{number}",
                    "type": "model",
                    "display_name": "Stub",
                    "created_at": "2026-11-01T00:00:00Z",
                }
                for number in (1, 2)
            ],
            "has_more": False,
            "first_id": "claude-stub-1",
            "last_id": "claude-stub-2",
        }

    def error(self, status: int, code: str) -> Any:
        return {"type": "error", "error": {"type": code, "message": "Not like this."}}


class Google:
    """The Gemini API."""

    name = "google"
    base_path = "/google"

    def key(self, headers: Mapping[str, str]) -> str:
        return headers.get("x-goog-api-key", "")

    def lists_models(self, path: str) -> bool:
        return path.partition("?")[0].endswith("/models")

    def picture(self, request: Any) -> bytes:
        data = request["contents"][0]["parts"][0]["inlineData"]["data"]
        return base64.b64decode(data, altchars=b"-_" if "-" in data or "_" in data else None)

    def instruction(self, request: Any) -> str:
        return str(request["systemInstruction"]["parts"][0]["text"])

    def schema(self, request: Any) -> Any:
        return request["generationConfig"]["responseJsonSchema"]

    def written(self, drawn: Drawn, size: tuple[int, int]) -> dict[str, Any]:
        edges = (drawn.top, drawn.left, drawn.bottom, drawn.right)
        return {
            "box_2d": [_times(edge, 1000) for edge in edges],
            "label": drawn.label,
            "confidence": drawn.confidence,
        }

    def answer(self, text: str, tokens: Tokens | None, *, ended: str = "well") -> Any:
        usage = tokens and {
            "promptTokenCount": tokens.input,
            "cachedContentTokenCount": tokens.cached,
            "candidatesTokenCount": tokens.output - tokens.thinking,
            "thoughtsTokenCount": tokens.thinking,
            "totalTokenCount": tokens.input + tokens.output,
        }
        head = {"usageMetadata": usage, "modelVersion": "gemini-stub-001", "responseId": "resp-1"}
        if ended == "refused":
            return {**head, "promptFeedback": {"blockReason": "SAFETY"}}
        reasons = {"withheld": "PROHIBITED_CONTENT", "too long": "MAX_TOKENS"}
        parts = [{"text": "They look like birds.", "thought": True}, {"text": text}]
        return {
            **head,
            "candidates": [
                {
                    "content": {"role": "model", "parts": parts},
                    "finishReason": reasons.get(ended, "STOP"),
                }
            ],
        }

    def models(self) -> Any:
        return {"models": [{"name": "models/gemini-stub-1"}, {"name": "models/gemini-stub-2"}]}

    def error(self, status: int, code: str) -> Any:
        return {"error": {"code": status, "message": "Not like this.", "status": code}}


DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect for dialect in (OpenAI(), Anthropic(), Google())
}


def spoken(dialect: Dialect, drawn: tuple[Drawn, ...], picture: bytes) -> str:
    """What the model says, as JSON; NaN and Infinity are written as Python writes them."""
    size = size_of(picture)
    return json.dumps({"annotations": [dialect.written(one, size) for one in drawn]})


def _times(value: Any, factor: int) -> Any:
    return value * factor if isinstance(value, int | float) else value
