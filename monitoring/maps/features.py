"""What may be mapped: a table of finite numbers, a row per sample, a column per feature."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitoring.maps.errors import Unusable

Table = NDArray[np.floating[Any]]

# Rows that are looked at together; also what bounds the memory of every pass over a table.
BLOCK: Final = 1024
# Sums of squares of larger numbers leave the range of a double.
LARGEST: Final = 1e100


def blocks(rows: int, size: int = BLOCK) -> Iterator[slice]:
    """Slices of at most ``size`` rows that cover ``rows`` rows, in order."""
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


def checked(features: ArrayLike, columns: Sequence[str] | None = None) -> Table:
    """The features as an (n, d) array of float32 or float64, copied only where it must be.

    ``columns`` are the d names that a refusal uses. Raises Unusable when the shape is wrong or a
    number is missing, infinite or larger than 1e100 in size. Rows are counted from 1.
    """
    try:
        table = np.asarray(features)
        if table.dtype not in (np.float32, np.float64):
            table = table.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise Unusable(f"The features must be a table of numbers: {error}.") from error
    if table.ndim != 2:
        raise Unusable(
            f"The features have {table.ndim} dimensions; they must be a table of rows and columns."
        )
    if table.shape[1] == 0:
        raise Unusable("The table has no feature column; choose at least one.")
    if columns is not None and len(columns) != table.shape[1]:
        raise Unusable(f"{len(columns)} names were given for {table.shape[1]} feature columns.")
    for block in blocks(len(table)):
        right = np.isfinite(table[block])
        if table.dtype == np.float64:
            right &= np.abs(np.nan_to_num(table[block])) <= LARGEST
        if not right.all():
            row, column = (int(place[0]) for place in np.nonzero(~right))
            raise Unusable(_said(table[block][row, column], block.start + row, column, columns))
    return table


def same_width(table: Table, width: int) -> None:
    """Raise Unusable unless the table has as many columns as the baseline."""
    if table.shape[1] != width:
        raise Unusable(
            f"The rows have {table.shape[1]} features, the baseline has {width}; "
            "send the same columns in the same order."
        )


def _said(value: float, row: int, column: int, columns: Sequence[str] | None) -> str:
    name = columns[column] if columns is not None else str(column + 1)
    where = f"Row {row + 1}, column {name}"
    if np.isnan(value):
        return f"{where} has no number (NaN); fill it in or leave the row out."
    if np.isinf(value):
        return f"{where} is infinite; correct it or leave the row out."
    return f"{where} is {value:g}; numbers larger than {LARGEST:g} in size cannot be mapped."
