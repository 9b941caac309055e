"""ZIP archives: written as a stream, read with suspicion.

The writer keeps the archive's directory in a temporary file, not in memory, and gives every entry
the same date, so that the same content makes the same bytes (APPNOTE.TXT 6.3.10, ZIP64 included).
"""

from __future__ import annotations

import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from posixpath import splitext
from types import TracebackType
from typing import IO, Final, Self

from annotations.exchange.errors import ExchangeRefused
from annotations.exchange.records import ImageKey, Limits, shown

_FULL: Final = 0xFFFFFFFF
_DAY: Final = 1 << 5 | 1  # 1 January 1980, the first that there is
_UTF8: Final = 1 << 11
_IN_MEMORY: Final = 1 << 18
_CHUNK: Final = 1 << 16
# The directory is read into memory as a whole: so many bytes of it are some 200,000 entries.
_LARGEST_DIRECTORY: Final = 24 << 20
_END: Final = struct.Struct("<4s4H2LH")
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR: Final = struct.Struct("<4sLQL")
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\ud800-\udfff]')
_RESERVED: Final = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|\Z)", re.IGNORECASE)
# What zipfile raises for archives that are broken, encrypted, or packed in ways it does not know.
_UNREADABLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    RuntimeError,  # NotImplementedError too
    ValueError,
)
_LONGEST_STEM: Final = 150  # bytes


class Packed:
    """One entry's content, compressed as it comes."""

    def __init__(self) -> None:
        self.size = 0
        self.crc = 0
        self.file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by us
        self._press = zlib.compressobj(6, zlib.DEFLATED, -15)

    def write(self, data: bytes) -> None:
        """Add to it."""
        self.size += len(data)
        self.crc = zlib.crc32(data, self.crc)
        self.file.write(self._press.compress(data))

    def finish(self) -> int:
        """No more will come; how many bytes it takes."""
        self.file.write(self._press.flush())
        size = self.file.tell()
        self.file.seek(0)
        return size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.file.close()


