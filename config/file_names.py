"""What people call their files, made safe to store and show."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath
from typing import Final

_SEPARATORS: Final = re.compile(r"[\\/]+")


def displayed(name: str, *, longest: int) -> str:
    """The last part of a file name, without control characters, at most ``longest`` characters.

    A long name keeps its beginning and its ending: ``aaaa….jpg``. It is for people only; where the
    bytes lie is decided by their hash, never by this.
    """
    last = _SEPARATORS.split(name.strip())[-1]
    printable = "".join(
        char for char in last if unicodedata.category(char)[0] != "C" or char == "\u200d"
    ).strip()
    if printable in {"", ".", ".."}:
        return "unnamed"
    if len(printable) <= longest:
        return printable
    ending = PurePosixPath(printable).suffix[:16]
    return printable[: longest - len(ending) - 1] + "…" + ending
