"""Files as they come: what is read, and the sentence that names whatever is wrong."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest

from ingestion.reading import Dialect, Source, TableRefused, check, preview
from ingestion.reading.checking import ColumnKind
from ingestion.reading.tables import LONGEST_ROW, Table
from tests.ingestion.reading.made import opening, source


def rows_of(data: bytes | str, **dialect: str) -> list[tuple[str, ...]]:
    """The cells of every row behind the header."""
    table = Table(source(data, **dialect), block=16)
    columns = range(len(table.header))
    return [row for block in table.blocks() for row in block.texts(range(len(block)), columns)]


def refusal(data: bytes | str, **dialect: str) -> TableRefused:
    """Why the file is refused."""
    with pytest.raises(TableRefused) as caught:
        check(source(data, **dialect), block=64)
    return caught.value


# --- What is read ---------------------------------------------------------------------------------


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "end"])
def test_every_line_end_is_read_and_the_last_may_be_missing(line_end: str, last: str) -> None:
    text = line_end.join(["a,b", "1,2", "", "3,4"]) + (line_end if last else "")

    assert rows_of(text) == [("1", "2"), ("3", "4")]


def test_a_mark_of_byte_order_is_no_part_of_the_first_name() -> None:
    for encoding, mark in (("utf-8", "utf-8-sig"), ("utf-16-le", "utf-16-le")):
        text = "a,b\n1,ü\n" if mark == "utf-8-sig" else "\ufeffa,b\n1,ü\n"
        table = Table(source(text.encode(mark), encoding=encoding), block=3)
        assert table.header == ("a", "b")
        assert [block.text(0, 1) for block in table.blocks()] == ["ü"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "cp1252", "mac-roman"])
@pytest.mark.parametrize("trickle", [1, 7, 1000])
def test_letters_survive_every_encoding_and_any_piece(encoding: str, trickle: int) -> None:
    text = 'größe,"na""me"\n1,Ångström\n2,"é\n,"\n'
    given = Source("a.csv", opening(text.encode(encoding), trickle), Dialect(encoding))
    table = Table(given, block=trickle)

    assert table.header == ("größe", 'na"me')
    cells = [block.texts(range(len(block)), range(2)) for block in table.blocks()]
    assert [row for rows in cells for row in rows] == [("1", "Ångström"), ("2", "é\n,")]


def test_a_comma_may_be_decimal_where_it_parts_no_cells() -> None:
    facts = check(source("a;b\n1,5;2.5\n-1,5e3;2\n", delimiter=";", decimal=","))

    assert facts.kinds == (ColumnKind.NUMBER, ColumnKind.TEXT)


def test_columns_are_what_most_of_their_cells_are() -> None:
    facts = check(source("n,m,t,e\n1,2,x,\n2,,y,\n3,NaN,4,\n4,5,z,\n5,6,w,\n"))

    number, mostly, text, empty = facts.kinds
    assert (number, mostly, text, empty) == ("number", "mostly_number", "text", "empty")
    assert facts.rows == 5
    (remark,) = facts.remarks
    assert remark.as_json() == {"column": "m", "cells": 2, "row": 2, "line": 3, "text": ""}


# --- What is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "code", "sentence"),
    [
        ("", "empty", "a.csv: there is nothing in it"),
        ("\n\r\n", "empty", "a.csv: there is nothing in it"),
        ("a,b\n", "no_rows", "a.csv: it has a header, but no row of data."),
        ("a,b", "no_rows", "a.csv: it has a header, but no row of data."),
        ("a,\n1,2\n", "blank_header", "a.csv, line 1, column 2: it has no name."),
        ("\n,b\n1,2\n", "blank_header", "a.csv, line 2, column 1: it has no name."),
        ("a,b,a\n1,2,3\n", "duplicate_header", "column 3: it is called 'a', as is column 1."),
        ("a, a \n1,2\n", "duplicate_header", "column 2: it is called 'a', as is column 1."),
        ("a\tb,c\n1,2\n", "unprintable_header", r"column 1: its name 'a\tb' holds"),
        ("x" * 256 + ",b\n1,2\n", "long_header", "column 1: its name has 256 characters"),
        ("a,b\n1,2\n3\n", "row_width", "row 2 (line 3): it has 1 cell, the header 2."),
        ("a,b\n\n1,2,3\n", "row_width", "row 1 (line 3): it has 3 cells, the header 2."),
        ("a,b\n1,2,\n", "row_width", "row 1 (line 2): it has 3 cells, the header 2."),
        ('a,b\n"1\n2",3\n4,5"\n', "stray_quote", "row 2 (line 4), column b: a quote stands"),
        ('a,b\n1,"2"x\n', "after_quote", "row 1 (line 2), column b: there is text behind"),
        ('a,b\n1,2\n3,"4\n5,6\n', "open_quote", "row 2 (line 3), column b: the quote that opens"),
        ('a,"b\n1,2\n', "open_quote", "a.csv, line 1, column 2: the quote that opens"),
        (b"a,b\n1,2\n3,\0\n", "nul", "row 2 (line 3), column b: it holds a NUL byte."),
        (b"a,b\n1,2\n3,\xff\n", "encoding", "row 2 (line 3): it is no UTF-8."),
        (b"\xff,b\n1,2\n", "encoding", "a.csv, line 1: it is no UTF-8."),
    ],
)
def test_what_is_wrong_is_named_with_its_place(data: bytes | str, code: str, sentence: str) -> None:
    refused = refusal(data)

    assert refused.code == code
    assert sentence in str(refused)


def test_cp1252_has_holes_and_they_are_named() -> None:
    assert "row 1 (line 2): it is no CP1252." in str(refusal(b"a,b\n1,\x81\n", encoding="cp1252"))


def test_half_a_character_of_utf16_is_no_character() -> None:
    refused = refusal("a,b\n1,2\n".encode("utf-16-le") + b"x", encoding="utf-16-le")

    assert refused.code == "encoding"


def test_more_columns_than_are_read_are_refused() -> None:
    header = ",".join(f"c{n}" for n in range(50_001))

    assert refusal(header + "\n1\n").code == "too_many_columns"


def test_a_row_without_an_end_does_not_fill_the_memory() -> None:
    def endless() -> Iterator[bytes]:
        yield b'a,b\n1,2\n3,"'
        while True:
            yield b"x" * (1 << 20)

    class Stream:
        def __init__(self) -> None:
            self.pieces = endless()
            self.read_bytes = 0

        def read(self, size: int) -> bytes:
            piece = next(self.pieces)
            self.read_bytes += len(piece)
            return piece

        def close(self) -> None:
            pass

    stream = Stream()
    with pytest.raises(TableRefused, match=r"row 2 \(line 3\): it is longer than 16 MB"):
        check(Source("a.csv", lambda: stream, Dialect()))  # type: ignore[arg-type, return-value]
    assert stream.read_bytes < LONGEST_ROW + (8 << 20)


def test_a_refusal_survives_the_way_between_processes() -> None:
    refused = refusal("a,b\n1\n")

    assert str(pickle.loads(pickle.dumps(refused))) == str(refused)


# --- The first rows -------------------------------------------------------------------------------


def test_a_preview_goes_as_far_as_it_can_and_says_what_stopped_it() -> None:
    seen = preview(source("a,b\n1,x\n2,y\n3\n"), rows=5)

    assert seen.header == ("a", "b")
    assert seen.problem.startswith("a.csv, row 3 (line 4): it has 1 cell")
    assert seen.rows == (("1", "x"), ("2", "y"))
    assert seen.kinds == ("number", "text")


def test_a_preview_of_a_wide_file_shows_its_first_columns() -> None:
    wide = ",".join(f"c{n}" for n in range(100)) + "\n" + ",".join("1" * 100) + "\n"
    seen = preview(source(wide), columns=3)

    assert (seen.header, seen.rows) == (("c0", "c1", "c2"), (("1", "1", "1"),))


def test_a_preview_of_nothing_is_a_sentence() -> None:
    assert preview(source("")).problem == "a.csv: there is nothing in it but empty lines."
