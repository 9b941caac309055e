"""Files for the tests of reading."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import IO, Any

from ingestion.reading import Dialect, Source


class Trickle(io.RawIOBase):
    """A stream that gives out a few bytes at a time, whatever it is asked for."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__()
        self._inner = io.BytesIO(data)
        self._most = most

    def read(self, size: int = -1) -> bytes:
        """At most so many bytes."""
        return self._inner.read(self._most if size < 0 else min(size, self._most))


def source(data: bytes | str, *, name: str = "a.csv", **dialect: Any) -> Source:
    """A file with these bytes."""
    given = data.encode() if isinstance(data, str) else data
    return Source(name, opening(given), Dialect(**dialect))


def opening(data: bytes, most: int | None = None) -> Callable[[], IO[bytes]]:
    """Opens these bytes, each time anew."""

    def opened() -> IO[bytes]:
        return io.BytesIO(data) if most is None else Trickle(data, most)  # type: ignore[return-value]

    return opened
