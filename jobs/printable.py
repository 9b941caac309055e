"""Text that came from people or from errors, made fit to be shown."""

from __future__ import annotations

import unicodedata
from typing import Final

_LONGEST_LINE: Final = 1000
_ODD: Final = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """The text without what a terminal would obey and an eye would not see."""
    return "".join(
        sign if sign.isprintable() or sign in "\n\t" or _is_space(sign) else _ODD for sign in text
    )


def one_line(text: str) -> str:
    """The same on a single line of at most 1000 characters, which no other line can be made of."""
    line = printable(" ".join(text.replace("\t", " ").splitlines()))
    return line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}…"


def _is_space(sign: str) -> bool:
    """Whether it is a space of some width, such as the one that does not break."""
    return unicodedata.category(sign) == "Zs"
