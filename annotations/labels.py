"""Labels: plain text of one line, as the collection wants it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

from annotations.errors import LabelRefused

LONGEST: Final = 200


def clean(label: str, allowed: Sequence[str] = ()) -> str:
    """The label in Unicode's form NFC without stray spaces; LabelRefused.

    Where there are allowed labels it is one of them, whatever its capitals, or empty.
    """
    text = " ".join(unicodedata.normalize("NFC", label).split())
    if any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in text):
        raise LabelRefused("A label is plain text, without control characters.")
    if len(text) > LONGEST:
        raise LabelRefused(f"A label has at most {LONGEST} characters; this one has {len(text)}.")
    if not allowed or not text:
        return text
    known = [str(one) for one in allowed]  # plain SQL may have put numbers there
    for one in known:
        if one.casefold() == text.casefold():
            return one
    raise LabelRefused(
        f"{text!r} is not one of the labels of this collection: {', '.join(known[:20])}"
        + (", …" if len(known) > 20 else "")
        + "."
    )
