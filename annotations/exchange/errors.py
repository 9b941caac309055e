"""Why a file is not taken, and which of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from annotations.errors import AnnotationError

# What is wrong with a file is told in so many sentences; the rest is counted.
MOST_PROBLEMS: Final = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one row. ``where``, such as ``birds.csv, line 12``, is empty for all."""

    where: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.where}: {self.sentence}" if self.where else self.sentence


class ExchangeRefused(AnnotationError):
    """A file was not read or not written; nothing of it was kept.

    ``problems``  the first hundred, in the file's order
    ``count``     how many there are in all, at least; a file is given up where it cannot be read on
    """

    def __init__(self, problems: Sequence[Problem], *, count: int = 0) -> None:
        self.problems = tuple(problems)
        self.count = max(count, len(problems))
        more = f" ({self.count - 1} more)" if self.count > 1 else ""
        super().__init__(f"{problems[0]}{more}")

    @classmethod
    def because(cls, where: str, sentence: str) -> ExchangeRefused:
        """For one reason."""
        return cls([Problem(where, sentence)])


class RowRefused(ValueError):
    """What is wrong with the row in hand; its reader says where that stands."""
