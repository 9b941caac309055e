"""How values look on the staff pages: one way each to write a size, a moment, an id, a state."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

State = Literal["good", "notice", "warning", "bad", "neutral"]
Number = int | float | Decimal

NOTHING: Final = "\u2013"  # a dash: there is no value
_SPACE: Final = "\u00a0"  # keeps a number and its unit on one line
_SIZES: Final = ("bytes", "kB", "MB", "GB", "TB", "PB")
# Words that are not written in small letters.
_WRITTEN: Final = {"ai": "AI", "api": "API", "id": "id", "url": "URL"}
_STEPS: Final[tuple[tuple[int, str], ...]] = ((60, "s"), (60, "min"), (24, "h"), (7, "days"))


def _finite(value: Number) -> bool:
    """Whether there is a float for it; a whole number from JSON may lie beyond every float."""
    try:
        return math.isfinite(value)
    except (OverflowError, ValueError):
        return False


def number(value: Number | None, unit: str = "", *, digits: int = 0) -> str:
    """``1,234.5 px``: grouped, ``digits`` after the point, a hard space before the unit."""
    if value is None or not _finite(value):
        return NOTHING
    text = f"{value:,.{digits}f}"
    return f"{text}{_SPACE}{unit}" if unit else text


def percent(share: Number | None, *, digits: int = 1) -> str:
    """A share from 0 to 1 as ``42.0 %``."""
    return number(None if share is None else share * 100, "%", digits=digits)


def size(count: int | None) -> str:
    """Bytes as ``3.4 MB``, in powers of 1000 (IEC 80000-13)."""
    if count is None or not _finite(count):
        return NOTHING
    value: float = count
    step = 0
    while abs(value) >= 999.5 and step < len(_SIZES) - 1:
        value /= 1000
        step += 1
    digits = 0 if step == 0 or abs(value) >= 99.95 else 1
    return number(value, _SIZES[step], digits=digits)


def duration(milliseconds: Number | None) -> str:
    """``12 ms``, ``3.4 s``, ``2 min 5 s``, ``3 h 20 min``."""
    if milliseconds is None or not _finite(milliseconds):
        return NOTHING
    seconds = float(milliseconds) / 1000
    if seconds < 1:
        return number(milliseconds, "ms")
    if seconds < 60:
        return number(seconds, "s", digits=1)
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{number(minutes, 'min')} {number(rest, 's')}"
    hours, minutes = divmod(minutes, 60)
    return f"{number(hours, 'h')} {number(minutes, 'min')}"


def exact_moment(value: datetime | None) -> str:
    """``21 Nov 2026 14:05 UTC``, in the current zone."""
    if value is None:
        return NOTHING
    local = timezone.localtime(value) if timezone.is_aware(value) else value
    return f"{local.day} {local:%b %Y %H:%M} {local:%Z}".rstrip()


def relative_moment(value: datetime, now: datetime | None = None) -> str:
    """``3 min ago``, ``in 2 h``; beyond a week the date, ``21 Nov 2026``."""
    apart = (now or timezone.now()) - value
    ahead = apart < timedelta(0)
    amount = abs(apart).total_seconds()
    if amount < 10:
        return "just now"
    for limit, unit in _STEPS:
        if amount < limit:
            count = int(amount)
            text = f"{count}{_SPACE}{'day' if (count, unit) == (1, 'days') else unit}"
            return f"in {text}" if ahead else f"{text} ago"
        amount /= limit
    local = timezone.localtime(value)
    return f"{local.day} {local:%b %Y}"


def moment(value: datetime | None) -> SafeString:
    """The relative time, with the exact one on hover and for machines."""
    if value is None:
        return format_html("{}", NOTHING)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        value.isoformat(),
        exact_moment(value),
        relative_moment(value),
    )


def short_id(value: UUID | str | None) -> SafeString:
    """An id or hash in monospace, shortened, whole on hover.

    Of a UUID the end is shown: version 7 begins with the time, so neighbours begin alike. Of a hash
    the beginning is shown, as people quote hashes.
    """
    text = "" if value is None else str(value)
    if not text:
        return format_html("{}", NOTHING)
    try:
        shown = f"…{UUID(text).hex[-8:]}" if len(text) in {32, 36} else f"{text[:12]}…"
    except ValueError:
        shown = f"{text[:12]}…"
    if len(text) <= 14:
        shown = text
    return format_html('<code class="id" title="{}">{}</code>', text, shown)


def badge(word: str, state: State = "neutral") -> SafeString:
    """A state as icon, word and tint; never colour alone. The word begins with a capital."""
    return format_html(
        '<span class="badge is-{}"><svg class="icon" aria-hidden="true">'
        '<use href="#icon-{}"></use></svg>{}</span>',
        state,
        state,
        capfirst(word),
    )


def spoken(name: str) -> str:
    """A name that programs use, as words: ``ai-annotations`` is ``AI annotations``."""
    words = [_WRITTEN.get(word, word) for word in re.split("[-_]+", name) if word]
    return str(capfirst(" ".join(words)))


def tag(word: str) -> SafeString:
    """A word that sorts things but judges none of them: a role, a kind."""
    return format_html('<span class="tag">{}</span>', word)


def tile(label: str, value: str, *, normal: str = "", state: State | None = None) -> SafeString:
    """One decisive figure: what it is, its value with the unit, and what is normal.

    Tiles stand together in ``<dl class="tiles">``.
    """
    return format_html(
        '<div class="tile{}"><dt>{}</dt><dd class="tile-value">{}</dd>'
        '<dd class="tile-normal">{}</dd></div>',
        f" is-{state}" if state else "",
        label,
        value,
        normal,
    )


def progress(done: int, total: int, *, label: str, note: str = "") -> SafeString:
    """A bar with its figures: ``done`` of ``total``, and a note such as rate and remaining time."""
    return format_html(
        '<div class="progress"><progress value="{}" max="{}" aria-label="{}"></progress>'
        '<span class="progress-figures">{} of {}{}</span></div>',
        done,
        max(total, 1),
        label,
        number(done),
        number(total),
        f" · {note}" if note else "",
    )


def folded_json(value: Any, title: str = "Raw data") -> SafeString:
    """Data as JSON, folded away until somebody asks for it."""
    if value in (None, {}, [], ""):
        return format_html("{}", NOTHING)
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return format_html(
        '<details class="raw"><summary>{}</summary><pre tabindex="0">{}</pre></details>',
        title,
        text,
    )
