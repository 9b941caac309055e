"""How the chain stands: how far it is sealed and published, what waits, and what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from audit import alarms, keyring
from audit.admin import publications
from audit.admin.publications import Publication
from audit.errors import KeyringError
from audit.proofs.checkpoints import PinnedKey
from config.admin.formats import State, number

SHOWN: Final = 20
_COUNTED: Final = 10_001

_HEAD: Final = """
    SELECT batch_no, era, xid_hi, first_seq + entries + 1, sealed_at, encode(root, 'base64')
    FROM audits.audit_batch ORDER BY batch_no DESC LIMIT 1
"""
_ERA: Final = """
    SELECT era, first_id, started_at, system_identifier FROM audits.audit_era
    ORDER BY era DESC LIMIT 1
"""
_WAITING: Final = f"""
    SELECT count(*), min(created_at) FROM (
        SELECT created_at FROM audits.audit_log WHERE xid >= %s AND id >= %s
        ORDER BY xid LIMIT {_COUNTED}
    ) waiting
"""
_SEALER: Final = "SELECT name, started_at, last_seen_at, problem FROM audits.audit_sealer"
_CHECKPOINTS: Final = f"""
    SELECT batch_no, entries, first_seq + entries + 1, sealed_at, note
    FROM audits.audit_batch ORDER BY batch_no DESC LIMIT {SHOWN}
"""
_RETIRED: Final = """
    SELECT partition, entries, file_name, file_sha256, retired_at FROM audits.audit_retired
    ORDER BY partition DESC
"""


@dataclass(frozen=True, slots=True)
class Sealer:
    """What the sealer said of itself last."""

    name: str
    started_at: datetime
    last_seen_at: datetime
    problem: str


@dataclass(frozen=True, slots=True)
class Era:
    """The server on which the log lives now."""

    era: int
    first_id: int
    started_at: datetime
    system_identifier: str


@dataclass(frozen=True, slots=True)
class Chain:
    """The sealed log at one moment; ``root`` is base64, ``waiting`` is counted to 10,001."""

    batches: int
    size: int
    sealed_at: datetime | None
    root: str
    era: Era | None
    waiting: int
    oldest_at: datetime | None
    sealer: Sealer | None
    published: Sequence[Publication]
    alarms: Sequence[str]

    @property
    def entries(self) -> int:
        """The sealed entries: leaves that are no batch's header."""
        return self.size - self.batches

    @property
    def waiting_text(self) -> str:
        """How many wait, as exactly as they were counted."""
        return f"{_COUNTED - 1:,}+" if self.waiting >= _COUNTED else f"{self.waiting:,}"


@dataclass(frozen=True, slots=True)
class Standing:
    """The state in a word, its look, and a sentence with what to do."""

    word: str
    state: State
    sentence: str


def read() -> Chain:
    """The chain as it stands now; a handful of queries by index."""
    with connection.cursor() as cursor:
        cursor.execute(_HEAD)
        head = cursor.fetchone() or (0, 0, 0, 0, None, "")
        cursor.execute(_ERA)
        found = cursor.fetchone()
        era = Era(*found) if found else None
        # Transactions of another era say nothing about this one.
        sealed_to = head[2] if era and era.era == head[1] else 0
        cursor.execute(_WAITING, [sealed_to, era.first_id if era else 0])
        waiting, oldest_at = cursor.fetchone()
        cursor.execute(_SEALER)
        seen = cursor.fetchone()
        published = publications.newest(cursor)
    return Chain(
        batches=head[0],
        size=head[3],
        sealed_at=head[4],
        root=head[5],
        era=era,
        waiting=waiting,
        oldest_at=oldest_at,
        sealer=Sealer(*seen) if seen else None,
        published=published,
        alarms=alarms.warnings(),
    )


def standing(chain: Chain) -> Standing:
    """Sealed and published, or what keeps it from that."""
    if chain.alarms:
        return Standing("Needs somebody", "bad", chain.alarms[0])
    if not chain.size:
        return Standing("Empty", "neutral", "Nothing has been sealed yet.")
    if not chain.published:
        return Standing(
            "Sealed, not published",
            "warning",
            "Nobody else has seen a checkpoint, so the log could be replaced as a whole unnoticed."
            " AUDIT_PUBLISH names where checkpoints go.",
        )
    return Standing("Sealed and published", "good", "Every entry can be proved to anybody.")


@dataclass(frozen=True, slots=True)
class SealedBatch:
    """A batch, and the checkpoint that was signed after it; figures are grouped text."""

    number: int
    entries: str
    size: str
    sealed_at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class RetiredMonth:
    """A month that was exported and taken out of the database."""

    partition: str
    entries: int
    file_name: str
    file_sha256: str
    retired_at: datetime

    @property
    def entries_text(self) -> str:
        """The number of entries, grouped."""
        return number(self.entries)


def latest_batches() -> list[SealedBatch]:
    """The last ones, the newest first."""
    return [
        SealedBatch(batch, number(entries), number(size), sealed_at, note)
        for batch, entries, size, sealed_at, note in _rows(_CHECKPOINTS)
    ]


def retired_months() -> list[RetiredMonth]:
    """All of them, the newest first."""
    return [RetiredMonth(*row) for row in _rows(_RETIRED)]


def _rows(query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key as it is pinned, and the sizes of the checkpoints for which it counts."""

    text: str
    sizes: str


def public_keys() -> tuple[list[PublicKey], str]:
    """The keys to pin; or none, and why this process cannot show them."""
    try:
        return [_pinned(key) for key in keyring.trusted()], ""
    except KeyringError as error:
        return [], str(error)


def _pinned(pinned: PinnedKey) -> PublicKey:
    bounded = pinned.lowest or pinned.highest is not None
    highest = "" if pinned.highest is None else str(pinned.highest)
    text = f"{pinned.key} {pinned.lowest}-{highest}" if bounded else str(pinned.key)
    sizes = (
        f"{pinned.lowest:,} to {pinned.highest:,}"
        if pinned.highest is not None
        else (f"{pinned.lowest:,} and more" if pinned.lowest else "every size")
    )
    return PublicKey(text, sizes)
