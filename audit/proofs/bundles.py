"""Evidence bundles: chosen entries, with all that shows them to be in the log, as lines of JSON."""

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from typing import IO, Any, NamedTuple

from audit.proofs import canonical, entries, hashes, notes, trees
from audit.proofs.checkpoints import Checkpoint, OpenedCheckpoint, PinnedKey, open_checkpoint
from audit.proofs.entries import BatchHeader, EntryFields
from audit.proofs.errors import FormatError, ProofError
from audit.proofs.notes import VerifierKey
from audit.proofs.sources import Source

FORMAT = "lacuna-evidence/1"
LONGEST_LINE = 1 << 24
_HELD_IN_MEMORY = 1 << 23
_FIRST_KEYS = {"batches", "entries", "format", "note", "proof"}


class Disclosed(NamedTuple):
    """Personal data laid open: canonical JSON, and the 32-byte salt of its commitment."""

    salt: bytes
    data: str


class EntryLeaf(NamedTuple):
    """An entry at its place in the tree."""

    seq: int
    fields: EntryFields
    disclosed: Disclosed | None = None


class BatchLeaf(NamedTuple):
    """A batch's header at its place in the tree, right after the batch's entries."""

    seq: int
    header: BatchHeader


Leaf = EntryLeaf | BatchLeaf


class Bundle(NamedTuple):
    """A bundle that holds: its checkpoint, and its leaves in their order."""

    opened: OpenedCheckpoint
    leaves: list[Leaf]


def write(stream: IO[bytes], *, note: str, leaves: Iterable[Leaf], source: Source) -> int:
    """Write the bundle of these leaves, ascending, each entry's batch header with it.

    `source` knows the tree of the note's size. Returns the number of entries. Raises ProofError,
    and writes nothing, when the bundle would not hold; the note's signatures are not looked at.
    """
    checkpoint = Checkpoint.parse(notes.split(note)[0])
    collected = _Collected()
    with tempfile.SpooledTemporaryFile(max_size=_HELD_IN_MEMORY) as lines:
        for leaf in leaves:
            collected.take(leaf)
            lines.write(_line(_shown(leaf)))
        collected.finish()
        proof = trees.leaves_proof(collected.seqs, checkpoint.size, source)
        trees.check_leaves(
            collected.seqs, bytes(collected.hashes), checkpoint.size, proof, checkpoint.root
        )
        first = {
            "batches": collected.batches,
            "entries": collected.entries,
            "format": FORMAT,
            "note": note,
            "proof": [notes.encode(step) for step in proof],
        }
        stream.write(_line(first))
        lines.seek(0)
        shutil.copyfileobj(lines, stream)
    return collected.entries


def read(
    stream: IO[bytes],
    keys: Iterable[PinnedKey],
    *,
    witnesses: Sequence[VerifierKey] = (),
    witnesses_needed: int = 0,
) -> Bundle:
    """The bundle, if everything in it holds under these keys; ProofError names what does not."""
    first = _parsed(stream.readline(LONGEST_LINE), 1)
    if not isinstance(first, dict) or set(first) != _FIRST_KEYS or first["format"] != FORMAT:
        raise FormatError(f"Line 1 must be the first line of a bundle in the format {FORMAT}.")
    if not isinstance(first["note"], str) or not isinstance(first["proof"], list):
        raise FormatError("Line 1 must have the note as text and the proof as a list.")
    opened = open_checkpoint(
        first["note"], keys, witnesses=witnesses, witnesses_needed=witnesses_needed
    )
    if not all(isinstance(step, str) for step in first["proof"]):
        raise FormatError("Line 1 must have the proof as a list of base64 texts.")
    proof = [notes.decode(step) for step in first["proof"]]
    collected = _Collected()
    leaves: list[Leaf] = []
    while line := stream.readline(LONGEST_LINE):
        leaf = _leaf(_parsed(line, len(leaves) + 2), len(leaves) + 2)
        collected.take(leaf)
        leaves.append(leaf)
    collected.finish()
    for name, number in (("batches", collected.batches), ("entries", collected.entries)):
        if type(first[name]) is not int or first[name] != number:
            raise ProofError(f"Line 1 counts {first[name]!r} {name}, but the bundle has {number}.")
    size, root = opened.checkpoint.size, opened.checkpoint.root
    trees.check_leaves(collected.seqs, bytes(collected.hashes), size, proof, root)
    return Bundle(opened, leaves)


