#!/usr/bin/env python3
"""Check an evidence bundle of a Lacuna audit log, without the log and without trusting its sender.

This one file needs Python 3.9 or newer and the package `cryptography`, nothing else. The keys must
come from a place you trust, not from whoever sent the bundle:

    python lacuna_verify.py evidence.jsonl --key 'audit.example.org+1a2b3c4d+AbCd...'

Exit codes: 0 everything holds; 1 something does not, and a sentence says what; 2 wrong usage.
Formats: docs/audit-formats.md (RFC 9162 and 8785, C2SP signed-note, checkpoint, cosignature).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from base64 import b64decode
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from struct import pack
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT, LONGEST_LINE, LOG_KEY, WITNESS_KEY = "lacuna-evidence/1", 1 << 24, 1, 4
FIRST_LINE = {"batches": int, "entries": int, "format": str, "note": str, "proof": list}
BATCH_LINE, ENTRY_LINE = {"batch": str, "seq": int}, {"entry": dict, "seq": int}
N, HEX, ZEROS = "(0|[1-9][0-9]{0,19})", "([0-9a-f]{64})", "0" * 64
UTC = "([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6}Z)"
NAME = r"([^\s+\x00-\x1f\x7f\ud800-\udfff]+)"  # of a key or a log: no white space, no plus sign
BITS, LAST = "[A-Za-z0-9+/]", "[AEIMQUYcgkosw048]="  # of base64, whose unused bits must be zero
HASH, SIGNATURE = f"({BITS}{{42}}{LAST})", f"({BITS}{{6,}}(?:{BITS}|{LAST}|[AQgw]==))"
KEY = re.compile(f"{NAME}[+]([0-9a-f]{{8}})[+]({BITS}{{44}})(?: {N}-{N}?)?")
NOTE = re.compile(f"({NAME}\n{N}\n{HASH}\n)\n((?:\u2014 {NAME} {SIGNATURE}\n){{1,100}})")
HEADER = re.compile(f"lacuna batch 1\n{N}\n{N} {N} {N}\n{N} {N}\n{HEX}\n{HEX}\n{UTC}\n{N}\n")
# PostgreSQL's types, how a bundle writes their values, and an entry's fields as they are hashed
INT2, INT4, INT8, UUID, TIMESTAMP, TEXT, BYTEA = 21, 23, 20, 2950, 1184, 25, 17
PACKED = {INT2: ">h", INT4: ">i", INT8: ">q"}
RANGES = {INT2: range(1, 2), INT4: range(-(1 << 31), 1 << 31), INT8: range(1 - (1 << 53), 1 << 53)}
FORMS = {TIMESTAMP: UTC, TEXT: "[^\0]*", BYTEA: HEX}
FORMS[UUID] = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
FIELDS = {"v": INT2, "id": INT8, "entry_id": UUID, "xid": INT8, "created_at": TIMESTAMP}
FIELDS |= {"actor_id": UUID, "action": TEXT, "resource_type": TEXT, "resource_id": TEXT}
FIELDS |= {"outcome": TEXT, "duration_ms": INT4, "payload": TEXT, "personal": BYTEA}
MAY_BE_NULL = {"actor_id", "resource_type", "resource_id", "duration_ms", "personal"}
TOLD = """Everything holds: {entries} entries of {batches} batches in the log {origin}.
Created from {created[0]} to {created[1]}, sealed from {sealed[0]} to {sealed[1]}.
They stand in its checkpoint of {size} leaves, signed by {signed_by[0]}.
Personal data: {disclosed} disclosed, {erased_or_withheld} erased or withheld.\n"""
Key = tuple[str, int, bytes, range]  # name+id, type, public key, sizes for which it counts


class Refused(ValueError):
    """The bundle does not hold; the message says where and why."""


class Header(NamedTuple):
    number: int
    seqs: range  # of the batch's entries, which the header follows
    ids_hash: str
    previous: str
    sealed_at: str
    leaf: bytes  # the header's own hash


def microseconds(text: str) -> int:
    """From 2000 to a moment, both in UTC; ValueError if the calendar has no such moment."""
    since = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ") - datetime(2000, 1, 1)
    return since // timedelta(microseconds=1)


def types(value: dict[str, Any]) -> dict[str, type]:
    return {key: type(part) for key, part in value.items()}


def parsed(line: bytes) -> dict[str, Any]:
    """The object of a line, which must be the one canonical JSON of that object; ValueError."""
    text = line.decode()
    value = json.loads(text, parse_int=lambda digits: min(int(digits[:17]), (1 << 53) - 1))
    # Spaces, a key twice, needless escapes, numbers beyond 2^53: none of them is written again.
    again = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    if not isinstance(value, dict) or again + "\n" != text:
        raise Refused("this is no object in canonical JSON with a line feed behind it")
    return value


def parse_key(text: str, kind: int = LOG_KEY) -> Key:
    """A key as `name+id+base64`, perhaps with sizes: `KEY 0-5000` or `KEY 5001-`; ValueError."""
    if match := KEY.fullmatch(text):
        data, sizes = b64decode(match[3]), range(int(match[4] or 0), int(match[5] or 1 << 63) + 1)
        key_id = sha256(match[1].encode() + b"\n" + data).hexdigest()[:8]
        if key_id == match[2] and data[0] == kind and sizes:
            return f"{match[1]}+{key_id}", kind, data[1:], sizes
    raise ValueError(f"{text!r} is no key of type 0x{kind:02x}: name+id+base64, maybe sizes 0-5000")


def checkpoint(note: str, keys: Iterable[Key]) -> tuple[str, int, bytes, dict[str, str]]:
    """Origin, size and root of a signed checkpoint; which given keys signed it, witnesses when."""
    match = NOTE.fullmatch(note)
    if not match or int(match[3]) >= 1 << 63:
        raise Refused("the note is no checkpoint of three lines with 1 to 100 signatures")
    origin, size, signed = match[2], int(match[3]), dict[str, str]()
    keys = [key for key in keys if key[1] == WITNESS_KEY or key[0].startswith(f"{origin}+")]
    known = {key[0]: key for key in keys if size in key[3]}
    for _, name, written in (line.split(" ") for line in match[5].splitlines()):
        if len(written) % 4:
            raise Refused(f"a signature by {name} is no canonical base64")
        text, data, at = match[1].encode(), b64decode(written), ""
        key, signature = f"{name}+{data[:4].hex()}", data[4:]
        if key in signed:
            raise Refused(f"the note has two signatures by {name}")
        if key not in known:
            continue  # whoever else signed neither helps nor harms
        _, kind, public, _ = known[key]
        try:
            if kind == WITNESS_KEY:  # it signs the moment too
                seconds, signature = int.from_bytes(signature[:8], "big"), signature[8:]
                text = b"cosignature/v1\ntime %d\n" % seconds + text
                at = (datetime(1970, 1, 1) + timedelta(seconds=seconds)).isoformat() + "Z"
            Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
        except (InvalidSignature, OverflowError):
            raise Refused(f"the signature by {name} does not hold") from None
        signed[key] = at
    if all(signed.values()):
        raise Refused(f"no given key has signed this checkpoint of {origin} at {size} leaves")
    return origin, size, b64decode(match[4]), signed


def content(entry: dict[str, Any]) -> bytes:
    """The bytes of an entry's leaf: its row as PostgreSQL's record_send writes it."""
    if list(entry) != sorted(FIELDS):
        raise Refused("the entry has not exactly the 13 fields of version 1")
    row = pack(">i", len(FIELDS))
    for name, kind in FIELDS.items():
        value = entry[name]
        if value is None and name in MAY_BE_NULL:
            data = None
        elif type(value) is int and value in RANGES.get(kind, ()):
            data = pack(PACKED[kind], value)
        elif type(value) is not str or not re.fullmatch(FORMS.get(kind, "(?!)"), value):
            raise Refused(f"the field {name} is not what the format demands")
        elif kind == TIMESTAMP:
            data = pack(">q", microseconds(value))
        else:
            data = value.encode() if kind == TEXT else bytes.fromhex(value.replace("-", ""))
        row += pack(">ii", kind, -1) if data is None else pack(">ii", kind, len(data)) + data
    return row


def header_of(text: str) -> Header:
    """A batch's header from its eight lines, with its leaf's hash; ValueError if it cannot be."""
    match = HEADER.fullmatch(text)
    if not match:
        raise Refused("the batch's header has not the 8 lines of `lacuna batch 1`")
    number, era, xid, end_xid, first, entries = map(int, match.groups()[:6])
    large = max(number, era, end_xid, first + entries) >= 1 << 63 or int(match[10]) >= 1 << 64
    if large or not entries or xid > end_xid or (number == 1) != (match[8] == ZEROS):
        raise Refused("the batch's header has numbers that cannot be")
    microseconds(match[9])
    seqs, leaf = range(first, first + entries), sha256(b"\0" + text.encode()).digest()
    return Header(number, seqs, match[7], match[8], match[9], leaf)


class Leaves:
    """The leaves of a bundle in their order, and whether each may stand where it stands."""

    def __init__(self) -> None:
        self.seqs, self.hashes = list[int](), bytearray()
        self.created, self.sealed, self.personal, self.disclosed = list[str](), list[str](), 0, 0
        self.waiting = list[tuple[int, int]]()  # seq and id, until the batch's header comes
        self.last = (0, 0, ZEROS)  # of the batch before: its number, the seq after it, its leaf

    def take(self, line: dict[str, Any]) -> None:
        """One more leaf, an entry or a header; ValueError unless it may stand here."""
        if types(line) not in (BATCH_LINE, ENTRY_LINE, {**ENTRY_LINE, "disclosed": dict}):
            raise Refused("the line must hold an entry or a batch, and its seq")
        if line["seq"] <= (self.seqs[-1] if self.seqs else -1):
            raise Refused("the sequence number is not above the one before")
        self.seqs.append(line["seq"])
        if "batch" in line:
            self.take_header(header_of(line["batch"]))
            return
        entry, shown = line["entry"], line.get("disclosed")
        self.hashes += sha256(b"\0" + content(entry)).digest()
        self.waiting.append((line["seq"], entry["id"]))
        self.created.append(entry["created_at"])
        self.personal += entry["personal"] is not None
        if shown is not None:
            if types(shown) != {"data": str, "salt": str} or not re.fullmatch(HEX, shown["salt"]):
                raise Refused("what is disclosed is not data and salt")
            salted = b"\2" + bytes.fromhex(shown["salt"]) + shown["data"].encode()
            if sha256(salted).hexdigest() != entry["personal"]:
                raise Refused("the data disclosed is not what the entry is committed to")
            self.disclosed += 1

    def take_header(self, header: Header) -> None:
        """The header of the batch to which all entries after the last header belong."""
        name, seqs = f"the header of batch {header.number}", header.seqs
        if seqs.stop != self.seqs[-1] or not self.waiting or self.waiting[0][0] < seqs.start:
            raise Refused(f"{name} is not in its place, or not that of the entries before it")
        ids = b"".join(pack(">q", number) for _, number in self.waiting)
        if len(self.waiting) == len(seqs) and sha256(ids).hexdigest() != header.ids_hash:
            raise Refused(f"{name} lists other ids than its entries have")
        number, end, leaf = self.last
        gap, skipped = seqs.start - end, header.number - number - 1
        # Either this is the next batch, or whole batches are left out between them.
        if (gap, skipped, header.previous) != (0, 0, leaf) and (gap < 1 or skipped < 1):
            raise Refused(f"{name} cannot follow that of batch {number}")
        self.last = header.number, seqs.stop + 1, header.leaf.hex()
        self.waiting.clear()
        self.sealed.append(header.sealed_at)
        self.hashes += header.leaf

    def root(self, size: int, proof: Iterator[bytes], first: int = 0) -> bytes:
        """Of the subtree of so many leaves from `first` on: a hash of the proof if none is here."""
        low, high = bisect_left(self.seqs, first), bisect_left(self.seqs, first + size)
        if low == high or size == 1:
            return bytes(self.hashes[32 * low : 32 * high]) or next(proof, b"")
        left = 1 << (size - 1).bit_length() - 1
        below = self.root(left, proof, first)
        return sha256(b"\1" + below + self.root(size - left, proof, first + left)).digest()


def verify(
    lines: Iterable[bytes], keys: Iterable[Key], witnesses: Iterable[Key] = (), needed: int = 0
) -> dict[str, Any]:
    """What a bundle of these lines proves; Refused, also unless `needed` witnesses signed."""
    leaves, rest, place = Leaves(), iter(lines), 1
    try:
        first = parsed(next(rest, b""))
        if types(first) != FIRST_LINE or first["format"] != FORMAT:
            raise Refused(f"this is not the first line of a bundle in the format {FORMAT}")
        origin, size, root, signed = checkpoint(first["note"], [*keys, *witnesses])
        if not all(re.fullmatch(HASH, str(step)) for step in first["proof"]):
            raise Refused("the proof has a hash that is no canonical base64")
        for line in rest:
            place += 1
            leaves.take(parsed(line))
    except (ValueError, RecursionError) as error:
        raise Refused(f"Line {place}: {error}.") from None
    if leaves.waiting or not leaves.seqs:
        raise Refused("The last entry has no header of its batch, or there is no entry.")
    entries, batches = len(leaves.created), len(leaves.sealed)
    if (first["entries"], first["batches"]) != (entries, batches):
        raise Refused(f"Line 1: there are {entries} entries of {batches} batches, not as it says.")
    proof = map(b64decode, first["proof"])
    if leaves.seqs[-1] >= size or leaves.root(size, proof) != root or next(proof, None):
        raise Refused("The entries and the proof do not lead to the root that was signed.")
    witnessed = {key.split("+")[0]: at for key, at in signed.items() if at}
    if len(witnessed) < needed:
        raise Refused(f"The checkpoint has {len(witnessed)} known witnesses, not {needed}.")
    report = {"origin": origin, "size": size, "signed_by": [k for k in signed if not signed[k]]}
    report |= {"witnessed": witnessed, "disclosed": leaves.disclosed}
    report |= {"entries": entries, "created": [min(leaves.created), max(leaves.created)]}
    report |= {"batches": batches, "sealed": [min(leaves.sealed), max(leaves.sealed)]}
    return report | {"erased_or_withheld": leaves.personal - leaves.disclosed}


def main(given: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Check an evidence bundle of a Lacuna audit log.")
    parser.add_argument("bundle", help="the file")
    parser.add_argument("--key", action="append", required=True, help="a trusted key of the log")
    parser.add_argument("--witness", action="append", default=[], help="a key of a witness")
    parser.add_argument("--witnesses-needed", type=int, help="how many must have signed (all)")
    parser.add_argument("--json", action="store_true", help="answer with one JSON object")
    options = parser.parse_args(given)
    try:
        keys = [parse_key(text) for text in options.key]
        witnesses = {parse_key(text, WITNESS_KEY) for text in options.witness}
        needed = len(witnesses) if options.witnesses_needed is None else options.witnesses_needed
        if not 0 <= needed <= len(witnesses):
            raise ValueError(f"{needed} witnesses are needed, but {len(witnesses)} named")
        with open(options.bundle, "rb") as file:  # noqa: PTH123 - one import less
            lines = iter(lambda: file.readline(LONGEST_LINE), b"")
            answer = {"holds": True, **verify(lines, keys, witnesses, needed)}
        text = TOLD.format(**answer)
        text += "".join(f"Witnessed by {w} at {t}.\n" for w, t in answer["witnessed"].items())
    except Refused as refusal:
        answer = {"holds": False, "error": str(refusal)}
        text = f"The bundle does NOT hold. {refusal}\n"
    except (OSError, ValueError) as error:
        parser.error(str(error))
    text = json.dumps(answer) + "\n" if options.json else text
    sys.stdout.write(text.encode("ascii", "backslashreplace").decode())  # steers no terminal
    return 0 if answer["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
