"""Canonical JSON: RFC 8785 with whole numbers alone, so that one value has one text.

Floats are refused rather than written, because two programs that agree on a number may print it
differently and a hash would not survive that. What is finer than a whole number travels as text.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from audit.proofs.errors import FormatError

LARGEST_NUMBER = 2**53 - 1
DEEPEST = 100
_LONGEST_NUMBER = len(str(-LARGEST_NUMBER))
_NOT_IN_TEXT = re.compile("[\x00\ud800-\udfff]")

_Path = tuple[str | int, ...]


def dumps(value: object) -> str:
    """The canonical text of a value made of None, bool, int, str, lists, tuples and mappings.

    Decimal, UUID, datetime (as UTC with microseconds), date and paths become text, enums their
    values; U+0000 and lone surrogates become U+FFFD. Raises TypeError for anything else, floats
    above all, and ValueError for whole numbers beyond 2^53 - 1, moments without a zone, keys that
    become equal and nesting beyond 100 levels; the message names the place: `details.scores[2]`.
    """
    return json.dumps(_plain(value, ()), ensure_ascii=False, separators=(",", ":"))


def loads_strict(text: str) -> Any:
    """The value of a canonical text; FormatError when `dumps` would write it in any other way."""
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_no_float,
            parse_constant=_no_float,
            parse_int=_whole_number,
        )
        canonical = dumps(value)
    except RecursionError:
        raise FormatError(f"JSON is nested more than {DEEPEST} levels deep.") from None
    except json.JSONDecodeError as error:
        raise FormatError(
            f"This is no JSON: {error.msg.lower()} at character {error.pos + 1}."
        ) from None
    except FormatError:
        raise
    except ValueError as error:
        raise FormatError(str(error)) from None
    if canonical != text:
        place = _difference(canonical, text)
        raise FormatError(f"JSON is not canonical from character {place} on.")
    return value


def _plain(value: object, path: _Path) -> Any:
    """The value in the types that `json` writes as RFC 8785 wants them, keys in their order."""
    if isinstance(value, Enum):
        value = value.value
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        if not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
            raise ValueError(f"{_place(path)} is a whole number beyond 2^53 - 1; write it as text.")
        return int(value)
    if len(path) >= DEEPEST and isinstance(value, Mapping | list | tuple):
        raise ValueError(f"{_place(path[:3])} is nested more than {DEEPEST} levels deep.")
    if isinstance(value, Mapping):
        return _members(value, path)
    if isinstance(value, list | tuple):
        return [_plain(item, (*path, index)) for index, item in enumerate(value)]
    return _as_text(value, path)


def _members(value: Mapping[Any, object], path: _Path) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(key, Enum):
            key = key.value  # noqa: PLW2901 - the enum's value is the key
        if not isinstance(key, str):
            raise TypeError(f"{_place(path)} has the key {key!r}, which is no text.")
        name = _text(key)
        if name in members:
            raise ValueError(f"{_place(path)} has two keys that are written {name!r}.")
        members[name] = _plain(item, (*path, name))
    if all(map(str.isascii, members)):
        return dict(sorted(members.items()))
    return dict(sorted(members.items(), key=lambda member: member[0].encode("utf-16-be")))


def _as_text(value: object, path: _Path) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{_place(path)} is a moment without a time zone.")
        return moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal | UUID | PurePath):
        return _text(str(value))
    if isinstance(value, float):
        raise TypeError(
            f"{_place(path)} is a float, which has no single written form; "
            "give a whole number, a Decimal or text."
        )
    raise TypeError(
        f"{_place(path)} is of the type {type(value).__name__}, which canonical JSON cannot hold."
    )


def moment(at: datetime) -> str:
    """A moment as the log writes it everywhere: `2026-11-21T10:00:00.123456Z`, in UTC."""
    utc = at.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="microseconds") + "Z"


def _text(value: str) -> str:
    if value.isascii() and "\0" not in value:
        return str(value)
    return _NOT_IN_TEXT.sub("\ufffd", value)


def _place(path: _Path) -> str:
    """A path as a reader would write it: `details.scores[2]`."""
    if not path:
        return "The value"
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    return "".join(steps).removeprefix(".")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise FormatError(f"JSON has the key {twice!r} twice in one object.")
    return members


def _no_float(text: str) -> None:
    raise FormatError(f"JSON has the number {text[:40]}; only whole numbers may stand in it.")


def _whole_number(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise FormatError(f"JSON has the number {text[:40]}, which is beyond 2^53 - 1.")
    return int(text)


def _difference(canonical: str, text: str) -> int:
    """The first character, counted from 1, in which two texts differ."""
    for number, (one, other) in enumerate(zip(canonical, text, strict=False), start=1):
        if one != other:
            return number
    return min(len(canonical), len(text)) + 1
