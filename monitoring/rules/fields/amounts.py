"""Numbers, amounts with a unit, and lists of texts, as people type them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from monitoring.rules.grammar import Span

SAMPLES: Final = "samples"
# What a unit of time has of seconds.
UNITS: Final = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}
SECONDS: Final = "seconds"
Number = int | float

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)
_LONGEST_NUMBER: Final = 40
_QUOTED: Final = re.compile(r'"((?:[^"]|"")*)"\s*(?:,|\Z)')
# What no text field of a browser gives back as it was.
_UNTYPED: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LONGEST_LIST: Final = 30_000


@dataclass(slots=True)
class Amount:
    """A number as it was typed, and its unit: ``samples``, or one of ``UNITS``; "" is none."""

    number: str = ""
    unit: str = SAMPLES


def number_of(text: str) -> Number | None:
    """The finite number that the text is: ``12``, ``0.05``, ``1e-6``; None for anything else."""
    text = text.strip()
    if len(text) > _LONGEST_NUMBER or not _NUMBER.match(text):
        return None
    try:
        return int(text)
    except ValueError:
        number = float(text)
    return number if math.isfinite(number) else None


def number_text(number: Number) -> str:
    """The number as ``number_of`` reads it: 10.0 is ``10``."""
    if float(number).is_integer() and abs(number) < 1e15:
        return str(int(number))
    return repr(number)


def seconds_of(amount: Amount) -> Number | None:
    """The amount in seconds, whole where it can be; None where it is no number of time."""
    number, factor = number_of(amount.number), UNITS.get(amount.unit)
    if number is None or factor is None:
        return None
    product = number * factor
    return int(product) if float(product).is_integer() else product


def amount_of_seconds(seconds: Number) -> Amount:
    """In the largest unit of which there is a whole number: 5400 are 90 minutes."""
    for unit, factor in reversed(UNITS.items()):
        if seconds and float(seconds / factor).is_integer() and seconds % factor == 0:
            return Amount(number_text(seconds / factor), unit)
    return Amount(number_text(seconds), SECONDS)


def amount_of(span: Span) -> Amount:
    """A span as it is typed."""
    if span.points is not None:
        return Amount(str(span.points), SAMPLES)
    return amount_of_seconds(span.seconds or 0)


# --- Texts ----------------------------------------------------------------------------------------


def can_be_typed(text: str) -> bool:
    """Whether a text field gives it back as it is: no line ends, no other signs of control."""
    return not _UNTYPED.search(text)


def text_of(typed: str) -> str | None:
    """One text; quotation marks keep the spaces around it, or an empty one. None: not closed."""
    typed = typed.strip()
    if not typed.startswith('"'):
        return typed
    match = _QUOTED.fullmatch(typed)
    return match[1].replace('""', '"') if match and typed.endswith('"') else None


def typed_text(text: str) -> str:
    """The text as ``text_of`` reads it."""
    is_plain = text and text == text.strip() and not text.startswith('"')
    return text if is_plain else '"' + text.replace('"', '""') + '"'


def texts_of(typed: str) -> list[str] | None:
    """Texts between commas; one that has a comma stands in quotation marks. None: not closed."""
    if len(typed) > _LONGEST_LIST:
        return None
    found, rest = list[str](), typed.strip()
    while rest:
        if rest.startswith('"'):
            match = _QUOTED.match(rest)
            if match is None:
                return None
            found.append(match[1].replace('""', '"'))
            rest = rest[match.end() :].lstrip()
        else:
            word, _, rest = rest.partition(",")
            found += [word.strip()] if word.strip() else []
            rest = rest.lstrip()
    return found


def typed_texts(texts: list[str]) -> str:
    """The texts as ``texts_of`` reads them."""
    return ", ".join(
        '"' + text.replace('"', '""') + '"' if "," in text else typed_text(text) for text in texts
    )
