"""A small log with everything in it that a log may have, and bundles of it, honest or not."""

from copy import deepcopy
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.vectors.audit import naive

ORIGIN = "audit.example.org/lacuna"
WITNESS = "witness.example.net/w1"
LARGEST = 2**53 - 1
BATCH_SIZES = (3, 1, 5, 2)
PERSONAL = {"address": "192.0.2.7", "agent": "Firefox \U0001f98a"}

Line = dict[str, Any]


class Key:
    """A key made from a byte, with its written forms."""

    def __init__(self, name: str, number: int, kind: int = 1) -> None:
        self.name, self.kind = name, kind
        self.seed = bytes([number]) * 32
        self._key = Ed25519PrivateKey.from_private_bytes(self.seed)
        public = bytes([kind]) + self._key.public_key().public_bytes_raw()
        self.key_id = naive.sha256(name.encode() + b"\n" + public)[:4]
        self.written = f"{name}+{self.key_id.hex()}+{naive.encode(public)}"

    def line(self, text: str, *, at: int = 0) -> str:
        """A signature line over a note's text; `at` is the second of a cosignature."""
        if self.kind == 4:
            signed = f"cosignature/v1\ntime {at}\n{text}".encode()
            signature = at.to_bytes(8, "big") + self._key.sign(signed)
        else:
            signature = self._key.sign(text.encode())
        return f"\u2014 {self.name} {naive.encode(self.key_id + signature)}\n"


LOG_KEY = Key(ORIGIN, 1)
NEW_KEY = Key(ORIGIN, 2)
STRANGER = Key(ORIGIN, 3)
OTHER_LOG = Key("audit.example.com/other", 4)
WITNESS_KEY = Key(WITNESS, 5, kind=4)
OTHER_WITNESS = Key("witness.example.org/w2", 6, kind=4)
WITNESSED_AT = 1_795_255_500


def note(size: int, root: bytes, *keys: Key, origin: str = ORIGIN) -> str:
    """A checkpoint signed by these keys."""
    text = f"{origin}\n{size}\n{naive.encode(root)}\n"
    return text + "\n" + "".join(key.line(text, at=WITNESSED_AT) for key in keys)


def entry(number: int, **given: Any) -> Line:
    """An entry as a bundle shows it."""
    plain = {
        "v": 1,
        "id": number,
        "entry_id": f"01900000-0000-7000-8000-{number:012x}",
        "xid": 100 + number,
        "created_at": f"2026-11-21T09:{number % 60:02d}:00.{number:06d}Z",
        "actor_id": f"01900000-0000-7000-9000-{number:012x}",
        "action": "annotation.approved",
        "resource_type": "annotation",
        "resource_id": str(number),
        "outcome": "success",
        "duration_ms": number,
        "payload": naive.canonical({"details": {"number": number}}),
        "personal": None,
    }
    return {**plain, **given}


def salt(number: int) -> bytes:
    """A salt that is no secret."""
    return naive.sha256(b"salt %d" % number)


def commitment(number: int) -> str:
    """The commitment of an entry to `PERSONAL`."""
    return naive.sha256(b"\x02" + salt(number) + naive.canonical(PERSONAL).encode()).hex()


def disclosed(number: int) -> Line:
    """What discloses it."""
    return {"data": naive.canonical(PERSONAL), "salt": salt(number).hex()}


def edge_entries() -> dict[str, Line]:
    """Entries at the edges of what the fields can hold, each with what is special about it."""
    return {
        "plain": entry(1),
        "everything null that may be": entry(
            2, actor_id=None, resource_type=None, resource_id=None, duration_ms=None
        ),
        "empty texts are not null": entry(3, resource_type="", resource_id="", payload=""),
        "beyond the basic plane, combining marks, line ends": entry(
            4, resource_id='\U0001f98a e\u0301 \u2028 \u00e9\r\n\t"\\', payload='{"k":"\U00010000"}'
        ),
        "the largest numbers a bundle holds": entry(
            1,
            id=LARGEST,
            xid=LARGEST,
            entry_id="f" * 8 + "-ffff-ffff-ffff-" + "f" * 12,
            created_at="9999-12-31T23:59:59.999999Z",
            duration_ms=2**31 - 1,
        ),
        "the smallest numbers a bundle holds": entry(
            5,
            id=-LARGEST,
            xid=-LARGEST,
            created_at="0001-01-01T00:00:00.000000Z",
            duration_ms=-(2**31),
            entry_id="0" * 8 + "-0000-0000-0000-" + "0" * 12,
        ),
        "a microsecond before 2000": entry(6, created_at="1999-12-31T23:59:59.999999Z"),
        "the moment 2000 begins": entry(7, created_at="2000-01-01T00:00:00.000000Z"),
        "personal data": entry(8, personal=commitment(8)),
        "control characters": entry(9, resource_id="\x01\x1f\x7f\x80 \x08\x0c"),
    }


class Log:
    """A log of a few batches: its lines as a bundle shows them, and the leaves of the tree."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.leaves: list[bytes] = []
        previous, number = "0" * 64, 0
        for batch, size in enumerate(BATCH_SIZES, start=1):
            first = len(self.lines)
            ids = list(range(number + 1, number + 1 + size))
            for one in ids:
                self.add({"entry": _varied(one), "seq": len(self.lines)})
            number += size
            self.add({"batch": naive.header(batch, first, ids, previous), "seq": len(self.lines)})
            previous = self.leaves[-1].hex()

    def add(self, line: Line) -> None:
        """One more leaf."""
        self.lines.append(line)
        self.leaves.append(leaf(line))

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self.leaves)

    def chosen(self, *seqs: int) -> list[Line]:
        """Copies of some lines."""
        return [deepcopy(self.lines[seq]) for seq in seqs]


def _varied(number: int) -> Line:
    edges = edge_entries()
    if number in {2, 3, 4, 6, 9}:
        return {**list(edges.values())[number - 1], "id": number}
    return entry(number, personal=commitment(number) if number % 2 else None)


def leaf(line: Line) -> bytes:
    """The hash of a line's leaf."""
    if "batch" in line:
        return naive.sha256(b"\x00" + line["batch"].encode())
    return naive.sha256(b"\x00" + naive.entry_content(line["entry"]))


def bundle(
    lines: list[Line],
    leaves: list[bytes],
    keys: tuple[Key, ...] = (LOG_KEY,),
    **first: Any,
) -> str:
    """A bundle of lines over a tree's leaves, signed by whatever keys; `first` replaces parts."""
    proof = naive.leaves_proof({line["seq"] for line in lines}, leaves)
    whole = {
        "batches": sum("batch" in line for line in lines),
        "entries": sum("entry" in line for line in lines),
        "format": "lacuna-evidence/1",
        "note": note(len(leaves), naive.root(leaves), *keys),
        "proof": [naive.encode(step) for step in proof],
        **first,
    }
    return "".join(naive.canonical(line) + "\n" for line in [whole, *lines])


def forged(lines: list[Line], log: Log, keys: tuple[Key, ...] = (LOG_KEY,)) -> str:
    """A bundle by an operator who put whatever lines into the tree and signed it."""
    leaves = list(log.leaves)
    for line in lines:
        leaves[line["seq"]] = leaf(line)
    return bundle(lines, leaves, keys)
