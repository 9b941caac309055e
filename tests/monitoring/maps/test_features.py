"""Tables that cannot be mapped are refused by row and column."""

from typing import Any

import numpy as np
import pytest

from monitoring.maps import Parameters, Unusable, fit, place
from monitoring.maps.features import blocks, checked
from tests.monitoring.rows import cloud


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (np.nan, "Row 1031, column f_2 has no number (NaN); fill it in or leave the row out."),
        (np.inf, "Row 1031, column f_2 is infinite; correct it or leave the row out."),
        (-np.inf, "Row 1031, column f_2 is infinite; correct it or leave the row out."),
        (-1e200, "Row 1031, column f_2 is -1e+200; numbers larger than 1e+100 in size cannot be"),
    ],
)
def test_a_number_that_is_none_is_named_by_row_and_column(value: float, sentence: str) -> None:
    table = cloud(1100, 4)
    table[1030, 2] = value

    with pytest.raises(Unusable) as refused:
        checked(table, ["f_0", "f_1", "f_2", "f_3"])

    assert sentence in str(refused.value)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_single_precision_is_checked_as_well(value: float) -> None:
    table = cloud(5).astype(np.float32)
    table[2, 0] = value

    with pytest.raises(Unusable, match="Row 3, column 1 "):
        checked(table)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ([1.0, 2.0], "The features have 1 dimensions; they must be a table of rows and columns."),
        (np.empty((4, 0)), "The table has no feature column; choose at least one."),
        ([["a", "b"]], "The features must be a table of numbers: could not convert string"),
        ([[1.0], [1.0, 2.0]], "The features must be a table of numbers: "),
    ],
)
def test_what_is_no_table_is_refused(table: Any, sentence: str) -> None:
    with pytest.raises(Unusable) as refused:
        fit(table)

    assert sentence in str(refused.value)


def test_names_must_be_as_many_as_columns() -> None:
    with pytest.raises(Unusable, match="2 names were given for 6 feature columns."):
        checked(cloud(3), ["f_0", "f_1"])


def test_whole_numbers_are_taken_and_floats_are_not_copied() -> None:
    table = cloud(4).astype(np.float32)

    assert checked([[1, 2], [3, 4]]).dtype == np.float64
    assert np.shares_memory(checked(table), table)


@pytest.mark.parametrize(("rows", "sentence"), [(0, "has 0 rows"), (1, "has 1 row"), (2, "has 2")])
def test_a_baseline_below_three_rows_is_refused(rows: int, sentence: str) -> None:
    with pytest.raises(Unusable, match=f"The baseline {sentence}.*needs at least 3"):
        fit(cloud(3)[:rows])


def test_a_baseline_of_equal_rows_is_refused() -> None:
    with pytest.raises(Unusable, match="All rows of the baseline are equal"):
        fit(np.full((6, 3), 2.5))


def test_rows_of_another_width_are_refused() -> None:
    baseline = fit(cloud(8), Parameters(imax=5)).baseline

    with pytest.raises(Unusable, match="The rows have 5 features, the baseline has 6; send"):
        place(cloud(2, 5), baseline)


def test_blocks_cover_every_row_once() -> None:
    found = [row for block in blocks(2500) for row in range(block.start, block.stop)]

    assert found == list(range(2500))
    assert list(blocks(0)) == []