class ZipWriter:
    """Makes the bytes of an archive, entry after entry; ``end`` makes the last."""

    def __init__(self) -> None:
        self._directory = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by us
        self._entries = 0
        self._offset = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._directory.close()

    def entry(self, name: str, content: bytes) -> bytes:
        """A small entry, whole."""
        press = zlib.compressobj(6, zlib.DEFLATED, -15)
        data = press.compress(content) + press.flush()
        return self._header(name, zlib.crc32(content), len(data), len(content)) + data

    def packed(self, name: str, packed: Packed) -> Iterator[bytes]:
        """An entry of any size."""
        size = packed.finish()
        yield self._header(name, packed.crc, size, packed.size)
        while chunk := packed.file.read(_CHUNK):
            yield chunk

    def _header(self, name: str, crc: int, packed: int, size: int) -> bytes:
        path = name.encode("utf-8")
        wide = max(packed, size) >= _FULL
        sizes = (_FULL, _FULL) if wide else (packed, size)
        extra = struct.pack("<2H2Q", 1, 16, size, packed) if wide else b""
        version = 45 if wide or self._offset >= _FULL else 20
        what = (version, _UTF8, 8, 0, _DAY, crc, *sizes, len(path))
        header = struct.pack("<4s5H3L2H", b"PK\x03\x04", *what, len(extra)) + path + extra
        self._list(path, what, extra if wide else b"")
        self._entries += 1
        self._offset += len(header) + packed
        return header

    def _list(self, path: bytes, what: tuple[int, ...], extra: bytes) -> None:
        far = self._offset >= _FULL
        if far:
            extra = struct.pack("<2H", 1, len(extra[4:]) + 8) + extra[4:]
            extra += struct.pack("<Q", self._offset)
        self._directory.write(
            struct.pack("<4sH5H3L2H", b"PK\x01\x02", 0x032D, *what, len(extra))
            + struct.pack("<3H2L", 0, 0, 0, 0o644 << 16, _FULL if far else self._offset)
            + path
            + extra
        )

    def end(self) -> Iterator[bytes]:
        """The directory, and where it is."""
        size = self._directory.tell()
        self._directory.seek(0)
        while chunk := self._directory.read(_CHUNK):
            yield chunk
        start, count = self._offset, self._entries
        if count >= 0xFFFF or max(start, size) >= _FULL:
            yield _END_64.pack(b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
            yield _LOCATOR.pack(b"PK\x06\x07", 0, start + size, 1)
        few = min(count, 0xFFFF)
        yield _END.pack(b"PK\x05\x06", 0, 0, few, few, min(size, _FULL), min(start, _FULL), 0)


class Stems:
    """Names of entries for images: their own without the ending, safe on any system, once each.

    Where two images would share one, the later gets the beginning of its SHA-256 as well. What was
    given is remembered by its hash: some 60 bytes an image.
    """

    def __init__(self) -> None:
        self._given: set[int] = set()

    def give(self, image: ImageKey) -> str:
        """The stem for this image."""
        stem, _ = splitext(_UNSAFE.sub("_", image.file_name))
        stem = stem.encode()[:_LONGEST_STEM].decode("utf-8", "ignore").strip(" .") or "image"
        if _RESERVED.match(stem):
            stem = f"_{stem}"
        for found in (stem, f"{stem}~{image.sha256[:16]}", f"{stem}~{image.sha256}"):
            place = hash(found.casefold())
            if place not in self._given:
                self._given.add(place)
                return found
        raise ExchangeRefused.because(str(image), "it is there twice, under the same SHA-256.")


class ZipReader:
    """An archive that somebody sent; its content is counted as it is unpacked."""

    def __init__(self, archive: zipfile.ZipFile, name: str, limits: Limits) -> None:
        self._archive = archive
        self._name = name
        self._limits = limits
        self._unpacked = 0
        self.entries = [each.filename for each in archive.infolist() if not each.is_dir()]
        self._check_names()

    def _check_names(self) -> None:
        seen: set[str] = set()
        for entry in self.entries:
            path = PurePosixPath(entry)
            if path.is_absolute() or ".." in path.parts or "\\" in entry or ":" in entry[:3]:
                raise ExchangeRefused.because(
                    self._name, f"the entry {shown(entry)} leads out of the archive."
                )
            if entry in seen:
                raise ExchangeRefused.because(
                    self._name, f"the entry {shown(entry)} is there twice."
                )
            seen.add(entry)

    def where(self, entry: str) -> str:
        """The entry, for a sentence."""
        return f"{self._name}, {entry[:200]}"

    @contextmanager
    def open(self, entry: str, *, most: int) -> Iterator[IO[bytes]]:
        """The entry's bytes in a temporary file, at most ``most`` of them; ExchangeRefused."""
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as copy:
            try:
                with self._archive.open(entry) as source:
                    while chunk := source.read(_CHUNK):
                        self._count(entry, len(chunk), copy.tell() + len(chunk), most)
                        copy.write(chunk)
            except _UNREADABLE as error:
                raise ExchangeRefused.because(
                    self.where(entry), f"it cannot be unpacked ({error})."
                ) from None
            copy.seek(0)
            yield copy

    def _count(self, entry: str, more: int, size: int, most: int) -> None:
        self._unpacked += more
        if size > most:
            raise ExchangeRefused.because(
                self.where(entry), f"it unpacks to more than {most} bytes."
            )
        if self._unpacked > self._limits.unpacked:
            raise ExchangeRefused.because(
                self._name, f"it unpacks to more than {self._limits.unpacked} bytes."
            )


@contextmanager
def reading(stream: IO[bytes], name: str, limits: Limits) -> Iterator[ZipReader]:
    """Open an archive; ExchangeRefused where it is none, or lists too many entries."""
    _check_directory(stream, name)
    stream.seek(0)
    try:
        archive = zipfile.ZipFile(stream)
    except _UNREADABLE as error:
        raise ExchangeRefused.because(name, f"it is no ZIP archive ({error}).") from None
    with archive:
        yield ZipReader(archive, name, limits)


def _check_directory(stream: IO[bytes], name: str) -> None:
    """Refuse a directory too large to read, found where ``zipfile`` will find it."""
    size = stream.seek(0, 2)
    tail_at = max(0, size - (1 << 16) - _END.size - _LOCATOR.size - _END_64.size)
    stream.seek(tail_at)
    tail = stream.read()
    at = len(tail) - _END.size
    if at < 0 or tail[at : at + 4] != b"PK\x05\x06" or tail[-2:] != b"\0\0":
        at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + _END.size:
        raise ExchangeRefused.because(name, "it is no ZIP archive: it has no directory.")
    listed = _END.unpack_from(tail, at)[5]
    before = at - _LOCATOR.size - _END_64.size
    if before >= 0 and tail[before : before + 4] == b"PK\x06\x06":
        listed = max(listed if listed != _FULL else 0, _END_64.unpack_from(tail, before)[8])
    if listed > _LARGEST_DIRECTORY:
        raise ExchangeRefused.because(name, "it lists too many entries. Split it into several.")
