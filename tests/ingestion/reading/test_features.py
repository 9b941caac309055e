"""Feature matrices: which columns they are, and the cell that keeps a file from being one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ingestion.reading import FeatureBlock, Source, TableRefused, columns, read
from tests.ingestion.reading.made import source

HEADER = ("segID", "participant", "note", "f_0", "f_1", "f_2", "remark")
NAMES: dict[str, Any] = {"end_meta": "participant", "start_dim": "f_0", "end_dim": "f_2"}
GOOD = "segID,participant,note,f_0,f_1,f_2,remark\n1,p1,x,1,2,3,\n2,p2,y,4,5,6,\n"


def blocks(*sources: Source, **options: Any) -> list[FeatureBlock]:
    return list(read(sources, **(NAMES | options)))


def refusal(data: str, **options: Any) -> TableRefused:
    with pytest.raises(TableRefused) as caught:
        blocks(source(data), **options)
    return caught.value


# --- Which columns --------------------------------------------------------------------------------


def test_metadata_and_features_are_ranges_with_their_ends() -> None:
    chosen = columns(HEADER, **NAMES)

    assert chosen.metadata_names == ("segID", "participant")
    assert chosen.feature_names == ("f_0", "f_1", "f_2")
    assert columns(HEADER, end_meta="", start_dim="f_1", end_dim="f_1").metadata_names == ()


@pytest.mark.parametrize(
    ("changed", "code", "sentence"),
    [
        ({"end_meta": "participants"}, "missing_column", "Did you mean participant?"),
        ({"start_dim": "x"}, "missing_column", "no column 'x' (start_dim). There are: segID,"),
        ({"end_dim": "f_1023"}, "missing_column", "no column 'f_1023' (end_dim)"),
        ({"start_dim": "f_2", "end_dim": "f_0"}, "reversed", "Exchange start_dim and end_dim."),
        ({"end_meta": "f_1"}, "overlapping", "the features already begin with f_0 (column 4)"),
        ({"end_meta": "f_0"}, "overlapping", "No column can be both."),
        ({"end_meta": "remark"}, "metadata_after_features", "Metadata stands before them"),
    ],
)
def test_each_wrong_choice_has_its_own_sentence(
    changed: dict[str, str], code: str, sentence: str
) -> None:
    with pytest.raises(TableRefused) as caught:
        columns(HEADER, **(NAMES | changed), file="a.csv")

    assert caught.value.code == code
    assert str(caught.value).startswith("a.csv: ")
    assert sentence in str(caught.value)


# --- Numbers --------------------------------------------------------------------------------------


def test_a_matrix_lies_in_order_with_its_texts_and_places() -> None:
    (block,) = blocks(source(GOOD))

    assert block.values.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert block.values.flags.c_contiguous
    assert block.values.dtype == np.float64
    assert block.metadata == [("1", "p1"), ("2", "p2")]
    assert (block.file, block.first_row, block.lines.tolist()) == ("a.csv", 1, [2, 3])


def test_one_row_is_enough() -> None:
    (block,) = blocks(source(GOOD.rpartition("2,p2")[0]))

    assert block.values.shape == (1, 3)


@pytest.mark.parametrize(
    ("cell", "code", "sentence"),
    [
        ("NaN", "not_finite", "'NaN' is no finite number."),
        ("-inf", "not_finite", "'-inf' is no finite number."),
        ("N/A", "not_finite", "'N/A' is no finite number."),
        ("1e999", "not_finite", "'1e999' is larger than any float of 64 bits."),
        ("", "empty_cell", "the cell is empty."),
        ("  ", "empty_cell", "the cell is empty."),
        ("abc", "not_a_number", "'abc' is no number."),
        ('"1,5"', "not_a_number", "'1,5' has a decimal comma"),
        ("1_000", "not_a_number", "'1_000' is no number."),
        ("٣", "not_a_number", "'٣' is no number."),
        ("0x10", "not_a_number", "'0x10' is no number."),
    ],
)
def test_a_cell_that_is_no_number_is_named_by_file_row_and_column(
    cell: str, code: str, sentence: str
) -> None:
    refused = refusal(GOOD.replace("4,5,6", f"4,{cell},6"))

    assert (refused.file, refused.row, refused.line, refused.column) == ("a.csv", 2, 3, "f_1")
    assert refused.code == code
    assert str(refused).startswith(f"a.csv, row 2 (line 3), column f_1: {sentence}")


def test_the_first_wrong_cell_is_named_also_behind_a_number_too_large() -> None:
    refused = refusal(GOOD.replace("1,2,3", "1,1e999,x"))

    assert (refused.column, refused.code) == ("f_1", "not_finite")


def test_what_is_too_large_for_32_bits_is_named_there_alone() -> None:
    large = GOOD.replace("4,5,6", "4,1e39,6")

    assert blocks(source(large))[0].values[1, 1] == 1e39
    refused = refusal(large, dtype=np.float32)
    assert "row 2 (line 3), column f_1: '1e39' is too large for a float of 32 bits" in str(refused)


def test_cells_nobody_reads_may_say_anything() -> None:
    (block,) = blocks(source(GOOD.replace("1,p1,x", "1,p1,NaN")))

    assert len(block.values) == 2


# --- Several files --------------------------------------------------------------------------------


def test_files_follow_each_other_whatever_their_dialects() -> None:
    semicolons = GOOD.replace("4,5,6", "4.5,5,6").replace(",", ";").replace("4.5", "4,5")
    found = blocks(
        source(GOOD, name="1.csv"),
        source(semicolons, name="2.csv", delimiter=";", decimal=","),
    )

    assert [block.file for block in found] == ["1.csv", "2.csv"]
    assert [block.before for block in found] == [0, 2]
    assert found[1].values[1].tolist() == [4.5, 5, 6]


def test_a_header_that_differs_is_told_before_the_first_row_is_given_out() -> None:
    other = source(GOOD.replace("f_1", "g_1"), name="b.csv")

    with pytest.raises(TableRefused) as caught:
        next(read([source(GOOD), other], **NAMES))
    assert str(caught.value) == (
        "b.csv: its columns are not those of a.csv: it lacks f_1; it has g_1 besides. Files are"
        " joined only where their headers are the same."
    )


def test_small_blocks_give_the_same_matrix() -> None:
    long = GOOD + "".join(f"{n},p,x,{n},0.{n},-{n}e3,\n" for n in range(50))
    (whole,) = (block.values for block in blocks(source(long)))
    pieces = blocks(source(long), block=40)

    assert len(pieces) > 10
    assert np.array_equal(np.concatenate([block.values for block in pieces]), whole)
    assert [block.first_row for block in pieces] == [block.before + 1 for block in pieces]


def test_the_wrong_width_of_row_700001_is_named() -> None:
    row = b"1,p,x,1,2,3,\n"
    data = GOOD.encode().partition(b"\n")[0] + b"\n" + row * 700_000 + b"1,p,x,1,2\n" + row

    with pytest.raises(TableRefused) as caught:
        for _ in read([source(data)], **(NAMES | {"end_meta": ""})):
            pass
    assert "row 700,001 (line 700,002): it has 5 cells, the header 7." in str(caught.value)
