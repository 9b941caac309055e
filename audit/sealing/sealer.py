"""Orders entries by transaction, links them into batches, and signs the tree's root.

A batch holds the entries of transactions that had all ended when it was read: the horizon and the
rows come from one statement, and so from one snapshot. Nothing below the horizon can appear later,
so nobody has to wait for anybody: writers take no lock, and the order is settled behind them.
"""

from __future__ import annotations

import hashlib
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
import structlog
from django.conf import settings

from audit.errors import SealingRefused
from audit.keyring import Keyring
from audit.proofs import canonical, checkpoints
from audit.proofs.checkpoints import Checkpoint
from audit.proofs.entries import NO_BATCH, BatchHeader
from audit.proofs.errors import ProofError
from audit.proofs.frontier import Frontier, Tile
from audit.sealing import leftovers, store
from database import roles
from database.connections import own_connection

log = structlog.get_logger(__name__)

# Entries in a batch at most, unless one transaction wrote more.
BATCH: Final = 16_384
_WAIT: Final = 0.1
# Seconds in which the server notices that the sealer before us has ended, busy as it may be.
_NOTICED: Final = 2.0
# Held by the sealer for as long as it lives; one for each database.
_LOCK: Final = "SELECT pg_try_advisory_lock(hashtextextended('lacuna audit sealer', 0))"

_READ: Final = """
    WITH horizon AS MATERIALIZED (
        SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS hi
    ), beyond AS MATERIALIZED (
        SELECT xid FROM audits.audit_log
        WHERE xid >= %(lo)s AND xid < (SELECT hi FROM horizon) AND id >= %(first_id)s
        ORDER BY xid OFFSET %(most)s LIMIT 1
    ), bound AS MATERIALIZED (
        SELECT coalesce(
            (SELECT greatest(xid, %(lo)s + 1) FROM beyond), (SELECT hi FROM horizon)
        ) AS hi
    )
    SELECT (SELECT hi FROM horizon), count(*), (SELECT hi FROM bound),
        string_agg(int8send(id), ''::bytea ORDER BY xid, id),
        string_agg(leaf, ''::bytea ORDER BY xid, id),
        min(created_at), min(id), max(id), clock_timestamp()
    FROM audits.audit_log
    WHERE xid >= %(lo)s AND xid < (SELECT hi FROM bound) AND id >= %(first_id)s
"""
_INSERT: Final = """
    INSERT INTO audits.audit_batch (
        batch_no, era, xid_lo, xid_hi, first_seq, entries, id_min, id_max, ids, leaves, prev_hash,
        batch_hash, sealed_at, header, root, note
    ) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


class AnotherSealer(Exception):
    """Somebody else seals this log."""


@dataclass(frozen=True, slots=True)
class Era:
    """The server on which the log lives now."""

    era: int
    system_identifier: int
    first_id: int


@dataclass(frozen=True, slots=True)
class Found:
    """Entries to be sealed together: ids and leaves in order, and the transactions they span."""

    number: int
    hi: int
    ids: bytes
    leaves: bytes
    oldest: datetime
    id_min: int
    id_max: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a step has done: entries sealed, the moment of the oldest, the new checkpoint.

    ``more``: there was more to be sealed already when this was read.
    """

    entries: int
    oldest: datetime
    sealed_at: datetime
    size: int
    note: str
    more: bool


def connect() -> store.Connection:
    """A connection as the role that may seal."""
    made = own_connection(
        application_name="lacuna sealer", login=settings.DATABASE_SEALER, role=roles.SEALER
    )
    # A plan made once for unknown numbers would read the whole log again and again.
    made.prepare_threshold = None
    # Plans must not depend on statistics of a table that is empty today and large tomorrow.
    made.execute("SET enable_seqscan = off")
    made.execute("SET synchronous_commit = on")
    # The lock must not outlive a machine that has vanished.
    made.execute(
        "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 5;"
        " SET tcp_keepalives_count = 3; SET tcp_user_timeout = 20000"
    )
    return made


