"""A whole verification: batches, entries, and what others have seen of the log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from django.db import DEFAULT_DB_ALIAS

from audit.proofs import checkpoints
from audit.proofs.checkpoints import PinnedKey
from audit.proofs.errors import ProofError
from audit.sealing import store
from audit.verification import personal, reading, retired, rows, seen, state, strays, tables
from audit.verification.chain import Chain, Place
from audit.verification.report import Finding, Report

# Rows in one piece of work for a process.
_SPAN: Final = 65_536
Progress = Callable[[int, int], None]  # (entries done, entries in all)


@dataclass(frozen=True, slots=True)
class Effort:
    """How many processes work on it, and whom to tell how far they are."""

    processes: int = 1
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """A snapshot by its name, so that other processes can see what the first connection sees."""

    snapshot: str
    using: str


def verify(
    pins: Sequence[PinnedKey],
    *,
    full: bool = False,
    since: datetime | None = None,
    notes: Sequence[tuple[str, str]] = (),
    effort: Effort = Effort(),
    using: str = DEFAULT_DB_ALIAS,
) -> Report:
    """Verify what was sealed since the last verification, since a moment, or everything.

    ``pins``   the public keys that are believed
    ``full``   everything: all batches, the whole tables, personal data too
    ``notes``  checkpoints that others have, as (where it comes from, note): each must be one of
               this log, signed, and the log must still have what it says
    The place at which it ended well is remembered in a file, for the next time; a verification
    since a moment does not move it, as it leaves out what came before.
    """
    with reading.snapshot(using) as (connection, name):
        return examine(
            connection,
            pins,
            full=full,
            since=since,
            notes=notes,
            effort=effort,
            moment=Moment(name, using),
        )


def examine(
    connection: store.Connection,
    pins: Sequence[PinnedKey],
    *,
    full: bool = False,
    since: datetime | None = None,
    notes: Sequence[tuple[str, str]] = (),
    effort: Effort = Effort(),
    moment: Moment | None = None,
) -> Report:
    """``verify`` what a connection sees in the transaction that is open.

    It should be REPEATABLE READ. Without a ``moment`` that others can see, one process does it all.
    """
    started = time.monotonic()
    report = Report()
    reading.settle(connection)
    if tables.check_shape(connection, report):
        held = seen.opened(notes, pins, report)
        start = _start(connection, pins, report, full=full, since=since)
        report.from_batch = start.batch_no + 1
        wanted = {one.checkpoint.size for one in held}
        chain = Chain(connection, pins, report, start=start, span=_SPAN, wanted=wanted)
        chain.walk()
        report.size = chain.place.frontier.size
        _check_entries(chain, report, effort, moment)
        tables.check_tiles_beyond(connection, report.size, report)
        seen.check(chain, held, report)
        if full:
            personal.check(connection, report)
        if report.ok and since is None:
            _remember(connection, chain, pins)
    report.seconds = time.monotonic() - started
    return report


# --- Where to begin -----------------------------------------------------------------------------


def _start(
    connection: store.Connection,
    pins: Sequence[PinnedKey],
    report: Report,
    *,
    full: bool,
    since: datetime | None,
) -> Place:
    known = _known(connection, report, full=full)
    if full:
        return Place()
    if since is not None:
        return _since(connection, pins, report, since)
    return known or Place()


def _known(connection: store.Connection, report: Report, *, full: bool) -> Place | None:
    """Where the last verification ended; a full one does not need it, but asks all the same."""
    database = connection.info.dbname
    try:
        known = state.read(database)
    except state.StateDamaged:
        if full:
            return None
        raise
    if known is None:
        return None
    row = connection.execute(
        "SELECT batch_hash, era, xid_hi FROM audits.audit_batch WHERE batch_no = %s",
        [known.batch_no],
    ).fetchone()
    if row != (known.batch_hash, known.era, known.xid_hi):
        report.add(
            Finding(
                f"Batch {known.batch_no}, up to which the log was verified before, is not there any"
                " more as it was. If the database was restored from an older backup on purpose,"
                f" remove {state.path(database)} and verify everything.",
                batch=known.batch_no,
            )
        )
        return None
    return Place(known.batch_no, known.batch_hash, known.era, known.xid_hi, known.frontier)


def _since(
    connection: store.Connection, pins: Sequence[PinnedKey], report: Report, since: datetime
) -> Place:
    """The place before the first batch sealed since then: its signed root vouches for the tree."""
    row = connection.execute(
        "SELECT batch_no, batch_hash, era, xid_hi, first_seq + entries + 1, note"
        " FROM audits.audit_batch WHERE sealed_at < %s ORDER BY batch_no DESC LIMIT 1",
        [since],
    ).fetchone()
    if row is None:
        return Place()
    batch_no, batch_hash, era, xid_hi, size, note = row
    try:
        frontier = store.frontier(connection, size)
        opened = checkpoints.open_checkpoint(note, pins).checkpoint
        if (opened.size, opened.root) != (size, frontier.root()):
            raise ProofError("the tree does not give the root that was signed")
    except ProofError as error:
        report.add(Finding(f"Batch {batch_no}: {error}", batch=batch_no))
        return Place()
    return Place(batch_no, batch_hash, era, xid_hi, frontier)


def _remember(connection: store.Connection, chain: Chain, pins: Sequence[PinnedKey]) -> None:
    place = chain.place
    if place.batch_no:
        database = connection.info.dbname
        state.write(
            state.State(
                pins[0].key.name,
                database,
                place.batch_no,
                place.batch_hash,
                place.era,
                place.xid_hi,
                place.frontier,
            )
        )


# --- Entries ------------------------------------------------------------------------------------


def _check_entries(chain: Chain, report: Report, effort: Effort, moment: Moment | None) -> None:
    """Compare every row with its leaf, and look for rows that no leaf is about."""
    total = sum(span.entries for span in chain.spans)
    done = there = 0
    absent: list[rows.Numbers] = []
    for span, outcome in zip(chain.spans, _outcomes(chain, effort, moment), strict=True):
        report.add_all(outcome)
        absent.append(outcome.absent)
        done += span.entries
        there += outcome.rows
        if effort.progress is not None:
            effort.progress(done, total)
    strays.check(chain.connection, chain, report)
    retired.account_for(chain.connection, np.concatenate(absent or [np.empty(0, np.int64)]), report)
    if report.from_batch == 1:
        tables.check_counts(chain.connection, there + report.waiting, report.batches, report)


def _outcomes(chain: Chain, effort: Effort, moment: Moment | None) -> Iterator[rows.Outcome]:
    """The outcomes of the spans, in their order."""
    processes = min(effort.processes, len(chain.spans))
    if processes < 2 or moment is None:
        return (rows.check(chain.connection, span) for span in chain.spans)
    return reading.in_processes(
        rows.check, chain.spans, processes=processes, moment=moment.snapshot, using=moment.using
    )
