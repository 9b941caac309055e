"""Codes for the day the phone is lost: ten of 120 bits, each good for one log-in.

They are as hard to guess as a key, so their SHA-256 is kept and nothing slower.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from typing import Final

COUNT: Final = 10
# From here on people are told to make new ones.
FEW: Final = 3

_BYTES: Final = 15
_GROUP: Final = 4
_SEPARATORS: Final = re.compile(r"[\s-]+")


def make_set() -> list[str]:
    """A new set: base32 in groups of four, ``ABCD-EFGH-…``."""
    return [_make() for _ in range(COUNT)]


def digest(code: str) -> str:
    """What is kept of a code, however it was typed; what cannot be one has a digest, too."""
    letters = _SEPARATORS.sub("", code).upper()
    return hashlib.sha256(letters.encode("utf-8", "replace")).hexdigest()


def _make() -> str:
    letters = base64.b32encode(secrets.token_bytes(_BYTES)).decode("ascii")
    return "-".join(letters[start : start + _GROUP] for start in range(0, len(letters), _GROUP))
