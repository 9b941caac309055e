"""A file as blocks of whole rows, in memory that does not grow with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from ingestion.reading import header, kernels, strict
from ingestion.reading.errors import TableRefused, shown
from ingestion.reading.sources import Pieces, Source

BLOCK: Final = 4 << 20  # bytes
LONGEST_ROW: Final = 16 << 20  # bytes

_SENTENCES: Final = {
    kernels.STRAY_QUOTE: (
        "stray_quote",
        "a quote stands inside the cell. Quote the whole cell and double the quote, or take it"
        " away.",
    ),
    kernels.AFTER_QUOTE: (
        "after_quote",
        "there is text behind the closing quote. Double the quotes inside the cell, or take them"
        " away.",
    ),
    kernels.NUL: ("nul", "it holds a NUL byte. Is it a text file, and is the encoding right?"),
    kernels.OPEN_QUOTE: (
        "open_quote",
        "the quote that opens the cell is never closed. Close it, or take it away.",
    ),
}


@dataclass(frozen=True, slots=True)
class Rows:
    """Whole rows as they lie in memory.

    ``raw``    the bytes, in the source's inner encoding
    ``spans``  (rows, columns, 2): where each cell starts and ends, without its quotes
    ``lines``  (rows): the line of the file on which each begins, from 1
    ``first_row``  the number of the first of them in its file, from 1; the header is not counted
    """

    source: Source
    header: tuple[str, ...]
    raw: bytes
    spans: NDArray[np.int32]
    lines: NDArray[np.int64]
    first_row: int

    def __len__(self) -> int:
        return int(self.spans.shape[0])

    @property
    def data(self) -> NDArray[np.uint8]:
        """The bytes, for the compiled loops."""
        return np.frombuffer(self.raw, dtype=np.uint8)

    def text(self, row: int, column: int) -> str:
        """What a cell says."""
        return self.texts(range(row, row + 1), range(column, column + 1))[0][0]

    def texts(self, rows: range, columns: range) -> list[tuple[str, ...]]:
        """What cells say, row by row."""
        if not columns:
            return [()] * len(rows)
        raw = self.raw
        encoding = self.source.dialect.inner_encoding
        every = (self.spans[rows.start : rows.stop, column].T.tolist() for column in columns)
        if b'"' not in raw and raw.isascii():
            text = raw.decode("ascii")
            plain = ([text[a:b] for a, b in zip(*spans, strict=True)] for spans in every)
            return list(zip(*plain, strict=True))
        told = (
            [_text(raw, a, b, encoding) for a, b in zip(*spans, strict=True)] for spans in every
        )
        return list(zip(*told, strict=True))

    def refused(self, code: str, reason: str, row: int, column: int) -> TableRefused:
        """The refusal of a cell, by its place in the file."""
        return TableRefused(
            code,
            reason,
            file=self.source.name,
            row=self.first_row + row,
            line=int(self.lines[row]),
            column=self.header[column],
        )


def _text(raw: bytes, start: int, end: int, encoding: str) -> str:
    text = raw[start:end].decode(encoding)
    if start > 0 and raw[start - 1] == kernels.QUOTE:
        return text.replace('""', '"')
    return text


class Table:
    """One file on its way in: its header, then its rows.

    ``blocks`` may be asked for once. TableRefused names the first row that is wrong.
    """

    def __init__(self, source: Source, *, block: int = BLOCK) -> None:
        self.source = source
        self.rows = 0  # so far
        self._block = block
        self._stream = source.open()
        self._pieces = Pieces(source, self._stream)
        self._lines = 0
        self._data = b""
        self._final = False
        try:
            self.header = self._header()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    @property
    def read_bytes(self) -> int:
        """How far the file has been read."""
        return self._pieces.read_bytes

    def blocks(self) -> Iterator[Rows]:
        """The rows behind the header, none twice; closes the file."""
        least = self._block
        with closing(self):
            while self._data or not self._final:
                self._more(least)
                before = self.rows
                yield from self._whole_rows()
                # Of a row longer than a block, twice as much: it is gone over a few times only.
                least = self._block if self.rows > before else 2 * len(self._data)

    # --- Bytes ----------------------------------------------------------------------------------

    def _more(self, least: int) -> None:
        """Read on, until there are about so many bytes or the file ends."""
        pieces = [self._data]
        held = len(self._data)
        while not self._final and (held < least or len(pieces) == 1):
            piece = self._pieces.next(self._block)
            self._final = not piece
            pieces.append(piece)
            held += len(piece)
        self._data = b"".join(pieces)

    def _header(self) -> tuple[str, ...]:
        """Read as far as the header goes; the cells of the first row that is not empty."""
        dialect = self.source.dialect
        while True:
            self._more(2 * len(self._data))
            text = self._data.decode("iso-8859-1")
            try:
                row = next(strict.rows(text, dialect.delimiter, most=header.MOST_COLUMNS), None)
            except strict.Fault as fault:
                if fault.code == kernels.TOO_MANY:
                    raise header.too_many(file=self.source.name, line=fault.line + 1) from None
                if self._final or fault.code != kernels.OPEN_QUOTE:
                    raise self._fault(fault.code, fault.line, str(fault.column + 1)) from None
                row = None
            if row is not None and (row.end < len(text) or self._final):
                break
            if self._final:
                raise TableRefused(
                    "empty",
                    "there is nothing in it but empty lines.",
                    file=self.source.name,
                )
            self._refuse_endless(row=None)
        line = row.line + 1
        self._lines, self._data = row.next_line, self._data[row.end :]
        encoding = dialect.inner_encoding
        try:
            cells = [cell.encode("iso-8859-1").decode(encoding) for cell in row.cells]
        except UnicodeDecodeError:
            raise self._wrong_encoding(line=line, row=None) from None
        return header.checked(cells, file=self.source.name, line=line)

    def _refuse_endless(self, row: int | None) -> None:
        if len(self._data) <= max(LONGEST_ROW, self._block):
            return
        raise TableRefused(
            "endless_row",
            f"it is longer than {LONGEST_ROW >> 20} MB. Is a quote left open in it, and is the"
            " delimiter right?",
            file=self.source.name,
            row=row,
            line=self._lines + 1,
        )

    # --- Rows -----------------------------------------------------------------------------------

    def _whole_rows(self) -> Iterator[Rows]:
        columns = len(self.header)
        data = np.frombuffer(self._data, dtype=np.uint8)
        most = data.size // columns + 1  # a row has a byte for each cell, but for the last one
        spans = np.empty((most, columns, 2), dtype=np.int32)
        lines = np.empty(most, dtype=np.int32)
        found, taken, taken_lines, fault, cells = kernels.scan(
            data, ord(self.source.dialect.delimiter), self._final, spans, lines
        )
        if found:
            block = Rows(
                self.source,
                self.header,
                self._data,
                spans[:found],
                lines[:found].astype(np.int64) + (self._lines + 1),
                self.rows + 1,
            )
            self._prove_text(block, taken)
            self.rows += found
            yield block
        if fault != kernels.FINE:
            self._refuse_row(fault, cells, int(lines[found]), int(spans[found, 0, 0]))
        self._lines += taken_lines
        self._data = self._data[taken:]
        self._refuse_endless(self.rows + 1)

    def _prove_text(self, rows: Rows, taken: int) -> None:
        """Refuse bytes that the encoding does not know, also in cells that nobody reads."""
        text = self._data[:taken]
        if text.isascii():
            return
        try:
            text.decode(self.source.dialect.inner_encoding)
        except UnicodeDecodeError as error:
            place = int(np.searchsorted(rows.spans[:, 0, 0], error.start, side="right")) - 1
            row = max(place, 0)
            raise self._wrong_encoding(
                line=int(rows.lines[row]), row=rows.first_row + row
            ) from None

    def _wrong_encoding(self, *, line: int, row: int | None) -> TableRefused:
        return TableRefused(
            "encoding",
            f"it is no {self.source.dialect.encoding.upper()}. Choose another encoding, or save the"
            " file as UTF-8.",
            file=self.source.name,
            row=row,
            line=line,
        )

    def _refuse_row(self, fault: int, cells: int, line: int, start: int) -> NoReturn:
        columns = len(self.header)
        if fault not in {kernels.TOO_FEW, kernels.TOO_MANY}:
            raise self._fault(fault, line, self.header[cells], row=self.rows + 1)
        has = str(cells)
        if fault == kernels.TOO_MANY:
            has = self._counted(start) or f"more than {columns:,}"
        raise TableRefused(
            "row_width",
            f"it has {has} cell{'' if has == '1' else 's'}, the header {columns:,}. Is the"
            " delimiter right, and is each cell that holds one quoted?",
            file=self.source.name,
            row=self.rows + 1,
            line=self._lines + line + 1,
        )

    def _counted(self, start: int) -> str:
        """How many cells the row has, if that can be told; its first byte may be a quote's next."""
        begin = start - 1 if start and self._data[start - 1] == kernels.QUOTE else start
        text = self._data[begin : begin + LONGEST_ROW].decode("iso-8859-1")
        try:
            return f"{len(next(strict.rows(text, self.source.dialect.delimiter)).cells):,}"
        except strict.Fault:
            return ""

    def _fault(self, fault: int, line: int, column: str, row: int | None = None) -> TableRefused:
        code, reason = _SENTENCES[fault]
        return TableRefused(
            code,
            reason,
            file=self.source.name,
            row=row,
            line=self._lines + line + 1,
            column=shown_name(column),
        )


def shown_name(name: str) -> str:
    """A column's name for a sentence."""
    return name if name.isprintable() and len(name) <= 60 else shown(name)