class Sealer:
    """The one process that seals; AnotherSealer if there is one already.

    It may be killed at any moment: a batch is there with its tiles and its signature, or it is not.
    """

    def __init__(
        self, connection: store.Connection, keyring: Keyring, *, most: int = BATCH
    ) -> None:
        self._connection = connection
        self._keyring = keyring
        self._most = most
        if not _locked(connection):
            raise AnotherSealer("Another process seals the audit log.")
        self.name = process_name()
        self.era = self._current_era()
        head = store.head(connection)
        self.head = head
        self._frontier = Frontier() if head is None else self._resumed(head)
        same_era = head is not None and head.era == self.era.era
        self._lo = head.xid_hi if head is not None and same_era else 0

    @property
    def size(self) -> int:
        """The number of leaves of the sealed log."""
        return self._frontier.size

    def use(self, keyring: Keyring) -> None:
        """Sign with these keys from the next batch on."""
        self._keyring = keyring

    def _current_era(self) -> Era:
        row = self._connection.execute(
            "SELECT era, system_identifier, first_id FROM audits.current_era()"
        ).fetchone()
        assert row is not None, "the function returns a row"
        return Era(row[0], int(row[1]), row[2])

    def _resumed(self, head: store.Head) -> Frontier:
        """The tree as it was left, if the keyring's own signature still stands for it."""
        frontier = store.frontier(self._connection, head.size)
        try:
            opened = checkpoints.open_checkpoint(head.note, self._keyring.pins()).checkpoint
        except ProofError as error:
            raise SealingRefused(
                f"The last checkpoint, of batch {head.batch_no}, was not signed by a key of"
                f" {settings.AUDIT_KEYRING}: {error} Nothing is sealed on top of it. Run:"
                " python manage.py verify_audit --full"
            ) from None
        if (opened.size, opened.root) != (frontier.size, frontier.root()):
            raise SealingRefused(
                f"The sealed log does not give the root that was signed for its {opened.size}"
                " leaves: it was changed. Run: python manage.py verify_audit --full"
            )
        return frontier

    # --- One batch ---------------------------------------------------------------------------

    def step(self) -> Sealed | None:
        """Seal what can be sealed, up to a batch; None when there is nothing."""
        if self._leftover():
            return self._seal_leftover()
        while True:
            found, horizon = self._read(self._lo)
            if found.number:
                return self._seal(found, lo=self._lo, more=found.hi < horizon)
            self._lo = max(self._lo, found.hi)  # nothing below can appear any more
            # One transaction with more entries than a batch takes stands alone in its batch.
            if found.hi >= horizon:
                return None

    def _read(self, lo: int) -> tuple[Found, int]:
        """The entries from a transaction on, and the transaction before which all have ended."""
        row = self._connection.execute(
            _READ, {"lo": lo, "first_id": self.era.first_id, "most": self._most}, binary=True
        ).fetchone()
        assert row is not None, "an aggregate has a row"
        return Found(*row[1:]), row[0]

    def drain(self) -> Iterator[Sealed]:
        """Seal what is there now; what is written meanwhile is for the next time."""
        while (sealed := self.step()) is not None:
            yield sealed
            if not sealed.more:
                return

    def _seal(self, found: Found, *, lo: int, more: bool) -> Sealed:
        grown, hi = self._frontier.copy(), found.hi
        header = BatchHeader(
            number=self.head.batch_no + 1 if self.head else 1,
            era=self.era.era,
            first_xid=lo,
            end_xid=hi,
            first_seq=grown.size,
            entries=found.number,
            ids_hash=hashlib.sha256(found.ids).digest(),
            previous=self.head.batch_hash if self.head else NO_BATCH,
            sealed_at=found.at,
            system_identifier=self.era.system_identifier,
        )
        content = header.content()
        grown.append(found.leaves + header.leaf())
        root = grown.root()
        checkpoint = Checkpoint(self._keyring.origin, grown.size, root)
        note = checkpoints.sign_checkpoint(checkpoint, self._keyring.signers())
        tiles = grown.take_tiles()
        values = [
            *(header.number, header.era, lo, hi, header.first_seq, found.number),
            *(found.id_min, found.id_max, found.ids, found.leaves, header.previous),
            *(header.leaf(), header.sealed_at, content.decode(), root, note),
        ]
        self._write(values, tiles)
        self._frontier = grown
        self.head = store.Head(
            header.number, header.era, hi, grown.size, header.leaf(), root, note, header.sealed_at
        )
        self._lo = hi
        return Sealed(found.number, found.oldest, header.sealed_at, grown.size, note, more)

    def _write(self, values: list[Any], tiles: list[Tile]) -> None:
        """The batch with its tiles, or nothing. Its number is the fence: of two, one is refused."""
        try:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                cursor.execute(_INSERT, values, binary=True)
                if tiles:
                    cursor.executemany(
                        "INSERT INTO audits.audit_tile (level, idx, hashes) VALUES (%s, %s, %s)",
                        [(tile.level, tile.index, tile.hashes) for tile in tiles],
                    )
        except psycopg.errors.UniqueViolation:
            raise AnotherSealer(
                f"Another process has sealed batch {values[0]} of the audit log meanwhile."
            ) from None

    # --- After a restore ---------------------------------------------------------------------

    def _leftover(self) -> bool:
        """Whether entries of an earlier server may still wait to be sealed, by number."""
        return self.era.era > 1 and (
            self.head is None or self.head.era < self.era.era or self.head.xid_hi == 0
        )

    def _seal_leftover(self) -> Sealed:
        """Seal entries that no batch has, and then that the log was restored."""
        parts = leftovers.unsealed(self._connection, self.era.first_id, self._most)
        if parts is not None:
            return self._seal(Found(*parts), lo=0, more=True)
        if not leftovers.restoration_recorded(self._connection, self.era.era):
            self.record(
                "audit_log.restored",
                {
                    "era": self.era.era,
                    "system_identifier": str(self.era.system_identifier),
                    "size": self.size,
                },
            )
        # From here on transactions count again: the entry just made is the first of the era.
        lo = 0
        while True:
            found, horizon = self._read(lo)
            if found.number:
                return self._seal(found, lo=0, more=found.hi < horizon)
            lo = found.hi
            time.sleep(_WAIT)  # for a transaction that began before the entry was written

    # --- What it tells -----------------------------------------------------------------------

    def record(self, action: str, details: dict[str, Any]) -> None:
        """Write an entry of the sealer's own."""
        payload = canonical.dumps({"details": details, "source": "system"})
        self._connection.execute(
            "INSERT INTO audits.audit_log (actor_id, action, resource_type, resource_id, payload)"
            " VALUES (NULL, %s, 'audit_log', NULL, %s)",
            [action, payload],
        )

    def beat(self, problem: str = "") -> None:
        """Say that the sealer lives, and what keeps it from sealing."""
        beat(self._connection, self.name, problem)


def _locked(connection: store.Connection) -> bool:
    """Whether we are the sealer now. A session that has just ended may hold the lock a little."""
    until = time.monotonic() + _NOTICED
    while True:
        row = connection.execute(_LOCK).fetchone()
        if row and row[0]:
            return True
        if time.monotonic() > until:
            return False
        time.sleep(_WAIT)


def process_name() -> str:
    """What this process is called where the sealer's state is told."""
    return f"{socket.gethostname()}:{os.getpid()}"


def beat(connection: store.Connection, name: str, problem: str = "") -> None:
    """Write how the sealer is doing; nobody is stopped by a database that is away."""
    try:
        connection.execute(
            "INSERT INTO audits.audit_sealer (name, problem) VALUES (%s, %s)"
            " ON CONFLICT (id) DO UPDATE SET last_seen_at = clock_timestamp(),"
            " problem = excluded.problem, name = excluded.name, started_at = CASE"
            " WHEN audit_sealer.name = excluded.name THEN audit_sealer.started_at"
            " ELSE clock_timestamp() END",
            [name, problem],
        )
    except psycopg.Error as error:
        log.warning("the sealer's state could not be told", error=str(error))
