"""What an entry changed, side by side: a row for each column, marked by a sign and a word."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeGuard

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from audit.admin.shown import visible
from config.admin.formats import NOTHING, size

Kind = Literal["added", "removed", "changed", "same"]

SIGNS: Final[Mapping[Kind, str]] = {
    "added": "+",
    "removed": "\N{MINUS SIGN}",
    "changed": "\N{ALMOST EQUAL TO}",
    "same": "=",
}
# Longer values are folded: their first characters stand in the summary.
_SHORT: Final = 240
_SHORT_LINES: Final = 6
_SUMMARY: Final = 100
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One column: what became of it, and its value on each side."""

    column: str
    kind: Kind
    sign: str
    before: SafeString
    after: SafeString


def differences(before: Any, after: Any) -> list[Difference]:
    """The columns of both sides in order: what changed first, what stayed the same last.

    Each side is the JSON of the entry's ``changes``: an object by column, or None where the row was
    not there. Whatever else plain SQL has put there is shown as one value.
    """
    rows = list(_rows("", _columns(before), _columns(after)))
    return sorted(rows, key=lambda row: (row.kind == "same", row.column))


def _columns(side: Any) -> dict[str, Any]:
    if side is None:
        return {}
    return side if isinstance(side, dict) else {"value": side}


def _rows(prefix: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Difference]:
    """A row for each name; objects on both sides are opened, ``meta.width`` and so on."""
    for name in dict.fromkeys([*old, *new]):
        one, other = old.get(name), new.get(name)
        if _opens(one) and _opens(other) and not _same(one, other):
            yield from _rows(f"{prefix}{name}.", one, other)
        else:
            yield _difference(f"{prefix}{name}", old.get(name, _ABSENT), new.get(name, _ABSENT))


def _opens(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict) and bool(value) and not _is_abridged(value)


def _is_abridged(value: dict[str, Any]) -> bool:
    return value.keys() == {"bytes", "sha256"}


def _difference(name: str, old: Any, new: Any) -> Difference:
    kind: Kind = "changed"
    if old is _ABSENT:
        kind = "added"
    elif new is _ABSENT:
        kind = "removed"
    elif _same(old, new):
        kind = "same"
    return Difference(visible(name), kind, SIGNS[kind], shown(old), shown(new))


def _same(one: Any, other: Any) -> bool:
    # In Python, 1 == True == 1.0.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def shown(value: Any) -> SafeString:
    """A value of JSON as people read it: what is long is folded, objects are laid out."""
    if value is _ABSENT:
        return format_html("{}", NOTHING)
    if isinstance(value, str):
        if not value:
            return format_html('<span class="quiet-text">{}</span>', "empty text")
        return _folded(visible(value), "value")
    if isinstance(value, dict) and _is_abridged(value):
        return _abridged(value)
    if isinstance(value, (dict, list)) and value:
        short = json.dumps(value, ensure_ascii=False)
        if len(short) <= _SUMMARY:
            return format_html('<code class="value">{}</code>', visible(short))
        return _folded(visible(json.dumps(value, ensure_ascii=False, indent=2)), "value is-code")
    return format_html('<code class="value">{}</code>', json.dumps(value))


def _folded(text: str, style: str) -> SafeString:
    if len(text) <= _SHORT and text.count("\n") < _SHORT_LINES:
        return format_html('<bdi class="{}">{}</bdi>', style, text)
    return format_html(
        '<details class="raw"><summary>{}</summary><pre tabindex="0">{}</pre></details>',
        Truncator(" ".join(text.split())).chars(_SUMMARY),
        text,
    )


def _abridged(value: Mapping[str, Any]) -> SafeString:
    """What was too long for the log: its size and hash stand for it."""
    length = value["bytes"]
    said = size(length) if isinstance(length, int) else visible(str(length))
    return format_html(
        'too long for the log: {}, SHA-256 <code class="hash">{}</code>',
        said,
        visible(str(value["sha256"])),
    )
