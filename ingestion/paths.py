"""Where files lie in the storage."""

from __future__ import annotations

import re
from typing import Final

FOLDER: Final = "files"
STORED: Final = re.compile(r"files/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}\.csv")


def is_stored(path: str) -> bool:
    """Whether files of numbers lie there: rows that plain SQL wrote may name any other place."""
    return STORED.fullmatch(path) is not None


def stored(sha256: str) -> str:
    """The bytes as handed in, once, by their SHA-256."""
    return f"{FOLDER}/{sha256[:2]}/{sha256[2:4]}/{sha256}.csv"
