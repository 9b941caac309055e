"""The grammar of ``kernels``, in plain Python: slow, and easy to be sure of.

Reads headers and previews, and judges the compiled path in tests. It goes over text in which one
character is one byte (ISO 8859-1), so that its places are those of the bytes; cells are decoded
by whoever asked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from ingestion.reading import kernels

_QUOTED: Final = re.compile(r'"([^"\0]*(?:""[^"\0]*)*)')
_BREAK: Final = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Row:
    """Whole cells, the line on which the row begins (from 0), and where its last byte is past."""

    cells: list[str]
    line: int
    end: int
    next_line: int


class Fault(Exception):
    """What is wrong with a row: a constant of ``kernels``, with column and line from 0."""

    def __init__(self, code: int, column: int, line: int) -> None:
        super().__init__(code, column, line)
        self.code = code
        self.column = column
        self.line = line


@cache
def _plain(delimiter: str) -> re.Pattern[str]:
    return re.compile(f'[^{re.escape(delimiter)}\r\n"\0]*')


def rows(
    text: str, delimiter: str, *, columns: int | None = None, most: int | None = None
) -> Iterator[Row]:
    """Each row of ``text``, which is whole; Fault.

    ``columns`` says how many cells a row has, ``most`` how many it has at most.
    """
    most = columns if most is None else most
    at = line = 0
    while at < len(text):
        if found := _BREAK.match(text, at):
            at, line = found.end(), line + 1
            continue
        row = _row(text, at, line, delimiter, most)
        if columns is not None and len(row.cells) < columns:
            raise Fault(kernels.TOO_FEW, len(row.cells), line)
        yield row
        at, line = row.end, row.next_line


def _row(text: str, at: int, line: int, delimiter: str, most: int | None) -> Row:
    first = line
    cells: list[str] = []
    while True:
        if len(cells) == most:
            raise Fault(kernels.TOO_MANY, len(cells), first)
        if text.startswith('"', at):
            cell, at = _quoted(text, at, len(cells), first)
            line += len(_BREAK.findall(cell))
            cell = cell.replace('""', '"')
            if at < len(text) and text[at] not in {delimiter, "\r", "\n"}:
                raise Fault(kernels.AFTER_QUOTE, len(cells), first)
        else:
            found = _plain(delimiter).match(text, at)
            cell, at = (found[0], found.end()) if found else ("", at)
            if at < len(text) and text[at] in '"\0':
                code = kernels.NUL if text[at] == "\0" else kernels.STRAY_QUOTE
                raise Fault(code, len(cells), first)
        cells.append(cell)
        if text.startswith(delimiter, at):
            at += 1
            continue
        if end := _BREAK.match(text, at):
            at = end.end()
            line += 1
        return Row(cells, first, at, line)


def _quoted(text: str, at: int, column: int, line: int) -> tuple[str, int]:
    """The inside of a quoted cell, and the place behind its closing quote."""
    found = _QUOTED.match(text, at)
    inside, at = (found[1], found.end()) if found else ("", at)
    if at == len(text):
        raise Fault(kernels.OPEN_QUOTE, column, line)
    if text[at] == "\0":
        raise Fault(kernels.NUL, column, line)
    return inside, at + 1


def number(text: str, decimal: str = ".") -> float | None:
    """The finite number that a cell holds, or None."""
    if not is_number(text, decimal):
        return None
    value = float(text.strip(" \t").replace(decimal, "."))
    return value if math.isfinite(value) else None


def is_number(text: str, decimal: str = ".") -> bool:
    """Whether a cell is written as a number, also one that is too large for a float."""
    return _number(decimal).fullmatch(text) is not None


@cache
def _number(decimal: str) -> re.Pattern[str]:
    point = re.escape(decimal)
    return re.compile(
        rf"[ \t]*[+-]?(?:[0-9]+(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t]*"
    )
