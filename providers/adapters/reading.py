"""JSON that somebody else wrote, read without trust."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
DEEPEST: Final = 64  # levels; nothing that any provider answers needs a tenth of them


class Unreadable(ValueError):
    """It is no JSON, or not in the agreed form; the message says what, never the text."""


def parsed(text: str | bytes) -> Any:
    """The JSON, NaN and Infinity included, which the boxes' check refuses one by one."""
    try:
        found = json.loads(text)
    except RecursionError:
        raise Unreadable("is nested too deep") from None
    except ValueError:  # also a number of thousands of digits, and bytes that are no UTF-8
        raise Unreadable("is no complete JSON") from None
    return found


def written(found: Any) -> str:
    """The JSON text of what was read."""
    return json.dumps(found)


def storable(found: Any, depth: int = 0) -> Any:
    """The same, as PostgreSQL's jsonb takes it: no NaN, no infinity, no NUL, no half character.

    Such numbers become their names; such characters become U+FFFD. Unreadable where it is nested
    deeper than DEEPEST.
    """
    if depth > DEEPEST:
        raise Unreadable("is nested too deep")
    if isinstance(found, str):
        return _clean(found)
    if isinstance(found, float) and not math.isfinite(found):
        return str(found)
    if isinstance(found, list):
        return [storable(one, depth + 1) for one in found]
    if isinstance(found, dict):
        return {_clean(str(name)): storable(one, depth + 1) for name, one in found.items()}
    return found


def count(found: Any, *names: str) -> int:
    """A whole number of at least 0, some levels down; 0 where there is none."""
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, int) and not isinstance(found, bool):
        return min(max(found, 0), 2**31 - 1)
    return 0


def text(found: Any, *names: str) -> str:
    """A text, some levels down; empty where there is none."""
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""


def objects(found: Any, name: str) -> list[dict[str, Any]]:
    """The objects of a list; empty where there is none."""
    inner = found.get(name) if isinstance(found, dict) else None
    return [one for one in inner if isinstance(one, dict)] if isinstance(inner, list) else []


def _clean(characters: str) -> str:
    return _UNSTORABLE.sub("\ufffd", characters)
