"""How a file is most likely to be read, from all of its bytes and a sample of its beginning."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ingestion.reading import strict
from ingestion.reading.dialect import DELIMITERS, Dialect
from ingestion.reading.errors import TableRefused

SAMPLE: Final = 256 << 10  # bytes
_MOST_ROWS: Final = 200
_LONGEST_USUAL: Final = 60
_KNOWN: Final = {
    b"PK\x03\x04": "a ZIP archive. Unpack it, and upload the files in it",
    b"PK\x05\x06": "an empty ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook. Save the sheet as CSV",
    b"\x1f\x8b": "a gzip archive. Unpack it",
    b"BZh": "a bzip2 archive. Unpack it",
    b"\xfd7zXZ": "an xz archive. Unpack it",
    b"7z\xbc\xaf": "a 7z archive. Unpack it",
    b"(\xb5/\xfd": "a zstd archive. Unpack it",
    b"%PDF": "a PDF. Save the table as CSV",
    b"PAR1": "a Parquet file. Save it as CSV",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x89HDF": "an HDF5 file. Save the table as CSV",
    b"\x93NUMPY": "a NumPy array. Save it as CSV with a header",
    b"MATLAB": "a MATLAB file. Save the table as CSV",
    b"SQLite": "an SQLite database. Save the table as CSV",
    codecs.BOM_UTF32_LE: "text in UTF-32. Save it as UTF-8",
    codecs.BOM_UTF32_BE: "text in UTF-32. Save it as UTF-8",
}
_WORKBOOK: Final = (b"[Content_Types].xml", b"xl/")


@dataclass(frozen=True, slots=True)
class Detection:
    """A dialect, and what speaks against relying on it: sentences, none where nothing does."""

    dialect: Dialect
    doubts: tuple[str, ...]

    @property
    def is_certain(self) -> bool:
        """Whether nobody has to look."""
        return not self.doubts


class Detector:
    """Is shown the bytes of a file, piece by piece, and then says how it is to be read."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._sample = b""
        self._is_utf8: bool = True
        self._has_nul = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")

    def feed(self, data: bytes) -> None:
        """Look at the next bytes."""
        if len(self._sample) < SAMPLE:
            self._sample += data[: SAMPLE - len(self._sample)]
        self._has_nul = self._has_nul or b"\0" in data
        self._as_utf8(data, final=False)

    def _as_utf8(self, data: bytes, *, final: bool) -> None:
        if not self._is_utf8 or (data.isascii() and not self._decoder.getstate()[0] and not final):
            return
        try:
            self._decoder.decode(data, final)
        except UnicodeDecodeError:
            self._is_utf8 = False

    def finish(self) -> Detection:
        """What was found; TableRefused for what is no text, or empty."""
        self._as_utf8(b"", final=True)
        self._refuse_other_kinds()
        encoding, doubts = self._encoding()
        text = self._sample.decode(encoding, "ignore").removeprefix("\ufeff")
        if not text.strip():
            raise TableRefused("empty", "there is nothing in it but empty lines.", file=self._name)
        if len(self._sample) >= SAMPLE:
            text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1] or text
        delimiter, doubt = _delimiter(text)
        doubts += (doubt,) if doubt else ()
        return Detection(Dialect(encoding, delimiter, _decimal(text, delimiter)), doubts)

    def _refuse_other_kinds(self) -> None:
        for beginning, what in _KNOWN.items():
            if self._sample.startswith(beginning):
                is_workbook = beginning[:2] == b"PK" and any(p in self._sample for p in _WORKBOOK)
                raise self._no_text(
                    f"it is {'an Excel workbook. Save the sheet as CSV' if is_workbook else what}."
                )
        if self._sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return
        if self._has_nul and not self._utf16_without_mark():
            raise self._no_text(
                "it holds NUL bytes, as programs and pictures do and text does not. Save the table"
                " as CSV."
            )

    def _no_text(self, reason: str) -> TableRefused:
        return TableRefused("not_text", reason, file=self._name)

    def _encoding(self) -> tuple[str, tuple[str, ...]]:
        if self._sample.startswith(codecs.BOM_UTF16_LE):
            return "utf-16-le", ()
        if self._sample.startswith(codecs.BOM_UTF16_BE):
            return "utf-16-be", ()
        if self._has_nul and (found := self._utf16_without_mark()):
            return found, ("It looks like UTF-16, but does not begin with a mark of byte order.",)
        if self._is_utf8:
            return "utf-8", ()
        return "cp1252", (
            "It is not UTF-8. Windows 1252 is a guess: look whether accented letters are right.",
        )

    def _utf16_without_mark(self) -> str:
        """The byte order that the zeros tell, or nothing."""
        half = len(self._sample) // 2
        if half == 0:
            return ""
        even, odd = self._sample[::2].count(0) / half, self._sample[1::2].count(0) / half
        if odd > 0.7 and even < 0.1:
            return "utf-16-le"
        return "utf-16-be" if even > 0.7 and odd < 0.1 else ""


# What a cell of a table of measurements looks like: nothing, a number, a moment, a name.
_USUAL: Final = re.compile(
    r"|[-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?|\d{1,4}[-/.:]\d{1,2}[-/.:][\d:.TZ +-]*"
    r"|[A-Za-z_][\w .()/%°-]*|[-+]?[Ii]nf"
)


def _delimiter(text: str) -> tuple[str, str]:
    """The delimiter by trial, and what speaks against relying on it."""
    scores = {delimiter: _score(text, delimiter) for delimiter in DELIMITERS}
    best, next_best = sorted(scores, key=lambda one: -scores[one])[:2]
    if scores[best] > 0:
        if scores[next_best] > 0.8 * scores[best]:
            return best, (
                f"Its cells may be parted by {DELIMITERS[best]} or {DELIMITERS[next_best]}."
            )
        return best, ""
    if any(delimiter in text for delimiter in DELIMITERS):
        return ",", "No delimiter gives rows of one width."
    return ",", ""  # one column


def _score(text: str, delimiter: str) -> float:
    """How well the text falls into rows of one width and cells of the usual kind, 0 to 1.3."""
    try:
        lines = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
        rows = [row for row in islice(lines, _MOST_ROWS) if row]
    except csv.Error:
        return 0.0
    width, times = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
    if width < 2:
        return 0.0
    cells = [cell for row in rows if len(row) == width for cell in row[:200]]
    usual = sum(_is_usual(cell) for cell in cells) / len(cells)
    return times / len(rows) * (1 - 1 / width) * (0.3 + usual)


def _is_usual(cell: str) -> bool:
    return len(cell) <= _LONGEST_USUAL and _USUAL.fullmatch(cell.strip()) is not None


def _decimal(text: str, delimiter: str) -> str:
    """The comma where numbers have one and none has a point."""
    if delimiter == ",":
        return "."
    lines = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
    commas = points = 0
    for row in islice(lines, 1, _MOST_ROWS):
        for cell in row:
            if "," in cell:
                commas += strict.number(cell, ",") is not None
            elif "." in cell:
                points += strict.number(cell, ".") is not None
    return "," if commas > points else "."
