"""What a provider drew, checked before anybody believes it.

A model answers with whatever it was taught or told, also by writing in the picture. Here every
number and every label is suspect: what cannot be meant is left out, what is slightly wrong is
put right, and each of both leaves a remark. Nothing is rescaled because it looks too large: a
confidence of 1.7 is no per cent, and a coordinate of 500 no pixel.
"""

from __future__ import annotations

import itertools
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from providers.interface import LONGEST_LABEL, MOST_BOXES, Box

# A box that reaches further out of the picture than this part of it is no slip of the hand, but
# drawn on another scale: clipping it would make a box of what was none.
FURTHEST_OUT: Final = 0.5
MOST_REMARKS: Final = 100
MOST_SEEN: Final = 20_000  # entries of a list that are looked at at all
_DIGITS: Final = 6  # a millionth of the picture; sums of such fractions do not exceed 1
_TAG: Final = re.compile(r"<[^<>]*>")
_BRACKETS: Final = re.compile(r"[<>]")


@dataclass(frozen=True, slots=True)
class Found:
    """One thing as the provider says it: of any type, in the provider's own units."""

    left: Any
    top: Any
    right: Any
    bottom: Any
    label: Any
    confidence: Any


@dataclass(frozen=True, slots=True)
class Checked:
    """What is left.

    ``off_scale``  how many were left out because they lie far outside the picture
    """

    boxes: tuple[Box, ...]
    remarks: tuple[str, ...]
    off_scale: int = 0


class _LeftOut(Exception):
    """Why a box is not taken, to be read after "Box 3 was left out: "."""


class _OffScale(_LeftOut):
    pass


def check(
    found: Iterable[Found], *, across: float, down: float, labels: Sequence[str] = ()
) -> Checked:
    """The boxes that can be meant, as fractions of the picture, in the provider's order.

    ``across``, ``down``  how many of the provider's units the picture is wide and high: 1 for
        fractions, 1000 for thousandths, its size where the units are pixels
    ``labels``  those to choose from; another one is emptied. Without any, all are taken as text
    """
    remarks: list[str] = []
    taken: list[tuple[int, Box]] = []
    choice = {plain(label).casefold(): label for label in labels}
    off_scale = 0
    entries = iter(found)
    for number, one in enumerate(itertools.islice(entries, MOST_SEEN), 1):
        try:
            box, changes = _checked(one, across, down, choice)
        except _LeftOut as reason:
            off_scale += isinstance(reason, _OffScale)
            remarks.append(f"Box {number} was left out: {reason}.")
            continue
        remarks.extend(f"Box {number}: {change}." for change in changes)
        taken.append((number, box))
    single = _without_repetitions(taken, remarks)
    kept = _without_surplus(single, remarks)
    if next(entries, None) is not None:
        remarks.insert(0, f"Of more than {MOST_SEEN} boxes the first {MOST_SEEN} were looked at.")
    if len(remarks) > MOST_REMARKS:
        more = len(remarks) - MOST_REMARKS
        remarks[MOST_REMARKS:] = [f"{more} more remarks of this kind were left out."]
    return Checked(tuple(box for _, box in kept), tuple(remarks), off_scale)


def plain(text: str) -> str:
    """Text without markup, control, format or private characters, at most 120 long."""
    once = unicodedata.normalize("NFC", text[: 16 * LONGEST_LABEL])
    bare = _BRACKETS.sub(" ", _TAG.sub(" ", once))
    printable = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in bare)
    return " ".join(printable.split())[:LONGEST_LABEL].rstrip()


def _checked(
    one: Found, across: float, down: float, choice: Mapping[str, str]
) -> tuple[Box, list[str]]:
    confidence = _number(one.confidence, "its confidence")
    if not 0 <= confidence <= 1:
        raise _LeftOut(f"its confidence {confidence:.6g} is not between 0 and 1")
    left, right, cut_across = _side(one.left, one.right, across, "left", "right")
    top, bottom, cut_down = _side(one.top, one.bottom, down, "top", "bottom")
    changes = ["it reached out of the picture and was clipped"] if cut_across or cut_down else []
    label, change = _label(one.label, choice)
    box = Box(
        left=left,
        top=top,
        width=round(right - left, _DIGITS),
        height=round(bottom - top, _DIGITS),
        label=label,
        confidence=confidence,
    )
    return box, changes + ([change] if change else [])


def _side(
    low: Any, high: Any, units: float, low_name: str, high_name: str
) -> tuple[float, float, bool]:
    """Both ends as fractions within the picture, and whether they had to be clipped."""
    start = _number(low, f"its {low_name} edge") / units
    end = _number(high, f"its {high_name} edge") / units
    if min(start, end) < -FURTHEST_OUT or max(start, end) > 1 + FURTHEST_OUT:
        raise _OffScale(
            f"it lies far outside the picture ({low_name} {start:.6g}, {high_name} {end:.6g} of"
            " its size)"
        )
    if end <= start:
        raise _LeftOut(f"it has no area ({low_name} {start:.6g}, {high_name} {end:.6g})")
    if end <= 0 or start >= 1:
        raise _LeftOut("it lies outside the picture")
    inner = round(max(start, 0.0), _DIGITS), round(min(end, 1.0), _DIGITS)
    if inner[1] <= inner[0]:
        raise _LeftOut("it has no area within the picture")
    return *inner, start < 0 or end > 1


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _LeftOut(f"{name} is not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _LeftOut(f"{name} is not a finite number")
    return number


def _label(value: Any, choice: Mapping[str, str]) -> tuple[str, str]:
    """The label as plain text, and what was changed. The text itself is in no remark."""
    if value is None:
        return "", ""
    if not isinstance(value, str):
        return "", "its label is not text and was emptied"
    label = plain(value)
    if label and choice:
        known = choice.get(label.casefold())
        if known is None:
            return "", "its label is none of those to choose from and was emptied"
        return known, ""
    return label, "" if label == value else "its label was made plain text"


def _without_repetitions(taken: list[tuple[int, Box]], remarks: list[str]) -> list[tuple[int, Box]]:
    """The same place and label twice is one thing; its higher confidence stands."""
    first: dict[tuple[float, float, float, float, str], int] = {}
    kept: list[tuple[int, Box]] = []
    for number, box in taken:
        where = (box.left, box.top, box.width, box.height, box.label)
        if where not in first:
            first[where] = len(kept)
            kept.append((number, box))
            continue
        earlier, same = kept[first[where]]
        confidence = max(same.confidence, box.confidence)
        kept[first[where]] = earlier, replace(same, confidence=confidence)
        remarks.append(f"Box {number} was left out: it repeats box {earlier}.")
    return kept


def _without_surplus(kept: list[tuple[int, Box]], remarks: list[str]) -> list[tuple[int, Box]]:
    """At most MOST_BOXES, the most confident ones, still in the provider's order."""
    if len(kept) <= MOST_BOXES:
        return kept
    best = sorted(kept, key=lambda each: -each[1].confidence)[:MOST_BOXES]
    # First, so that it is not among the remarks that are too many to keep.
    remarks.insert(
        0,
        f"{len(kept)} boxes are more than the {MOST_BOXES} that are kept: the"
        f" {len(kept) - MOST_BOXES} least confident were left out.",
    )
    return sorted(best, key=lambda each: each[0])
