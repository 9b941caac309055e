"""How a value becomes the bytes that are encrypted, and back; refusals never show the value."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from database.encryption.errors import CannotSeal

TEXT: Final = "text"
JSON: Final = "json"


def _text(value: object) -> bytes | None:
    try:
        return value.encode() if isinstance(value, str) else None
    except UnicodeEncodeError:
        return None


def _json(value: object) -> bytes | None:
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")
    except (TypeError, ValueError, RecursionError):
        return None


def _decoded(value: bytes | bytearray) -> str:
    return value.decode()


_ENCODE: Final[dict[str, tuple[Callable[[object], bytes | None], str]]] = {
    TEXT: (_text, "must be text that UTF-8 can write"),
    JSON: (_json, "must be JSON: text, numbers but no NaN, true, false, null, lists and objects"),
}
DECODE: Final[dict[str, Callable[[bytes | bytearray], Any]]] = {
    TEXT: _decoded,
    JSON: json.loads,
}


def encode(codec: str, value: object, name: str) -> bytes:
    """The bytes to encrypt; CannotSeal names the field when the value is of the wrong kind."""
    # The codec's own error holds the value, so ours is not raised while that one is handled.
    function, must = _ENCODE[codec]
    encoded = function(value)
    if encoded is None:
        raise CannotSeal(f"{name} {must}; it is given as {type(value).__name__}.")
    return encoded
