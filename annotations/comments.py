"""What a reviewer says with a decision: a short plain text."""

from __future__ import annotations

import unicodedata
from typing import Final

from annotations.errors import CommentRefused

LONGEST: Final = 2000


def clean(comment: str) -> str:
    """The comment in Unicode's form NFC, its lines kept, without stray space; CommentRefused."""
    lines = unicodedata.normalize("NFC", comment).replace("\t", " ").splitlines()
    text = "\n".join(line.rstrip() for line in lines).strip()
    if any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in text if sign != "\n"):
        raise CommentRefused("A comment is plain text, without control characters.")
    if len(text) > LONGEST:
        raise CommentRefused(
            f"A comment has at most {LONGEST:,} characters; this one has {len(text):,}."
        )
    return text
