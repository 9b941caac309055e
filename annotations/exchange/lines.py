"""Lines of text and rows of CSV, out of bytes that somebody sent."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Final

from annotations.exchange.errors import ExchangeRefused

# What a spreadsheet takes for the beginning of a formula, also behind our own mark, and in the wide
# letters that some versions treat alike (OWASP, "CSV injection").
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_MARKED: Final = re.compile(r"'+[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_BOMS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def not_utf8(name: str, first: bytes = b"") -> ExchangeRefused:
    """The refusal of bytes that are no UTF-8."""
    found = "UTF-16" if first[:2] in _BOMS else "not UTF-8"
    return ExchangeRefused.because(name, f"the text is {found}. Save it as UTF-8.")


def lines(stream: IO[bytes], name: str, *, longest: int) -> Iterator[tuple[int, str]]:
    """Each line with its number from 1 and its line break; ExchangeRefused.

    A mark of byte order at the beginning is left out. ``longest`` counts bytes.
    """
    number = 0
    while data := stream.readline(longest + 1):
        number += 1
        if len(data) > longest:
            raise ExchangeRefused.because(
                f"{name}, line {number}", f"the line is longer than {longest} bytes."
            )
        if number == 1:
            if data[:2] in _BOMS:
                raise not_utf8(name, data)
            data = data.removeprefix(codecs.BOM_UTF8)
        try:
            yield number, data.decode("utf-8")
        except UnicodeDecodeError:
            raise not_utf8(f"{name}, line {number}") from None


def rows(stream: IO[bytes], name: str, *, longest: int) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file (RFC 4180), each with the number of its first line; ExchangeRefused.

    Marks against formulas are taken off; empty lines are left out.
    """
    first = last = 0

    def texts() -> Iterator[str]:
        nonlocal first, last
        for number, text in lines(stream, name, longest=longest):
            first, last = first or number, number
            if "\x00" in text:
                raise ExchangeRefused.because(f"{name}, line {number}", "it holds a NUL character.")
            yield text

    reader = csv.reader(texts(), strict=True)
    while True:
        first = 0
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            where = f"{name}, line {first or last}"
            raise ExchangeRefused.because(where, f"it is no CSV ({error}).") from None
        if row:
            yield first, [unmarked(cell) for cell in row]


def csv_row(cells: Sequence[str]) -> bytes:
    """A row of CSV in UTF-8, ended by CR LF; cells that look like formulas are marked."""
    text = io.StringIO()
    csv.writer(text).writerow([marked(cell) for cell in cells])
    return text.getvalue().encode("utf-8", "replace")


def marked(cell: str) -> str:
    """The cell, with ``'`` before what a spreadsheet would run as a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unmarked(cell: str) -> str:
    """The cell without the mark that ``marked`` made."""
    return cell[1:] if _MARKED.match(cell) else cell


def header_of(
    found: Sequence[str], known: Iterable[str], needed: Iterable[str], where: str
) -> list[str]:
    """The columns of a file, each known and there once, with all that are needed; ExchangeRefused.

    A column that nobody knows is refused, not left out: it may be a known one, mistyped.
    """
    columns = [column.strip().lower() for column in found]
    known = list(known)
    for column in columns:
        if column not in known or columns.count(column) > 1:
            wrong = "is there twice" if column in known else "is not known"
            raise ExchangeRefused.because(
                where, f"the column {column[:80]!r} {wrong}. Known are: {', '.join(known)}."
            )
    if missing := [column for column in needed if column not in columns]:
        raise ExchangeRefused.because(where, f"there is no column {', '.join(missing)}.")
    return columns
