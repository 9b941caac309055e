"""Where bytes come from, and the proof that they are those that were stored."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Final

from ingestion.reading.dialect import Dialect
from ingestion.reading.errors import TableRefused

_MARKS: Final = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
}


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be read: what people call it, how to open it, how its bytes become cells.

    ``size`` (bytes) and ``sha256`` (hexadecimal) are held against what was read, at the end of it;
    None leaves that out.
    """

    name: str
    open: Callable[[], IO[bytes]]
    dialect: Dialect
    size: int | None = None
    sha256: str | None = None


class Pieces:
    """The bytes of a source in pieces, UTF-16 turned into UTF-8, without a mark of byte order.

    TableRefused where the file is not the one that was stored, or its bytes are no text.
    """

    def __init__(self, source: Source, stream: IO[bytes]) -> None:
        self._source = source
        self._stream = stream
        self._digest = hashlib.sha256()
        self._mark = _MARKS.get(source.dialect.encoding, b"")
        self._decoder: codecs.IncrementalDecoder | None = None
        if source.dialect.is_utf16:
            self._decoder = codecs.getincrementaldecoder(source.dialect.encoding)("strict")
        self.read_bytes = 0

    def next(self, size: int) -> bytes:
        """About ``size`` bytes more; fewer only at the end, none behind it."""
        data = self._stream.read(size)
        self._account(data)
        if self._mark:
            while data and len(data) < len(self._mark) and (more := self._stream.read(size)):
                self._account(more)
                data += more
            data = data.removeprefix(self._mark)
            self._mark = b""
            if not data and self.read_bytes:
                return self.next(size)
        return self._as_utf8(data) if self._decoder else data

    def _account(self, data: bytes) -> None:
        self.read_bytes += len(data)
        if self._source.sha256 is not None:
            self._digest.update(data)
        expected = self._source.size
        if expected is not None and self.read_bytes > expected:
            raise self._changed(f"it has grown beyond the {expected:,} bytes that were stored")
        if data:
            return
        if expected is not None and self.read_bytes < expected:
            raise self._changed(
                f"it ends after {self.read_bytes:,} of the {expected:,} bytes that were stored"
            )
        if self._source.sha256 not in {None, self._digest.hexdigest()}:
            raise self._changed("its bytes are no longer those that were stored (SHA-256)")

    def _as_utf8(self, data: bytes) -> bytes:
        assert self._decoder is not None
        try:
            text = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError:
            raise TableRefused(
                "encoding",
                f"near byte {self.read_bytes:,} it is no {self._source.dialect.encoding.upper()}."
                " Choose another encoding, or save it as UTF-8.",
                file=self._source.name,
            ) from None
        made = text.encode("utf-8")
        # One byte of a pair makes no character yet, and is not the end.
        return self.next(1) if data and not made else made

    def _changed(self, what: str) -> TableRefused:
        return TableRefused(
            "changed",
            f"the file changed while it was read: {what}. Restore it from a backup, or upload it"
            " again.",
            file=self._source.name,
        )
