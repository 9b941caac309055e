"""Whether an entry is what was sealed: worked out from its fields up to a signature."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from django.conf import settings
from django.db import connection, transaction

from audit import keyring
from audit.admin import publications
from audit.admin.publications import Publication
from audit.errors import KeyringError
from audit.models import Entry
from audit.proofs import checkpoints, entries, hashes, notes, trees
from audit.proofs.checkpoints import Checkpoint
from audit.proofs.entries import BatchHeader, EntryFields
from audit.proofs.errors import NoteError, ProofError
from audit.sealing import store
from config.admin.formats import State, exact_moment, number, relative_moment

Outcome = Literal["holds", "open", "fails"]

_FIELDS: Final = f"""
    SELECT {", ".join(EntryFields._fields)}, leaf
    FROM audits.audit_log WHERE entry_id = %s
"""
_PLACE: Final = """
    SELECT p.batch_no, p.seq, p.prev_hash, b.header, b.batch_hash, b.first_seq,
        substring(b.leaves FROM (32 * (p.seq - b.first_seq) + 1)::integer FOR 32)
    FROM audits.place(%s, %s) p JOIN audits.audit_batch b ON b.batch_no = p.batch_no
"""
_PERSONAL: Final = "SELECT salt, data FROM audits.audit_personal WHERE entry_id = %s"
# Whether the sealer is past the entry's transaction, so that a batch should have the entry; and
# whether there has been such a transaction on this server at all.
_PASSED: Final = """
    SELECT
        EXISTS (SELECT FROM audits.audit_batch b WHERE b.era = home.era AND b.xid_hi > %(xid)s),
        home.era = (SELECT max(era) FROM audits.audit_era)
            AND %(xid)s >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
    FROM (
        SELECT (
            SELECT e.era FROM audits.audit_era e WHERE e.first_id <= %(id)s
            ORDER BY e.era DESC LIMIT 1
        ) AS era
    ) home
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was looked at, and what was found, as a sentence."""

    outcome: Outcome
    sentence: str

    @property
    def icon(self) -> str:
        """The sign beside the sentence."""
        return {"holds": "good", "open": "notice", "fails": "bad"}[self.outcome]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed entry stands; hashes are bytes of 32, headers of batches text."""

    batch_no: int
    seq: int
    prev_hash: bytes
    header: str
    batch_hash: bytes
    first_seq: int
    leaf: bytes


@dataclass(slots=True)
class Proof:
    """What the page says: the steps in their order, and the figures behind them."""

    leaf: bytes
    steps: list[Step] = field(default_factory=list)
    place: Place | None = None
    sealed_at: datetime | None = None
    size: int = 0
    hashes: int = 0
    published: list[Publication] = field(default_factory=list)

    @property
    def failed(self) -> list[Step]:
        """The steps that found something wrong."""
        return [step for step in self.steps if step.outcome == "fails"]

    @property
    def look(self) -> tuple[str, State]:
        """The verdict in a word or two."""
        if self.failed:
            return "Does not verify", "bad"
        if self.place is None:
            return "Not sealed yet", "notice"
        if any(step.outcome == "open" for step in self.steps):
            return "Holds, signature not checked", "notice"
        return "Verified", "good"

    def note(self, outcome: Outcome, sentence: str) -> bool:
        """Add a step; whether it found nothing wrong."""
        self.steps.append(Step(outcome, sentence))
        return outcome != "fails"


