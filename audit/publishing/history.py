"""What is told of past publications, and proven of the log as it stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from audit.proofs import trees
from audit.sealing import store
from audit.sealing.sealer import connect


class History:
    """Reads and writes as the sealer, on a connection of its own."""

    def __init__(self, connection: store.Connection) -> None:
        self._connection = connection

    def accepted(self, target: str, origin: str) -> int:
        """The size that the target took last of the log of this name; 0 when none."""
        row = self._connection.execute(
            "SELECT size FROM audits.audit_publication"
            " WHERE target = %s AND starts_with(note, %s) ORDER BY size DESC LIMIT 1",
            [target, f"{origin}\n"],
        ).fetchone()
        return int(row[0]) if row else 0

    def remember(self, target: str, size: int, note: str) -> None:
        """Write down that the target has the checkpoint."""
        self._connection.execute(
            "INSERT INTO audits.audit_publication (target, size, note) VALUES (%s, %s, %s)",
            [target, size, note],
        )

    def prove(self, old_size: int, new_size: int) -> list[bytes]:
        """The consistency proof between two sizes of the sealed log, 32 bytes a hash."""
        return trees.consistency_proof(old_size, new_size, store.source(self._connection, new_size))


@contextmanager
def opened() -> Iterator[History]:
    """A history for one round of publications."""
    with closing(connect()) as connection:
        yield History(connection)
