"""How a file is to be read, by looking."""

from __future__ import annotations

import pytest

from ingestion.reading import Detection, Detector, Dialect, TableRefused
from ingestion.reading.detecting import SAMPLE


def detect(data: bytes, piece: int = 1000) -> Detection:
    """What the detector says, shown the data in pieces."""
    detector = Detector("a.csv")
    for start in range(0, len(data), piece):
        detector.feed(data[start : start + piece])
    return detector.finish()


@pytest.mark.parametrize(
    ("text", "delimiter", "decimal"),
    [
        ("a,b,c\n1,2.5,x\n2,3.5,y\n", ",", "."),
        ("a;b;c\n1;2,5;x\n2;3,5;y\n", ";", ","),
        ("a;b;c\n1,5;2,5;3,5\n2,5;3,5;4,5\n", ";", ","),
        ("a;b;c\n1;2.5;x\n2;3.5;y\n", ";", "."),
        ("a\tb\n1\t2\n3\t4\n", "\t", "."),
        ("a\tb\n1,5\t2,5\n3,1\t4,1\n", "\t", ","),
        ("a|b\n1|2\n3|4\n", "|", "."),
        ('name,place\n"Miller; Jane",x\n"Doe; Joe",y\n', ",", "."),
        ("when;value\n2026-11-21 14:05:00;1\n2026-11-21 14:06:00;2\n", ";", "."),
        ("value\n1\n2\n", ",", "."),
    ],
)
def test_the_delimiter_and_the_decimal_sign_are_found(
    text: str, delimiter: str, decimal: str
) -> None:
    found = detect(text.encode())

    assert found == Detection(Dialect("utf-8", delimiter, decimal), ())
    assert found.is_certain


@pytest.mark.parametrize("piece", [1, 3, 1000])
@pytest.mark.parametrize(
    ("data", "encoding", "certain"),
    [
        ("a,b\nMüller,1\n".encode(), "utf-8", True),
        ("a,b\nMüller,1\n".encode("utf-8-sig"), "utf-8", True),
        (b"\xff\xfe" + "a,b\nMüller,1\n".encode("utf-16-le"), "utf-16-le", True),
        (b"\xfe\xff" + "a,b\nMüller,1\n".encode("utf-16-be"), "utf-16-be", True),
        ("a,b\nMuller,1\n".encode("utf-16-le"), "utf-16-le", False),
        ("a,b\nMüller,1\n".encode("cp1252"), "cp1252", False),
        (b"a,b\nM\xc3", "cp1252", False),
    ],
)
def test_the_encoding_is_found_or_asked_for(
    data: bytes, encoding: str, certain: bool, piece: int
) -> None:
    found = detect(data, piece)

    assert found.dialect.encoding == encoding
    assert found.is_certain == certain


def test_a_letter_far_behind_the_sample_is_seen() -> None:
    found = detect(b"a,b\n" + b"1,2\n" * SAMPLE + "é,1\n".encode("cp1252"), 1 << 16)

    assert found.dialect.encoding == "cp1252"


def test_rows_of_no_common_width_leave_a_doubt() -> None:
    found = detect(b"x y z\n1 2; 3\n")

    assert found.doubts


def test_cells_made_to_be_slow_are_not() -> None:
    blanks = b" " * 100_000
    found = detect(b"a,b\n1-1-" + blanks + b"x," + blanks + b"\n" + b"1," * 60_000 + b"\n")

    assert found.dialect.delimiter == ","


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"PK\x03\x04....[Content_Types].xml", "an Excel workbook"),
        (b"PK\x03\x04....data.csv", "a ZIP archive"),
        (b"\xd0\xcf\x11\xe0....", "an old Excel workbook"),
        (b"\x1f\x8b....", "a gzip archive"),
        (b"%PDF-1.7", "a PDF"),
        (b"PAR1....", "a Parquet file"),
        (b"\x89PNG....", "a PNG picture"),
        (b"\xff\xfe\0\0a\0\0\0", "text in UTF-32"),
        (b"a,b\n1,2\n" * 20 + b"3,\0\n", "it holds NUL bytes"),
    ],
)
def test_what_is_no_text_is_told_by_what_it_is(data: bytes, sentence: str) -> None:
    with pytest.raises(TableRefused, match=sentence) as caught:
        detect(data)

    assert caught.value.code == "not_text"


@pytest.mark.parametrize("data", [b"", b" \n\n", b"\xef\xbb\xbf", b"\xff\xfe"])
def test_nothing_is_no_table(data: bytes) -> None:
    with pytest.raises(TableRefused, match="nothing in it"):
        detect(data)


def test_a_dialect_says_what_it_does_not_know() -> None:
    with pytest.raises(TableRefused, match="no encoding that is read here"):
        Dialect("shift_jis")
    assert Dialect.from_json(Dialect("cp1252", ";", ",").as_json()) == Dialect("cp1252", ";", ",")
    assert str(Dialect()) == "UTF-8, comma, decimal point"
