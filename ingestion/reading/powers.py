"""Powers of five to 128 bits and of two as floats: what makes decimal digits into binary ones.

The table of D. Lemire, "Number Parsing at a Gigabyte per Second", Software: Practice and Experience
51 (8), 2021, section 5: for each exponent q the 128 leading bits of 5**q, rounded down for q >= 0
and up for q < 0.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

# Beyond these, 64 bits of digits give zero or infinity, whatever they are.
LEAST_POWER: Final = -342
MOST_POWER: Final = 308
_BITS: Final = 128


def _leading_bits(power: int) -> int:
    if power >= 0:
        value = int(5**power)
        shift = value.bit_length() - _BITS
        return value >> shift if shift >= 0 else value << -shift
    value = int(5**-power)
    size = (value - 1).bit_length()
    exponent = size + 127 if power >= -27 else 2 * size + _BITS
    quotient = (1 << exponent) // value + 1
    excess = quotient.bit_length() - _BITS
    return quotient >> excess if excess > 0 else quotient


def _tables() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    values = [_leading_bits(power) for power in range(LEAST_POWER, MOST_POWER + 1)]
    high = np.array([value >> 64 for value in values], dtype=np.uint64)
    low = np.array([value & (2**64 - 1) for value in values], dtype=np.uint64)
    return high, low


FIVES_HIGH, FIVES_LOW = _tables()
# 2**-1074 to 2**1023, each exact.
TWOS: Final[NDArray[np.float64]] = np.ldexp(1.0, np.arange(-1074, 1024))
# 10**0 to 10**22, each exact.
TENS: Final[NDArray[np.float64]] = np.array([float(10**power) for power in range(23)])
