"""The refusals with which a table of numbers can be turned away."""

from __future__ import annotations

from typing import Any, Final

LONGEST_SHOWN: Final = 60


class TableRefused(Exception):
    """A file that is no such table, or not the one it was.

    ``code`` is stable and meant for programs. ``reason`` is a sentence; with ``file``, ``row`` (of
    data, from 1), ``line`` (of the file, from 1) and ``column`` (its name, or its number where it
    has none) it makes the text for people.
    """

    def __init__(
        self,
        code: str,
        reason: str,
        *,
        file: str = "",
        row: int | None = None,
        line: int | None = None,
        column: str = "",
    ) -> None:
        super().__init__(code, reason, file, row, line, column)
        self.code = code
        self.reason = reason
        self.file = file
        self.row = row
        self.line = line
        self.column = column

    @property
    def place(self) -> str:
        """Where: file, row and line, column, as far as they are known."""
        where = ""
        if self.row is not None:
            where = f"row {self.row:,} (line {self.line:,})"
        elif self.line is not None:
            where = f"line {self.line:,}"
        column = f"column {self.column}" if self.column else ""
        return ", ".join(part for part in (self.file, where, column) if part)

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}" if self.place else self.reason

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return _again, (self.args,)


def _again(said: tuple[Any, ...]) -> TableRefused:
    code, reason, file, row, line, column = said
    return TableRefused(code, reason, file=file, row=row, line=line, column=column)


def shown(text: str) -> str:
    """A cell for a sentence: quoted, printable, not too long."""
    cut = text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
    return repr(cut)


def listed(names: list[str], most: int = 5) -> str:
    """A few names for a sentence, and how many more there are."""
    told = ", ".join(name[:LONGEST_SHOWN] for name in names[:most])
    return told if len(names) <= most else f"{told} and {len(names) - most:,} more"
