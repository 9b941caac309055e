"""What the commands take as arguments."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable

from config.commands import LARGEST


def whole(least: int, most: int = LARGEST) -> Callable[[str], int]:
    """An argument that is a whole number in these bounds."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise ArgumentTypeError(f"{text!r} is not a whole number") from None
        if not least <= number <= most:
            raise ArgumentTypeError(f"{number} is not from {least} to {most}")
        return number

    return read
