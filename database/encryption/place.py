"""Where a secret lives: the identity that its encryption is bound to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Table, column and the row's key as PostgreSQL writes it (``id::text``)."""

    table: str
    column: str
    row: str

    def associated(self, *labels: str) -> bytes:
        """Additional authenticated data: the labels and the place, so that no two are alike.

        Each part is its length in bytes (4 bytes, big-endian) and its UTF-8.
        """
        parts = [part.encode() for part in (*labels, self.table, self.column, self.row)]
        return b"".join(len(part).to_bytes(4) + part for part in parts)
