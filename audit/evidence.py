"""Handing out evidence: chosen entries with the proof that they stand in the signed log."""

from __future__ import annotations

import hashlib
import os
import struct
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS

from audit.errors import EvidenceRefused
from audit.proofs import bundles, notes
from audit.proofs.bundles import BatchLeaf, Disclosed, EntryLeaf, Leaf
from audit.proofs.checkpoints import Checkpoint
from audit.proofs.entries import BatchHeader, EntryFields
from audit.proofs.errors import ProofError
from audit.sealing import store
from database.connections import own_connection

_FIELDS: Final = ", ".join(f"l.{name}" for name in EntryFields._fields)
_ROWS: Final = f"""
    SELECT {_FIELDS}, p.salt, p.data
    FROM audits.audit_log l LEFT JOIN audits.audit_personal p ON p.entry_id = l.entry_id
    WHERE l.id = ANY (%s)
"""
_BATCHES: Final = """
    SELECT first_seq, ids, header FROM audits.audit_batch
    WHERE first_seq + entries < %(size)s AND id_max >= %(low)s AND id_min <= %(high)s
    ORDER BY batch_no
"""
_BATCHES_OF_FEW: Final = """
    SELECT b.first_seq, b.ids, b.header
    FROM audits.audit_batch b
    WHERE b.first_seq + b.entries < %(size)s AND b.batch_no IN (
        SELECT s.batch_no FROM audits.audit_log l, audits.place(l.id, l.xid) s
        WHERE l.id = ANY (%(few)s)
    )
    ORDER BY b.batch_no
"""
_FEW: Final = 1000
_CHUNK: Final = 10_000
_PUBLISHED: Final = """
    SELECT note FROM audits.audit_publication WHERE starts_with(note, %s)
    ORDER BY size DESC, id DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries; conditions that are given must all hold, and one must be."""

    since: datetime | None = None
    until: datetime | None = None
    actor: UUID | None = None
    resource: tuple[str, str] | None = None
    entries: Sequence[UUID] = ()

    def condition(self) -> tuple[str, list[Any]]:
        """As SQL; EvidenceRefused when it would be everything."""
        parts: list[tuple[str, list[Any]]] = []
        if self.since is not None:
            parts.append(("created_at >= %s", [self.since]))
        if self.until is not None:
            parts.append(("created_at < %s", [self.until]))
        if self.actor is not None:
            parts.append(("actor_id = %s", [self.actor]))
        if self.resource is not None:
            parts.append(("resource_type = %s AND resource_id = %s", [*self.resource]))
        if self.entries:
            parts.append(("entry_id = ANY (%s)", [list(self.entries)]))
        if not parts:
            raise EvidenceRefused("Say which entries: a time, a person, a resource or entries.")
        return " AND ".join(text for text, _ in parts), [one for _, given in parts for one in given]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a bundle holds: entries, those that could not be in it yet, and the checkpoint."""

    entries: int
    waiting: int
    origin: str
    size: int
    sha256: str = ""
    file_size: int = 0


def select(selection: Selection, *, using: str = DEFAULT_DB_ALIAS) -> list[int]:
    """The numbers of the entries that fit, ascending."""
    condition, parameters = selection.condition()
    with closing(own_connection(using, application_name="lacuna evidence")) as connection:
        rows = connection.execute(
            f"SELECT id FROM audits.audit_log WHERE {condition} ORDER BY id", parameters
        )
        return [row[0] for row in rows]


def write(
    stream: IO[bytes],
    *,
    entries: Sequence[int],
    personal: bool = True,
    using: str = DEFAULT_DB_ALIAS,
) -> Summary:
    """Write the bundle of these entries, by number; with their personal data, if wanted.

    Entries that are not sealed yet are left out and counted. EvidenceRefused when none is sealed,
    or when the log does not give what was signed.
    """
    wanted = sorted(set(entries))
    if not wanted:
        raise EvidenceRefused("There is no such entry.")
    with closing(own_connection(using, application_name="lacuna evidence")) as connection:
        _check_there(connection, wanted)
        note = _note(connection, wanted)
        checkpoint = Checkpoint.parse(notes.split(note)[0])
        source = store.source(connection, checkpoint.size)
        leaves = _leaves(connection, wanted, checkpoint.size, personal=personal)
        try:
            number = bundles.write(stream, note=note, leaves=leaves, source=source)
        except ProofError as error:
            raise EvidenceRefused(
                f"No bundle can be made: {error} If entries were written just now, they are sealed"
                " within seconds; else run: python manage.py verify_audit --full"
            ) from None
    return Summary(number, len(wanted) - number, checkpoint.origin, checkpoint.size)


def write_file(
    path: Path, *, entries: Sequence[int], personal: bool = True, using: str = DEFAULT_DB_ALIAS
) -> Summary:
    """The same into a file, which is there whole or not at all; EvidenceRefused if there is one."""
    if path.exists():
        raise EvidenceRefused(f"{path} exists already; it is not overwritten.")
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".evidence-")
    except OSError as error:
        raise EvidenceRefused(f"{path} cannot be written: {error.strerror}.") from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w+b") as stream:
            summary = write(stream, entries=entries, personal=personal, using=using)
            stream.flush()
            os.fsync(stream.fileno())
            stream.seek(0)
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            size = stream.seek(0, os.SEEK_END)
        os.link(temporary, path)
    except FileExistsError:
        raise EvidenceRefused(f"{path} exists already; it is not overwritten.") from None
    except OSError as error:
        raise EvidenceRefused(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        temporary.unlink(missing_ok=True)
    return Summary(summary.entries, summary.waiting, summary.origin, summary.size, digest, size)


def _check_there(connection: store.Connection, wanted: Sequence[int]) -> None:
    for start in range(0, len(wanted), _CHUNK):
        row = connection.execute(
            "SELECT min(number) FROM unnest(%s::bigint[]) AS number"
            " WHERE NOT EXISTS (SELECT FROM audits.audit_log l WHERE l.id = number)",
            [list(wanted[start : start + _CHUNK])],
        ).fetchone()
        if row is not None and row[0] is not None:
            raise EvidenceRefused(
                f"Entry {row[0]} is not in the database. If its month was retired, the file of that"
                " month has it; else run: python manage.py verify_audit --full"
            )


def _note(connection: store.Connection, wanted: Sequence[int]) -> str:
    """The newest checkpoint that was published, if it covers the entries; else the newest."""
    head = store.head(connection)
    if head is None:
        raise EvidenceRefused("Nothing is sealed yet. Is the sealer running (seal_audit)?")
    origin = notes.split(head.note)[0].split("\n", 1)[0]
    row = connection.execute(_PUBLISHED, [f"{origin}\n"]).fetchone()
    if row is None:
        return head.note
    seen = Checkpoint.parse(notes.split(row[0])[0])
    last = connection.execute(
        "SELECT max(first_seq + entries) FROM audits.audit_batch"
        " WHERE id_min <= %s AND id_max >= %s",
        [wanted[-1], wanted[-1]],
    ).fetchone()
    covered = last is not None and last[0] is not None and last[0] < seen.size <= head.size
    return row[0] if covered else head.note


def _leaves(
    connection: store.Connection, wanted: Sequence[int], size: int, *, personal: bool
) -> Iterator[Leaf]:
    """The entries in the log's order, each batch's followed by its header."""
    chosen = set(wanted)
    for first_seq, ids, header in _batches(connection, wanted, size):
        numbers = struct.unpack(f">{len(ids) // 8}q", ids)
        here = [
            (first_seq + place, number) for place, number in enumerate(numbers) if number in chosen
        ]
        if not here:
            continue
        for start in range(0, len(here), _CHUNK):
            part = here[start : start + _CHUNK]
            rows = _rows(connection, [number for _, number in part], personal=personal)
            for seq, number in part:
                yield EntryLeaf(seq, *rows[number])
        sealed = BatchHeader.parse(header.encode())
        yield BatchLeaf(sealed.seq, sealed)


def _batches(
    connection: store.Connection, wanted: Sequence[int], size: int
) -> Iterator[tuple[int, bytes, str]]:
    if len(wanted) <= _FEW:
        query, given = _BATCHES_OF_FEW, {"size": size, "few": list(wanted)}
    else:
        query, given = _BATCHES, {"size": size, "low": wanted[0], "high": wanted[-1]}
    with connection.transaction(), connection.cursor("evidence", binary=True) as cursor:
        cursor.itersize = 20
        cursor.execute(query, given)
        yield from cursor


def _rows(
    connection: store.Connection, numbers: list[int], *, personal: bool
) -> dict[int, tuple[EntryFields, Disclosed | None]]:
    found = {}
    for row in connection.execute(_ROWS, [numbers]):
        fields = EntryFields(*row[: len(EntryFields._fields)])
        salt, data = row[-2:]
        disclosed = Disclosed(bytes(salt), data) if personal and salt is not None else None
        found[fields.id] = (fields, disclosed)
    return found
