"""The batches: each follows the one before, and the root after each is the one that was signed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

import numpy as np

from audit.proofs import checkpoints
from audit.proofs.checkpoints import Checkpoint, PinnedKey
from audit.proofs.entries import NO_BATCH, BatchHeader
from audit.proofs.errors import ProofError
from audit.proofs.frontier import Frontier
from audit.sealing import store
from audit.verification.report import Finding, Report

# The moment as the server sends it: its own type has values that Python's has not.
_COLUMNS: Final = """
    batch_no, era, xid_lo, xid_hi, first_seq, entries, id_min, id_max, ids, leaves, prev_hash,
    batch_hash, timestamptz_send(sealed_at), header, root, note
"""
# What was put before the first transaction or the first number must be found too.
_LOWEST: Final = -(2**63)
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Batch:
    """A row of ``audits.audit_batch``."""

    batch_no: int
    era: int
    xid_lo: int
    xid_hi: int
    first_seq: int
    entries: int
    id_min: int
    id_max: int
    ids: bytes
    leaves: bytes
    prev_hash: bytes
    batch_hash: bytes
    sealed_at: bytes
    header: str
    root: bytes
    note: str


@dataclass(slots=True)
class Span:
    """Consecutive batches of one era whose rows are read together: a piece of work.

    Rows are those of transactions from ``lo`` on and below ``hi``, with ids from ``first_id`` on
    and below ``end_id``; with ``by_number``, the rows that the batches name.
    """

    first_batch: int
    last_batch: int
    entries: int
    lo: int
    hi: int
    first_id: int
    end_id: int | None
    by_number: bool = False


@dataclass(slots=True)
class Place:
    """Where a verification begins: after a batch that is known to be good."""

    batch_no: int = 0
    batch_hash: bytes = NO_BATCH
    era: int = 0
    xid_hi: int = 0
    frontier: Frontier = field(default_factory=Frontier)


class Chain:
    """Walks the batches after a place; collects the spans of rows that they seal.

    ``wanted`` are the sizes at which somebody else has seen the log: ``roots`` keeps the root at
    each of them, as far as it is met.
    """

    def __init__(
        self,
        connection: store.Connection,
        pins: Sequence[PinnedKey],
        report: Report,
        *,
        start: Place | None = None,
        span: int = 65_536,
        wanted: Collection[int] = (),
    ) -> None:
        self.connection = connection
        self._pins = pins
        self._report = report
        self.place = start or Place()
        self._most = span
        self._wanted = frozenset(wanted)
        # What was said once is not said again of every later batch:
        self._parted = False  # from here on no root is the one that was signed
        self._shift = 0  # so many leaves more were signed than are here
        self.eras = _eras(connection)
        self.roots: dict[int, bytes] = {}
        self.spans: list[Span] = []

    def walk(self) -> None:
        """Check every batch after the place, and the tiles that they filled."""
        for batch in self._batches():
            self._check(batch)
        self._check_eras()

    def _batches(self) -> Iterator[Batch]:
        with self.connection.cursor("audit_batches", binary=True) as cursor:
            cursor.itersize = 50
            cursor.execute(
                f"SELECT {_COLUMNS} FROM audits.audit_batch WHERE batch_no > %s ORDER BY batch_no",
                [self.place.batch_no],
            )
            for row in cursor:
                if None in row:
                    self._report.add(Finding(f"Batch {row[0]}: a part of it is missing."))
                    continue
                yield Batch(*row)

    def _wrong(self, batch: Batch, text: str) -> None:
        self._report.add(Finding(f"Batch {batch.batch_no}: {text}", batch=batch.batch_no))

    def _check(self, batch: Batch) -> None:
        place = self.place
        frontier = place.frontier
        self._check_link(batch)
        header = self._check_header(batch)
        self._check_order(batch)
        ids = np.frombuffer(batch.ids[: len(batch.ids) & -8], dtype=">i8")
        leaves = batch.leaves
        if len(leaves) != 32 * batch.entries or len(batch.ids) != 8 * batch.entries:
            self._wrong(batch, "its lists are not as long as it has entries.")
            leaves = leaves[: len(leaves) & -32]
        if not ids.size or (ids.min(), ids.max()) != (batch.id_min, batch.id_max):
            self._wrong(batch, "its lowest and highest numbers are not those of its entries.")
        frontier.append(leaves + (header.leaf() if header else _hash(batch.batch_hash)))
        self._check_note(batch, frontier)
        self._check_tiles(frontier)
        self._plan(batch, header, len(ids))
        era, end = _era_and_end(batch, header)
        self.place = Place(batch.batch_no, batch.batch_hash, era, end, frontier)
        self._report.batches += 1
        self._report.entries += len(ids)

    def _check_link(self, batch: Batch) -> None:
        place = self.place
        expected = place.batch_no + 1
        if batch.batch_no < expected:
            self._wrong(batch, "its number is there twice.")
        elif batch.batch_no > expected:
            missing = (
                f"batch {expected} is"
                if batch.batch_no == expected + 1
                else f"batches {expected} to {batch.batch_no - 1} are"
            )
            self._wrong(batch, f"it follows batch {place.batch_no}; {missing} missing.")
        if batch.prev_hash != place.batch_hash:
            self._wrong(batch, "it is not linked to the batch before it.")
        begin = place.frontier.size + self._shift
        if batch.first_seq != begin:
            self._wrong(batch, f"it begins at {batch.first_seq}, not at {begin}.")

    def _check_order(self, batch: Batch) -> None:
        place = self.place
        if batch.era not in self.eras:
            self._wrong(batch, f"its era {batch.era} is unknown.")
        elif batch.era < place.era:
            self._wrong(batch, f"its era {batch.era} ended before.")
        elif batch.era == place.era and not place.xid_hi <= batch.xid_lo <= batch.xid_hi:
            self._wrong(batch, "its transactions overlap those of the batch before it.")

    def _check_header(self, batch: Batch) -> BatchHeader | None:
        try:
            header = BatchHeader.parse(batch.header.encode())
        except (ProofError, UnicodeEncodeError) as error:
            self._wrong(batch, f"its header cannot be read: {error}")
            return None
        era = self.eras.get(batch.era)
        told: dict[str, object] = {
            "number": batch.batch_no,
            "era": batch.era,
            "first_xid": batch.xid_lo,
            "end_xid": batch.xid_hi,
            "first_seq": batch.first_seq,
            "entries": batch.entries,
            "ids_hash": hashlib.sha256(batch.ids).digest(),
            "previous": batch.prev_hash,
        }
        names = [name for name, value in told.items() if getattr(header, name) != value]
        if _microseconds(header.sealed_at) != int.from_bytes(batch.sealed_at, "big", signed=True):
            names.append("sealed_at")
        if era is not None and str(header.system_identifier) != era.system_identifier:
            names.append("system_identifier")
        for name in names:
            self._wrong(batch, f"its {name.replace('_', ' ')} is not the one that was sealed.")
        if header.leaf() != batch.batch_hash:
            self._wrong(batch, "its hash is not that of its header.")
        return header

    def _check_note(self, batch: Batch, frontier: Frontier) -> None:
        root = frontier.root()
        if frontier.size in self._wanted:
            self.roots[frontier.size] = root
        try:
            opened: Checkpoint = checkpoints.open_checkpoint(batch.note, self._pins).checkpoint
        except ProofError as error:
            self._wrong(batch, f"its checkpoint is not signed by a trusted key: {error}")
            return
        shift = opened.size - frontier.size
        if shift != self._shift:
            self._shift = shift
            self._wrong(batch, f"its checkpoint is signed for {opened.size} leaves.")
        elif not shift and opened.root != root and not self._parted:
            self._parted = True
            self._wrong(batch, "from here on its entries do not give the root that was signed.")
        if batch.root != (opened.root if shift or self._parted else root):
            self._wrong(batch, "the root beside its checkpoint is another.")

    def _check_tiles(self, frontier: Frontier) -> None:
        for tile in frontier.take_tiles():
            held = store.tile(self.connection, tile.level, tile.index)
            if held != tile.hashes:
                what = "is missing" if held is None else "does not follow from the leaves"
                self._report.add(Finding(f"Tile {tile.index} of level {tile.level} {what}."))

    def _check_eras(self) -> None:
        """They are counted from 1, their entries follow each other, and the last one is sealed."""
        eras = list(self.eras.values())
        for number, era in enumerate(eras, start=1):
            if era.era != number or (number == 1 and era.first_id != 1):
                self._report.add(
                    Finding(f"Era {era.era}, from entry {era.first_id} on, cannot have been.")
                )
        for before, after in pairwise(eras):
            if before.first_id > after.first_id:
                self._report.add(Finding(f"Era {after.era} begins before era {before.era}."))
        newest = eras[-1].era if eras else 0
        if newest > self.place.era + 1:
            self._report.add(
                Finding(f"Era {newest} is there, but era {newest - 1} has sealed nothing.")
            )

    def _plan(self, batch: Batch, header: BatchHeader | None, entries: int) -> None:
        """Add the batch's rows to the work to be done: those that its header names, if it can."""
        number, end = _era_and_end(batch, header)
        era = self.eras.get(number)
        later = self.eras.get(number + 1) if era else None
        by_number = end == 0
        last = self.spans[-1] if self.spans else None
        if (
            last is not None
            and last.last_batch == batch.batch_no - 1
            and last.entries + entries <= self._most
            and self.place.era == number
            and last.by_number == by_number
        ):
            last.last_batch, last.hi = batch.batch_no, end
            last.entries += entries
            return
        self.spans.append(
            Span(
                batch.batch_no,
                batch.batch_no,
                entries,
                (self.place.xid_hi if self.place.era == number else 0) or _LOWEST,
                end,
                era.first_id if era and number > 1 else _LOWEST,
                later.first_id if later else None,
                by_number,
            )
        )


def _era_and_end(batch: Batch, header: BatchHeader | None) -> tuple[int, int]:
    """The era and the transaction after the last: by the header, unless it is no batch's."""
    if header is not None and header.leaf() == batch.batch_hash:
        return header.era, header.end_xid
    return batch.era, batch.xid_hi


def _microseconds(moment: datetime) -> int:
    """Since 2000, as PostgreSQL counts."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _hash(value: bytes) -> bytes:
    return value if len(value) == len(NO_BATCH) else NO_BATCH


@dataclass(frozen=True, slots=True)
class Era:
    """A row of ``audits.audit_era``."""

    era: int
    system_identifier: str
    first_id: int


def _eras(connection: store.Connection) -> dict[int, Era]:
    rows = connection.execute(
        "SELECT era, system_identifier, first_id FROM audits.audit_era ORDER BY era"
    ).fetchall()
    return {row[0]: Era(*row) for row in rows}
