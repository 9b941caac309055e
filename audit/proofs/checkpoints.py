"""Checkpoints (C2SP tlog-checkpoint): notes that say how large a log is and what its root is."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

from audit.proofs import hashes, notes
from audit.proofs.errors import NoteError
from audit.proofs.notes import COSIGNATURE, ED25519, Signature, Signer, VerifierKey

_SIZE = re.compile("0|[1-9][0-9]{0,18}")
_RANGE = re.compile("(0|[1-9][0-9]{0,18})-([1-9][0-9]{0,18}|0)?")
_LARGEST_SIZE = (1 << 63) - 1


class Checkpoint(NamedTuple):
    """What a log says of itself: its origin, its number of leaves, and their root (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{notes.encode(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The checkpoint of a note's text; NoteError unless it is exactly the three lines."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3]:
            raise NoteError("A checkpoint must have three lines: origin, size and root.")
        origin, size, root = lines[:3]
        notes.check_name(origin)
        if not _SIZE.fullmatch(size) or int(size) > _LARGEST_SIZE:
            raise NoteError(f"The checkpoint's size {size[:40]!r} is no plain whole number.")
        checkpoint = cls(origin, int(size), notes.decode(root))
        if len(checkpoint.root) != hashes.HASH_SIZE:
            raise NoteError(f"The checkpoint's root has {len(checkpoint.root)} bytes, not 32.")
        return checkpoint


class PinnedKey(NamedTuple):
    """A key that counts only for checkpoints of some sizes; `highest` None means without end."""

    key: VerifierKey
    lowest: int = 0
    highest: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """A verifier key, perhaps with the sizes it counts for: `KEY`, `KEY 0-500`, `KEY 501-`."""
        written, space, sizes = text.partition(" ")
        key = VerifierKey.parse(written)
        if not space:
            return cls(key)
        match = _RANGE.fullmatch(sizes)
        if match is None:
            raise NoteError(
                f"The sizes {sizes!r} of the key {key.name} must be like 0-5000 or 5001-."
            )
        pinned = cls(key, int(match[1]), int(match[2]) if match[2] else None)
        if pinned.highest is not None and pinned.highest < pinned.lowest:
            raise NoteError(f"The sizes {sizes} of the key {key.name} end before they begin.")
        return pinned

    def counts_for(self, size: int) -> bool:
        """Whether a checkpoint of this size may be signed by the key."""
        return self.lowest <= size and (self.highest is None or size <= self.highest)


class OpenedCheckpoint(NamedTuple):
    """A checkpoint with the signatures that hold: the log's own, and its witnesses'."""

    checkpoint: Checkpoint
    signatures: tuple[Signature, ...]
    witnessed: tuple[Signature, ...]


def sign_checkpoint(checkpoint: Checkpoint, signers: Iterable[Signer]) -> str:
    """The checkpoint as a note signed by the log's keys, which bear its origin as their name."""
    signers = list(signers)
    for signer in signers:
        if signer.verifier.name != checkpoint.origin:
            raise NoteError(
                f"The key {signer.verifier.name} cannot sign for the log {checkpoint.origin}: "
                "a log's keys bear its origin as their name."
            )
    return notes.sign(checkpoint.text(), signers)


def open_checkpoint(
    note: str,
    keys: Iterable[PinnedKey],
    *,
    witnesses: Sequence[VerifierKey] = (),
    witnesses_needed: int = 0,
) -> OpenedCheckpoint:
    """The checkpoint of a note, signed by a key that counts for it and by enough witnesses.

    A key that does not count for the checkpoint's size is treated as unknown. Raises NoteError.
    """
    checkpoint = Checkpoint.parse(notes.split(note)[0])
    log_keys = [
        pinned.key
        for pinned in keys
        if pinned.key.kind == ED25519
        and pinned.key.name == checkpoint.origin
        and pinned.counts_for(checkpoint.size)
    ]
    opened = notes.open_note(note, [*log_keys, *witnesses])
    signed = tuple(found for found in opened.signatures if found.key in log_keys)
    witnessed = tuple(found for found in opened.signatures if found.key.kind == COSIGNATURE)
    if not signed:
        raise NoteError(
            f"No key counts for the checkpoint of {checkpoint.origin} at {checkpoint.size} leaves."
        )
    if len(witnessed) < witnesses_needed:
        raise NoteError(
            f"{len(witnessed)} known witnesses have signed the checkpoint, "
            f"{witnesses_needed} are needed."
        )
    return OpenedCheckpoint(checkpoint, signed, witnessed)
