"""Bodies as they are read: JSON that means one thing only, and multipart where files are taken.

RFC 8259 leaves open what a key named twice, NaN or a huge number mean; here they are refused by
name (RFC 7493, I-JSON, asks senders for the same).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.conf import settings
from rest_framework.exceptions import ParseError, UnsupportedMediaType, ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.parsers import MultiPartParser as FrameworkMultiPartParser
from rest_framework.renderers import JSONRenderer

from config.api.errors import TooLarge

DEEPEST: Final = 32
LARGEST_INTEGER: Final = 2**63 - 1
_MOST_DIGITS: Final = 20  # a sign and 64 bits
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class _Wrong(str):
    """Stands in the parsed document where something cannot be taken; the text says why."""

    __slots__ = ()


class JsonParser(BaseParser):
    """One JSON object in UTF-8, at most ``DATA_UPLOAD_MAX_MEMORY_SIZE`` bytes.

    Raises ``TooLarge`` (413), ``ParseError`` (400) for what does not parse, and ``ValidationError``
    (400) that names each field holding a key named twice, NaN or an infinity, a number beyond 64
    bits, NUL or half of a surrogate pair, or anything nested deeper than 32 levels.
    """

    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The body as a dict."""
        encoding = str((parser_context or {}).get("encoding") or "utf-8").lower()
        if encoding not in {"utf-8", "utf8"}:
            raise UnsupportedMediaType(media_type or "", "JSON is read in UTF-8 alone (RFC 8259).")
        body = _read(stream)
        try:
            parsed = json.loads(
                body.decode("utf-8"),
                object_pairs_hook=_object,
                parse_constant=_constant,
                parse_int=_integer,
                parse_float=_float,
            )
        except UnicodeDecodeError as error:
            raise ParseError(f"The body is not UTF-8: byte {error.start} fits nowhere.") from None
        except json.JSONDecodeError as error:
            raise ParseError(
                f"The body is not JSON: line {error.lineno}, column {error.colno}: {error.msg}."
            ) from None
        except RecursionError:
            raise ParseError(f"The body is nested deeper than {DEEPEST} levels.") from None
        if not isinstance(parsed, dict):
            raise ParseError("The body must be a JSON object: {…}.")
        if wrong := dict(_wrong(parsed)):
            raise ValidationError(wrong)
        return parsed


class MultiPartParser(FrameworkMultiPartParser):
    """Files and fields; for endpoints that take uploads alone."""


def _read(stream: Any) -> bytes:
    most: int | None = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    body: bytes = stream.read() if most is None else stream.read(most + 1)
    if most is not None and len(body) > most:
        raise TooLarge(f"The body is larger than {most} bytes.")
    return body


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        found[name] = _Wrong("This key stands here twice.") if name in found else value
    return found


def _constant(text: str) -> _Wrong:
    return _Wrong(f"{text} is no JSON number.")


def _integer(text: str) -> int | _Wrong:
    if len(text) > _MOST_DIGITS or not -LARGEST_INTEGER - 1 <= int(text) <= LARGEST_INTEGER:
        return _Wrong(f"The number does not lie between {-LARGEST_INTEGER - 1} and its opposite.")
    return int(text)


def _float(text: str) -> float | _Wrong:
    number = float(text)
    return number if math.isfinite(number) else _Wrong("The number is beyond 64 bits.")


def _wrong(parsed: Any) -> Iterator[tuple[str, list[str]]]:
    """Every place that cannot be taken, with the reason; without recursion, as deep as it is."""
    waiting: list[tuple[str, Any, int]] = [("", parsed, 1)]
    while waiting:
        path, value, depth = waiting.pop()
        if isinstance(value, str):
            if reason := _wrong_text(value):
                yield path, [reason]
        elif depth > DEEPEST and isinstance(value, dict | list):
            yield path, [f"This is nested deeper than {DEEPEST} levels."]
        elif isinstance(value, dict):
            for name, inner in value.items():
                if _wrong_text(name):
                    yield path, ["A key holds a character that cannot be stored."]
                else:
                    waiting.append((f"{path}.{name}" if path else name, inner, depth + 1))
        elif isinstance(value, list):
            waiting += [(f"{path}.{at}", inner, depth + 1) for at, inner in enumerate(value)]


def _wrong_text(text: str) -> str | None:
    if isinstance(text, _Wrong):
        return str(text)
    if "\x00" in text:
        return "The text holds NUL, which cannot be stored. Remove it."
    if _SURROGATE.search(text):
        return "The text holds half of a surrogate pair, which is no character. Remove it."
    return None