def examine(entry: Entry) -> Proof:
    """Recompute the entry's leaf, find it in its batch, and lead it to the newest checkpoint."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_FIELDS, [entry.entry_id])
        row = cursor.fetchone()
        fields, stored = _fields(row[:-1]), bytes(row[-1])
        proof = Proof(leaf=hashes.leaf(entries.content(fields)))
        _check_fields(proof, stored)
        _check_personal(proof, cursor, fields)
        cursor.execute(_PLACE, [fields.id, fields.xid])
        found = cursor.fetchone()
        if found is None:
            _say_unsealed(proof, cursor, fields)
            return proof
        place = proof.place = _placed(found)
        if _check_batch(proof, place):
            _check_tree(proof, place)
        proof.published = publications.first_with(cursor, place.seq)
    return proof


def _placed(row: tuple[Any, ...]) -> Place:
    batch_no, seq, before, header, batch_hash, first_seq, leaf = row
    return Place(batch_no, seq, bytes(before), header, bytes(batch_hash), first_seq, bytes(leaf))


def _fields(row: tuple[Any, ...]) -> EntryFields:
    fields = EntryFields(*row)
    return fields._replace(personal=None if fields.personal is None else bytes(fields.personal))


def _check_fields(proof: Proof, stored: bytes) -> None:
    if proof.leaf == stored:
        proof.note("holds", "The fields of the entry give the leaf hash that is stored with them.")
    else:
        proof.note(
            "fails",
            "The fields of the entry do not give the leaf hash that is stored with them: one or the"
            " other was changed behind the database's back.",
        )


def _check_personal(proof: Proof, cursor: Any, fields: EntryFields) -> None:
    cursor.execute(_PERSONAL, [fields.entry_id])
    row = cursor.fetchone()
    if row is None:
        return
    if fields.personal == entries.commitment(bytes(row[0]), row[1]):
        proof.note("holds", "The personal data is what the entry committed to.")
    else:
        proof.note(
            "fails",
            "The personal data is not what the entry committed to: it was changed, or put there"
            " later. Do not rely on it.",
        )


def _say_unsealed(proof: Proof, cursor: Any, fields: EntryFields) -> None:
    cursor.execute(_PASSED, {"xid": fields.xid, "id": fields.id})
    passed, unheard_of = cursor.fetchone()
    if unheard_of:
        proof.note(
            "fails",
            f"The entry names transaction {fields.xid}, which has never been: its number was"
            " changed.",
        )
        return
    if passed:
        proof.note(
            "fails",
            "The entry is in no batch, although entries of later transactions are sealed: it was"
            " put into the log past the sealer, or its number was changed.",
        )
        return
    proof.note(
        "open",
        f"The entry waits to be sealed; it was written {relative_moment(fields.created_at)}."
        " The sealer does that within seconds while it runs.",
    )


def _check_batch(proof: Proof, place: Place) -> bool:
    """Whether the batch has this entry, and its header is the one that was hashed."""
    if place.leaf != proof.leaf:
        return proof.note(
            "fails",
            f"The entry was changed after it was sealed: batch {place.batch_no} holds the leaf hash"
            f" {place.leaf.hex()} for it, its fields give {proof.leaf.hex()}.",
        )
    try:
        header = BatchHeader.parse(place.header.encode())
    except ProofError as error:
        return proof.note("fails", f"The header of batch {place.batch_no} is damaged: {error}")
    if header.leaf() != place.batch_hash or header.number != place.batch_no:
        return proof.note(
            "fails", f"The header of batch {place.batch_no} was changed after it was sealed."
        )
    if not header.first_seq <= place.seq < header.seq:
        return proof.note(
            "fails", f"The header of batch {place.batch_no} leaves no room for the entry."
        )
    proof.sealed_at = header.sealed_at
    return proof.note(
        "holds",
        f"Batch {number(place.batch_no)} holds the same hash, sealed"
        f" {exact_moment(header.sealed_at)}.",
    )


def _check_tree(proof: Proof, place: Place) -> None:
    """Entry and header stand in the tree of the newest checkpoint, and it is signed."""
    own = connection.connection
    head = store.head(own)
    if head is None:
        proof.note("fails", "There is no checkpoint, although the entry is in a batch.")
        return
    try:
        checkpoint = Checkpoint.parse(notes.split(head.note)[0])
        proof.size = checkpoint.size
        seqs = [place.seq, BatchHeader.parse(place.header.encode()).seq]
        steps = trees.leaves_proof(seqs, checkpoint.size, store.source(own, checkpoint.size))
        proof.hashes = len(steps)
        leaves = proof.leaf + place.batch_hash
        trees.check_leaves(seqs, leaves, checkpoint.size, steps, checkpoint.root)
    except ValueError as error:  # ProofError is one
        proof.note(
            "fails",
            f"The newest checkpoint does not include the entry: {error} The sealed log was changed,"
            " or cut.",
        )
        return
    proof.note(
        "holds",
        f"{number(proof.hashes)} hashes lead from the entry and its batch's header to the root of"
        f" the newest checkpoint, of {number(proof.size)} leaves.",
    )
    _check_signature(proof, head.note)


def _check_signature(proof: Proof, note: str) -> None:
    try:
        keys = keyring.trusted()
    except KeyringError as error:
        proof.note(
            "open",
            f"The checkpoint's signature was not checked here: {error} Name the public keys in"
            " AUDIT_TRUSTED_KEYS to have it checked, or check the evidence elsewhere.",
        )
        return
    try:
        opened = checkpoints.open_checkpoint(note, keys)
    except NoteError as error:
        proof.note("fails", f"The newest checkpoint is not signed by a trusted key: {error}")
        return
    key = opened.signatures[0].key
    whose = "AUDIT_TRUSTED_KEYS" if settings.AUDIT_TRUSTED_KEYS else "the keyring"
    proof.note(
        "holds",
        f"The checkpoint is signed by {key.name}+{key.key_id.hex()}, a key of {whose}.",
    )
