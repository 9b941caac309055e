"""The compiled loops against plain Python: the same rows, the same numbers, the same refusals."""

from __future__ import annotations

import math
import struct

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingestion.reading import TableRefused, kernels, strict
from ingestion.reading.dialect import Dialect
from ingestion.reading.sources import Source
from ingestion.reading.tables import Table
from tests.ingestion.reading.made import opening

_PIECES = [
    "1",
    "-2.5",
    "a",
    ",",
    ",",
    "\n",
    "\r\n",
    "\r",
    '"',
    '""',
    '"b"',
    '"c,\n"',
    " ",
    "\0",
    "ü",
]
Outcome = tuple[list[tuple[str, ...]], list[int], tuple[int | str, ...]]


def _by_plain_python(text: str) -> Outcome:
    latin = text.encode().decode("iso-8859-1")
    found: list[tuple[str, ...]] = []
    lines: list[int] = []
    try:
        for row in strict.rows("a,b\n" + latin, ",", columns=2):
            found.append(tuple(cell.encode("iso-8859-1").decode() for cell in row.cells))
            lines.append(row.line + 1)
    except strict.Fault as fault:
        return found[1:], lines[1:], (_CODES[fault.code], len(found), fault.line + 1)
    return found[1:], lines[1:], ()


_CODES = {
    kernels.TOO_FEW: "row_width",
    kernels.TOO_MANY: "row_width",
    kernels.STRAY_QUOTE: "stray_quote",
    kernels.AFTER_QUOTE: "after_quote",
    kernels.NUL: "nul",
    kernels.OPEN_QUOTE: "open_quote",
}


def _by_compiled_loops(text: str, block: int, trickle: int) -> Outcome:
    data = ("a,b\n" + text).encode()
    found: list[tuple[str, ...]] = []
    lines: list[int] = []
    try:
        table = Table(Source("a.csv", opening(data, trickle), Dialect()), block=block)
        for rows in table.blocks():
            assert rows.first_row == len(found) + 1
            found += rows.texts(range(len(rows)), range(2))
            lines += rows.lines.tolist()
    except TableRefused as refused:
        return found, lines, (refused.code, refused.row or 0, refused.line or 0)
    return found, lines, ()


@settings(max_examples=300, deadline=None)
@given(
    text=st.lists(st.sampled_from(_PIECES), max_size=25).map("".join),
    block=st.integers(1, 40),
    trickle=st.integers(1, 40),
)
@example(text='1,"2\r\n3"\r\n', block=1, trickle=1)
@example(text="1,2\r", block=4, trickle=4)
@example(text='1,"2"', block=3, trickle=3)
def test_rows_are_the_same_in_blocks_of_any_size(text: str, block: int, trickle: int) -> None:
    assert _by_compiled_loops(text, block, trickle) == _by_plain_python(text)


def _compiled_number(text: str, point: str = ".") -> float | None:
    data = np.frombuffer(text.encode(), dtype=np.uint8)
    verdict, value = kernels.number(data, 0, data.size, ord(point))
    if verdict == kernels.HARD:
        return strict.number(text, point)
    return None if verdict == kernels.BAD else value


def _same(found: float | None, wanted: float | None) -> bool:
    if found is None or wanted is None:
        return found is wanted
    return struct.pack("d", found) == struct.pack("d", wanted)  # also the sign of zero


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet="0123456789+-.,eE n\t", max_size=12), st.sampled_from(".,"))
@example("", ".")
@example("-0", ".")
@example("1e-400", ".")
@example("1e400", ".")
@example("9007199254740993", ".")
@example("1.e5", ".")
@example(".5", ".")
@example(".", ".")
@example("0" * 30 + "1", ".")
def test_whatever_may_be_a_number_is_judged_the_same(text: str, point: str) -> None:
    assert _same(_compiled_number(text, point), strict.number(text, point)), text


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**64 - 1))
def test_every_float_is_read_to_its_last_bit(bits: int) -> None:
    (value,) = struct.unpack("d", struct.pack("Q", bits))
    if math.isfinite(value):
        assert _same(_compiled_number(repr(value)), value)


@settings(max_examples=400, deadline=None)
@given(st.integers(1, 10**19 - 1), st.integers(-345, 310))
@example(9007199254740993, 0)  # between two floats: to the even one
@example(17976931348623157, 292)
@example(22250738585072014, -324)
@example(5, -324)
def test_nineteen_digits_and_any_power_are_rounded_as_python_rounds(
    digits: int, power: int
) -> None:
    text = f"{digits}e{power}"
    assert _same(_compiled_number(text), strict.number(text)), text
