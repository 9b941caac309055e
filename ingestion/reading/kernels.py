"""The two loops that go over every byte of a file: cells of rows, and numbers of cells.

Compiled, without the interpreter's lock. They know one grammar, that of ``strict``:

    file    rows, each ended by LF, CR LF, CR or the end of the file; empty lines are left out
    cell    plain: any bytes but the delimiter, line ends, NUL, and a quote
            quoted: ``"``, any bytes but NUL with each quote doubled, ``"``
    number  blanks, a sign, digits with at most one decimal sign, ``e`` and a whole number, blanks
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ingestion.reading.powers import FIVES_HIGH, FIVES_LOW, LEAST_POWER, MOST_POWER, TENS, TWOS

Bytes = NDArray[np.uint8]
Places = NDArray[np.int32]

# What ``scan`` found wrong.
FINE: Final = 0
TOO_FEW: Final = 1
TOO_MANY: Final = 2
STRAY_QUOTE: Final = 3
AFTER_QUOTE: Final = 4
NUL: Final = 5
OPEN_QUOTE: Final = 6
_UNENDED = 7  # the data ends before the row does

# What ``number`` made of a cell.
GOOD: Final = 0
BAD: Final = 1
HARD: Final = 2  # a number that Python's float() has to read

_LF, _CR = 10, 13
QUOTE: Final = 34
_ZERO, _NINE, _PLUS, _MINUS, _BLANK, _TAB, _E, _SMALL_E = 48, 57, 43, 45, 32, 9, 69, 101
_EXACT: Final = np.uint64(2**53)
_MOST_DIGITS = 19  # that fit into 64 bits


@njit(nogil=True, cache=True)
def _line_break(data: Bytes, at: int) -> int:
    """The bytes of the line break at this place: 0, 1 or 2."""
    if data[at] == _LF:
        return 1
    if data[at] != _CR:
        return 0
    return 2 if at + 1 < data.size and data[at + 1] == _LF else 1


@njit(nogil=True, cache=True)
def _quoted(data: Bytes, at: int, delimiter: int) -> tuple[int, int, int]:
    """From behind an opening quote: what is wrong, where the inside ends, the lines in it."""
    lines = 0
    while at < data.size:
        byte = data[at]
        if byte == QUOTE:
            if at + 1 == data.size or data[at + 1] != QUOTE:
                break
            at += 1
        elif byte == _LF:
            lines += 1
        elif byte == _CR:
            lines += _line_break(data, at) == 1
        elif byte == 0:
            return NUL, at, lines
        at += 1
    if at == data.size:
        return OPEN_QUOTE, at, lines
    after = at + 1
    if after < data.size and data[after] != delimiter and _line_break(data, after) == 0:
        return AFTER_QUOTE, at, lines
    return FINE, at, lines


@njit(nogil=True, cache=True)
def _plain(data: Bytes, at: int, delimiter: int) -> tuple[int, int]:
    """What is wrong with an unquoted cell, and where it ends."""
    while at < data.size:
        byte = data[at]
        if byte == delimiter:
            break
        if byte <= QUOTE:  # seldom: the digits, and nearly all letters, lie above
            if byte == _LF or byte == _CR:  # noqa: PLR1714, SIM109 - a set is slower, compiled
                break
            if byte == QUOTE:
                return STRAY_QUOTE, at
            if byte == 0:
                return NUL, at
        at += 1
    return FINE, at


@njit(nogil=True, cache=True)
def _row(
    data: Bytes, at: int, delimiter: int, spans: Places, row: int
) -> tuple[int, int, int, int]:
    """The cells of one row: what is wrong, the cells found, where it ends, the lines in it."""
    lines = 0
    columns = spans.shape[1]
    for column in range(columns):
        if at < data.size and data[at] == QUOTE:
            spans[row, column, 0] = at + 1
            code, at, more = _quoted(data, at + 1, delimiter)
            spans[row, column, 1] = at
            lines += more
            at += code == FINE
        else:
            spans[row, column, 0] = at
            code, at = _plain(data, at, delimiter)
            spans[row, column, 1] = at
        if code != FINE:
            return code, column, at, lines
        if at == data.size:
            return _UNENDED, column + 1, at, lines
        if data[at] != delimiter:
            return FINE if column + 1 == columns else TOO_FEW, column + 1, at, lines
        at += 1
    return TOO_MANY, columns, at, lines


@njit(nogil=True, cache=True)
def scan(
    data: Bytes, delimiter: int, final: bool, spans: Places, lines: Places
) -> tuple[int, int, int, int, int]:
    """Find the cells of the whole rows in ``data``.

    ``spans`` (rows, columns, 2) takes the start and the end of each cell, without its quotes: a
    quoted cell has a quote before its start. ``lines`` (rows) takes the line on which each row
    begins, from 0. Unless ``final``, a row without an end is left for the next block.

    Returns the rows found, the bytes and the lines that they take, what is wrong (FINE, or one of
    the constants), and the cells of the row that is wrong before that. This row is the one behind
    those found; its line and its first cells stand in ``lines`` and ``spans``.
    """
    row = line = at = 0
    taken = taken_lines = 0
    while at < data.size and row < spans.shape[0]:
        if data[at] == _CR and at + 1 == data.size and not final:
            break
        width = _line_break(data, at)
        if width == 0:
            lines[row] = line
            code, cells, at, more = _row(data, at, delimiter, spans, row)
            if code == _UNENDED and final:
                code = FINE if cells == spans.shape[1] else TOO_FEW
            if code == _UNENDED or (code == OPEN_QUOTE and not final):
                break
            if code != FINE:
                return row, taken, taken_lines, code, cells
            line += more
            if at < data.size:
                if data[at] == _CR and at + 1 == data.size and not final:
                    break
                width = _line_break(data, at)
            row += 1
        at += width
        line += 1
        taken, taken_lines = at, line
    return row, taken, taken_lines, FINE, 0


@njit(nogil=True, cache=True, inline="always")
def _product(a: np.uint64, b: np.uint64) -> tuple[np.uint64, np.uint64]:
    """The 128 bits of a product of two numbers of 64 bits."""
    half = np.uint64(0xFFFFFFFF)
    shift = np.uint64(32)
    a0, a1, b0, b1 = a & half, a >> shift, b & half, b >> shift
    low = a0 * b0
    middle = a1 * b0 + (low >> shift)
    other = a0 * b1 + (middle & half)
    high = a1 * b1 + (middle >> shift) + (other >> shift)
    return high, (other << shift) | (low & half)


@njit(nogil=True, cache=True)
def _scaled(top: np.uint64, power: int) -> tuple[bool, np.uint64, np.uint64]:
    """top * 5**power: whether 128 bits settle it, and the bits."""
    high, low = _product(top, FIVES_HIGH[power - LEAST_POWER])
    mask = np.uint64(0x1FF)
    if high & mask == mask:
        more, _ = _product(top, FIVES_LOW[power - LEAST_POWER])
        total = low + more
        if total < low:
            high += np.uint64(1)
        low = total
    settled = low != np.uint64(0xFFFFFFFFFFFFFFFF) or -27 <= power <= 55
    return settled, high, low


@njit(nogil=True, cache=True)
def _rounded(digits: np.uint64, power: int) -> tuple[int, float]:
    """digits * 10**power to the nearest float, ties to even; HARD where it takes more than this.

    Lemire's algorithm (see ``powers``), without his ways out: subnormal and infinite numbers, and
    products that 128 bits do not settle, are HARD.
    """
    one = np.uint64(1)
    top = digits
    shift = 0
    for step in (32, 16, 8, 4, 2, 1):
        if top >> np.uint64(64 - step) == np.uint64(0):
            top = top << np.uint64(step)
            shift += step
    settled, high, low = _scaled(top, power)
    upper = high >> np.uint64(63)
    right = upper + np.uint64(9)
    mantissa = high >> right
    exponent = ((217706 * power) >> 16) + 63 + np.int64(upper) - shift + 1023
    if not settled or exponent <= 0:
        return HARD, 0.0
    between = low <= one and -4 <= power <= 23 and mantissa << right == high
    if between and mantissa & np.uint64(3) == one:
        mantissa &= ~one  # exactly between two floats: to the even one
    mantissa = (mantissa + (mantissa & one)) >> one
    if mantissa >= np.uint64(1 << 53):
        mantissa = np.uint64(1 << 52)
        exponent += 1
    if exponent >= 2047:
        return HARD, 0.0
    return GOOD, np.float64(mantissa) * TWOS[exponent - 1]


@njit(nogil=True, cache=True)
def _digits(data: Bytes, at: int, end: int, point: int) -> tuple[int, np.uint64, int, int]:
    """Digits with a decimal sign: where they end, their value, how many count, the power of ten.

    The count is -1 where there is no digit at all.
    """
    value = np.uint64(0)
    read = held = power = 0
    seen = False
    while at < end:
        byte = data[at]
        if byte >= _ZERO and byte <= _NINE:
            read += 1
            held += held > 0 or byte != _ZERO
            if held <= _MOST_DIGITS:
                value = value * np.uint64(10) + np.uint64(byte - _ZERO)
            power -= seen
        elif byte == point and not seen:
            seen = True
        else:
            break
        at += 1
    return at, value, held if read else -1, power


@njit(nogil=True, cache=True)
def _exponent(data: Bytes, at: int, end: int) -> tuple[bool, int]:
    """The whole number behind ``e``, and whether it is one."""
    below = at < end and data[at] == _MINUS
    if below or (at < end and data[at] == _PLUS):
        at += 1
    value = 0
    good = at < end
    while at < end and good:
        good = _ZERO <= data[at] <= _NINE
        if value < 100_000:
            value = value * 10 + (data[at] - _ZERO)
        at += 1
    return good, -value if below else value


@njit(nogil=True, cache=True)
def _trimmed(data: Bytes, start: int, end: int) -> tuple[int, int]:
    """The cell without blanks and tabs around it."""
    while start < end and (data[start] == _BLANK or data[start] == _TAB):
        start += 1
    while end > start and (data[end - 1] == _BLANK or data[end - 1] == _TAB):
        end -= 1
    return start, end


@njit(nogil=True, cache=True)
def number(data: Bytes, start: int, end: int, point: int) -> tuple[int, float]:
    """The number in a cell: GOOD and its value, BAD, or HARD."""
    start, end = _trimmed(data, start, end)
    if start == end:
        return BAD, 0.0
    negative = data[start] == _MINUS
    if negative or data[start] == _PLUS:
        start += 1
    at, digits, held, power = _digits(data, start, end, point)
    good = held >= 0
    if good and at < end:
        good = data[at] == _E or data[at] == _SMALL_E
        if good:
            good, exponent = _exponent(data, at + 1, end)
            power += exponent
    if not good:
        return BAD, 0.0
    sign = -1.0 if negative else 1.0
    if digits == np.uint64(0):
        return GOOD, sign * 0.0
    if digits <= _EXACT and held <= _MOST_DIGITS and -22 <= power <= 22:
        exact = np.float64(digits)
        return GOOD, sign * (exact * TENS[power] if power >= 0 else exact / TENS[-power])
    if held > _MOST_DIGITS or power < LEAST_POWER or power > MOST_POWER:
        return HARD, 0.0
    verdict, value = _rounded(digits, power)
    return verdict, sign * value


@njit(nogil=True, cache=True)
def numbers(
    data: Bytes, spans: Places, point: int, out: NDArray[np.float64], hard: Places
) -> tuple[int, int]:
    """Read every cell of ``spans`` (rows, columns, 2) into ``out`` (rows, columns).

    Returns how many cells of ``hard`` (as row * columns + column) are left to be read otherwise,
    and the first cell that is no number, or -1; what comes behind that one is not read.
    """
    rows, columns = out.shape
    left = 0
    for row in range(rows):
        for column in range(columns):
            start, end = spans[row, column, 0], spans[row, column, 1]
            verdict, value = number(data, start, end, point)
            if verdict == GOOD:
                out[row, column] = value
            elif verdict == HARD:
                hard[left] = row * columns + column
                left += 1
            else:
                return left, row * columns + column
    return left, -1


@njit(nogil=True, cache=True)
def others(data: Bytes, spans: Places, point: int, found: NDArray[np.int64], hard: Places) -> int:
    """Count in each column the cells that are no numbers.

    ``found`` (3, columns): empty cells, other cells, and the first row of ``spans`` with one of
    either sort, which stays as it is unless it was -1. Returns how many cells of ``hard`` (as
    row * columns + column) are left to be judged otherwise.
    """
    rows, columns = spans.shape[:2]
    left = 0
    for row in range(rows):
        for column in range(columns):
            start, end = spans[row, column, 0], spans[row, column, 1]
            verdict, _ = number(data, start, end, point)
            if verdict == HARD:
                hard[left] = row * columns + column
                left += 1
            elif verdict == BAD:
                start, end = _trimmed(data, start, end)
                found[0 if start == end else 1, column] += 1
                if found[2, column] == -1:
                    found[2, column] = row
    return left
