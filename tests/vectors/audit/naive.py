"""The definitions as the standards write them, plain and slow: what all else must match."""

import base64
import hashlib
import json
import struct
from datetime import UTC, datetime
from typing import Any


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def split(number: int) -> int:
    """The largest power of two below a number."""
    power = 1
    while power * 2 < number:
        power *= 2
    return power


def root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, over leaf hashes."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"")
    left = split(len(leaves))
    return sha256(b"\x01" + root(leaves[:left]) + root(leaves[left:]))


def inclusion(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 9162, 2.1.3.1."""
    if len(leaves) == 1:
        return []
    left = split(len(leaves))
    if index < left:
        return [*inclusion(index, leaves[:left]), root(leaves[left:])]
    return [*inclusion(index - left, leaves[left:]), root(leaves[:left])]


def consistency(old: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 9162, 2.1.4.1; nothing for an empty old tree."""
    if old in {0, len(leaves)}:
        return [] if whole else [root(leaves)]
    left = split(len(leaves))
    if old <= left:
        return [*consistency(old, leaves[:left], whole=whole), root(leaves[left:])]
    return [*consistency(old - left, leaves[left:], whole=False), root(leaves[:left])]


def leaves_proof(indices: set[int], leaves: list[bytes], first: int = 0) -> list[bytes]:
    """The largest subtrees with none of the leaves, from left to right."""
    if indices.isdisjoint(range(first, first + len(leaves))):
        return [root(leaves)]
    if len(leaves) == 1:
        return []
    left = split(len(leaves))
    return [
        *leaves_proof(indices, leaves[:left], first),
        *leaves_proof(indices, leaves[left:], first + left),
    ]


def canonical(value: Any) -> str:
    """Canonical JSON for objects whose keys are ASCII."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def encode(data: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(data).decode()


def decode(text: str) -> bytes:
    """The bytes of base64."""
    return base64.b64decode(text)


def entry_content(entry: dict[str, Any]) -> bytes:
    """The content of an entry's leaf, from the entry as a bundle shows it."""

    def field(kind: int, value: bytes | None) -> bytes:
        return struct.pack(">i", kind) + (
            struct.pack(">i", -1) if value is None else struct.pack(">i", len(value)) + value
        )

    def number(form: str, value: int | None) -> bytes | None:
        return None if value is None else struct.pack(form, value)

    def text(value: str | None) -> bytes | None:
        return None if value is None else value.encode()

    def digits(value: str | None) -> bytes | None:
        return None if value is None else bytes.fromhex(value.replace("-", ""))

    at = datetime.strptime(entry["created_at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    since = at - datetime(2000, 1, 1, tzinfo=UTC)
    moment = (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds
    return struct.pack(">i", 13) + b"".join(
        [
            field(21, number(">h", entry["v"])),
            field(20, number(">q", entry["id"])),
            field(2950, digits(entry["entry_id"])),
            field(20, number(">q", entry["xid"])),
            field(1184, number(">q", moment)),
            field(2950, digits(entry["actor_id"])),
            field(25, text(entry["action"])),
            field(25, text(entry["resource_type"])),
            field(25, text(entry["resource_id"])),
            field(25, text(entry["outcome"])),
            field(23, number(">i", entry["duration_ms"])),
            field(25, text(entry["payload"])),
            field(17, digits(entry["personal"])),
        ]
    )


def header(number: int, first_seq: int, ids: list[int], previous: str, **other: Any) -> str:
    """A batch header's content."""
    given = {
        "era": 1,
        "first_xid": 100 * number,
        "end_xid": 100 * number + 50,
        "entries": len(ids),
        "ids": sha256(b"".join(struct.pack(">q", one) for one in ids)).hex(),
        "sealed_at": f"2026-11-21T10:{number:02d}:00.000000Z",
        "system": 7_400_000_000_000_000_001,
        **other,
    }
    return (
        f"lacuna batch 1\n{number}\n{given['era']} {given['first_xid']} {given['end_xid']}\n"
        f"{first_seq} {given['entries']}\n{given['ids']}\n{previous}\n"
        f"{given['sealed_at']}\n{given['system']}\n"
    )