class _Collected:
    """The leaves so far: whether each stands where it may, and what the tree needs of them."""

    def __init__(self) -> None:
        self.seqs: list[int] = []
        self.hashes = bytearray()
        self.entries = self.batches = 0
        self._waiting: list[EntryLeaf] = []
        self._before: BatchHeader | None = None

    def take(self, leaf: Leaf) -> None:
        """One more leaf; ProofError when it cannot stand here."""
        if leaf.seq < 0 or (self.seqs and leaf.seq <= self.seqs[-1]):
            raise ProofError(f"Leaf {leaf.seq} is out of order: sequence numbers must ascend.")
        self.seqs.append(leaf.seq)
        if isinstance(leaf, EntryLeaf):
            self.entries += 1
            _check_disclosed(leaf)
            self._waiting.append(leaf)
            self.hashes += hashes.leaf(entries.content(leaf.fields))
        else:
            self.batches += 1
            self._check_header(leaf)
            self._waiting.clear()
            self._before = leaf.header
            self.hashes += leaf.header.leaf()

    def finish(self) -> None:
        """No more leaves; ProofError when an entry still waits for its batch's header."""
        if self._waiting:
            raise ProofError(f"Entry {self._waiting[0].seq} has no header of its batch after it.")
        if not self.entries:
            raise ProofError("A bundle must have at least one entry.")

    def _check_header(self, leaf: BatchLeaf) -> None:
        header, name = leaf.header, f"The header of batch {leaf.header.number}"
        if leaf.seq != header.seq:
            raise ProofError(f"{name} stands at {leaf.seq}; by its own words at {header.seq}.")
        if not self._waiting:
            raise ProofError(f"{name} belongs to no entry of the bundle.")
        if self._waiting[0].seq < header.first_seq:
            raise ProofError(
                f"Entry {self._waiting[0].seq} has no header of its batch: batch {header.number} "
                f"begins at {header.first_seq}."
            )
        if len(self._waiting) == header.entries:
            ids = entries.ids_hash(entry.fields.id for entry in self._waiting)
            if ids != header.ids_hash:
                raise ProofError(f"{name} lists other ids than its entries have.")
        self._check_link(header, name)

    def _check_link(self, header: BatchHeader, name: str) -> None:
        before = self._before
        if before is None:
            return
        gap, skipped = header.first_seq - before.seq - 1, header.number - before.number - 1
        if gap < 0 or skipped < 0 or bool(gap) != bool(skipped):
            raise ProofError(f"{name} cannot follow the header of batch {before.number}.")
        if not gap and header.previous != before.leaf():
            raise ProofError(f"{name} names another previous header than batch {before.number}'s.")


def _check_disclosed(leaf: EntryLeaf) -> None:
    if leaf.disclosed is None:
        return
    if leaf.fields.personal is None:
        raise ProofError(f"Entry {leaf.seq} discloses data although it is committed to none.")
    if entries.commitment(*leaf.disclosed) != leaf.fields.personal:
        raise ProofError(f"Entry {leaf.seq} discloses data other than it is committed to.")


def _shown(leaf: Leaf) -> dict[str, Any]:
    if isinstance(leaf, BatchLeaf):
        return {"batch": leaf.header.content().decode(), "seq": leaf.seq}
    shown: dict[str, Any] = {"entry": entries.to_json(leaf.fields), "seq": leaf.seq}
    if leaf.disclosed is not None:
        shown["disclosed"] = {"data": leaf.disclosed.data, "salt": leaf.disclosed.salt.hex()}
    return shown


def _line(value: object) -> bytes:
    line = canonical.dumps(value).encode() + b"\n"
    if len(line) > LONGEST_LINE:
        raise FormatError(f"A line of {len(line)} bytes is longer than the {LONGEST_LINE} allowed.")
    return line


def _parsed(line: bytes, number: int) -> Any:
    if not line.endswith(b"\n"):
        raise FormatError(f"Line {number} does not end in a line feed, or is too long.")
    try:
        return canonical.loads_strict(line[:-1].decode())
    except UnicodeDecodeError:
        raise FormatError(f"Line {number} is not UTF-8.") from None
    except FormatError as error:
        raise FormatError(f"Line {number}: {error}") from None


def _leaf(value: Any, number: int) -> Leaf:
    keys = set(value) if isinstance(value, dict) else set()
    try:
        if keys == {"batch", "seq"}:
            if not isinstance(value["batch"], str):
                raise FormatError("The batch's header must be text.")
            header = BatchHeader.parse(value["batch"].encode())
            return BatchLeaf(_seq(value["seq"]), header)
        if keys - {"disclosed"} == {"entry", "seq"}:
            fields = entries.from_json(value["entry"])
            disclosed = _disclosed(value["disclosed"]) if "disclosed" in keys else None
            return EntryLeaf(_seq(value["seq"]), fields, disclosed)
    except FormatError as error:
        raise FormatError(f"Line {number}: {error}") from None
    raise FormatError(f"Line {number} must hold an entry or a batch, and its seq.")


def _seq(value: object) -> int:
    if type(value) is not int or value < 0:
        raise FormatError("The sequence number must be a whole number from 0 on.")
    return value


def _disclosed(value: Any) -> Disclosed:
    if not isinstance(value, dict) or set(value) != {"data", "salt"}:
        raise FormatError("What is disclosed must be data and its salt.")
    if not isinstance(value["data"], str):
        raise FormatError("The data disclosed must be text.")
    return Disclosed(entries.hash_of_text("The salt", value["salt"]), value["data"])
