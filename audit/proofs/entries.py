"""What a leaf is made of: an entry in PostgreSQL's binary form, or a batch's header in text."""

import hashlib
import re
import struct
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self
from uuid import UUID

from audit.proofs import canonical, hashes
from audit.proofs.errors import FormatError

VERSION = 1
SALT_SIZE = 32
NO_BATCH = bytes(hashes.HASH_SIZE)

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_INT2, _INT4, _INT8, _TEXT, _BYTEA, _MOMENT, _UUID = 21, 23, 20, 25, 17, 1184, 2950
# The count of fields, then v, id, entry_id, xid and created_at, each as type, length and value.
_HEAD = struct.Struct(">iiihiiqii16siiqiiq")
_ACTOR = struct.Struct(">ii16s")
_DURATION = struct.Struct(">iii")
_TYPE_AND_LENGTH = struct.Struct(">ii")

_UUID_TEXT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HASH_TEXT = re.compile(r"[0-9a-f]{64}")
_MOMENT_TEXT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_NUMBER_TEXT = re.compile(r"0|[1-9][0-9]{0,19}")
_NOT_IN_TEXT = re.compile("[\x00\ud800-\udfff]")


class EntryFields(NamedTuple):
    """The 13 fields of an entry that its leaf covers, in their order; all moments carry a zone."""

    v: int
    id: int
    entry_id: UUID
    xid: int
    created_at: datetime
    actor_id: UUID | None
    action: str
    resource_type: str | None
    resource_id: str | None
    outcome: str
    duration_ms: int | None
    payload: str
    personal: bytes | None


_WIDTHS = {"v": 16, "id": 64, "xid": 64, "duration_ms": 32}
_TEXTS = ("action", "resource_type", "resource_id", "outcome", "payload")
_MAY_BE_NULL = {"actor_id", "resource_type", "resource_id", "duration_ms", "personal"}


def content(fields: EntryFields) -> bytes:
    """The bytes that PostgreSQL's `record_send` gives for the row; FormatError names the field."""
    v, number, entry_id, xid, created_at, actor_id, action = fields[:7]
    resource_type, resource_id, outcome, duration_ms, payload, personal = fields[7:]
    try:
        parts = [
            _HEAD.pack(
                *(13, _INT2, 2, v, _INT8, 8, number, _UUID, 16, entry_id.bytes),
                *(_INT8, 8, xid, _MOMENT, 8, (created_at - _EPOCH) // _MICROSECOND),
            ),
            _null(_UUID) if actor_id is None else _ACTOR.pack(_UUID, 16, actor_id.bytes),
            _text(action),
            _text(resource_type),
            _text(resource_id),
            _text(outcome),
            _null(_INT4) if duration_ms is None else _DURATION.pack(_INT4, 4, duration_ms),
            _text(payload),
            _null(_BYTEA) if personal is None else _sized(_BYTEA, personal),
        ]
    except (struct.error, AttributeError, TypeError, UnicodeEncodeError):
        check(fields)
        raise
    return b"".join(parts)


def _sized(kind: int, value: bytes) -> bytes:
    return _TYPE_AND_LENGTH.pack(kind, len(value)) + value


def _null(kind: int) -> bytes:
    return _TYPE_AND_LENGTH.pack(kind, -1)


def _text(value: str | None) -> bytes:
    return _null(_TEXT) if value is None else _sized(_TEXT, value.encode())


def check(fields: EntryFields) -> None:
    """Refuse fields whose type or range the table cannot hold; FormatError names the field."""
    for name, value in zip(EntryFields._fields, fields, strict=True):
        if value is not None:
            wanted = _wanted(name, value)
            if wanted:
                raise FormatError(f"The field {name} must be {wanted}.")
        elif name not in _MAY_BE_NULL:
            raise FormatError(f"The field {name} must not be null.")
    if fields.v != VERSION:
        raise FormatError(f"The field v must be {VERSION}: this is the only version there is.")


def _wanted(name: str, value: object) -> str | None:
    """What a field should have been; None when it is that."""
    if name in _WIDTHS:
        limit = 1 << _WIDTHS[name] - 1
        fits = type(value) is int and -limit <= value < limit
        return None if fits else f"a {_WIDTHS[name]}-bit whole number"
    if name in _TEXTS:
        fits = isinstance(value, str) and not _NOT_IN_TEXT.search(value)
        return None if fits else "text without U+0000 or lone surrogates"
    if name == "created_at":
        fits = isinstance(value, datetime) and value.tzinfo is not None
        return None if fits else "a moment with a time zone"
    if name == "personal":
        fits = isinstance(value, bytes) and len(value) == hashes.HASH_SIZE
        return None if fits else "32 bytes"
    return None if isinstance(value, UUID) else "a UUID"


def to_json(fields: EntryFields) -> dict[str, str | int | None]:
    """The entry as a bundle shows it; FormatError when a field or a number cannot be shown."""
    check(fields)
    for name in ("id", "xid"):
        if abs(getattr(fields, name)) > canonical.LARGEST_NUMBER:
            raise FormatError(f"The field {name} is beyond 2^53 - 1, which a bundle cannot hold.")
    return {
        **fields._asdict(),
        "entry_id": str(fields.entry_id),
        "created_at": canonical.moment(fields.created_at),
        "actor_id": None if fields.actor_id is None else str(fields.actor_id),
        "personal": None if fields.personal is None else fields.personal.hex(),
    }


def from_json(shown: object) -> EntryFields:
    """The fields of an entry that a bundle shows; FormatError names what does not belong."""
    if not isinstance(shown, Mapping) or set(shown) != set(EntryFields._fields):
        raise FormatError("An entry must have exactly the 13 fields of its format.")
    entry_id = _uuid("entry_id", shown["entry_id"])
    if entry_id is None:
        raise FormatError("The field entry_id must not be null.")
    fields = EntryFields(
        **{
            **shown,
            "entry_id": entry_id,
            "created_at": _moment("The field created_at", shown["created_at"]),
            "actor_id": _uuid("actor_id", shown["actor_id"]),
            "personal": hash_of_text("The field personal", shown["personal"])
            if shown["personal"] is not None
            else None,
        }
    )
    check(fields)
    return fields


def commitment(salt: bytes, data: str) -> bytes:
    """The 32 bytes that stand in an entry for personal data: a salt of 32 bytes hides the rest."""
    if len(salt) != SALT_SIZE:
        raise ValueError(f"A commitment's salt has {SALT_SIZE} bytes, not {len(salt)}.")
    return hashlib.sha256(b"\x02" + salt + data.encode()).digest()


def ids_hash(ids: Iterable[int]) -> bytes:
    """The hash of entries' ids, 8 bytes each, in the order of the entries."""
    numbers = list(ids)
    return hashlib.sha256(struct.pack(f">{len(numbers)}q", *numbers)).digest()


class BatchHeader(NamedTuple):
    """What a sealed batch says about itself; hashes are 32 bytes, `number` counts from 1."""

    number: int
    era: int
    first_xid: int
    end_xid: int
    first_seq: int
    entries: int
    ids_hash: bytes
    previous: bytes
    sealed_at: datetime
    system_identifier: int

    @property
    def seq(self) -> int:
        """The header's own place in the tree: right after its entries."""
        return self.first_seq + self.entries

    def content(self) -> bytes:
        """The header's leaf content, lines of ASCII; FormatError when a part cannot be written."""
        text = (
            f"lacuna batch 1\n{self.number}\n{self.era} {self.first_xid} {self.end_xid}\n"
            f"{self.first_seq} {self.entries}\n{self.ids_hash.hex()}\n{self.previous.hex()}\n"
            f"{canonical.moment(self.sealed_at)}\n{self.system_identifier}\n"
        )
        if self.sealed_at.tzinfo is None or type(self).parse(text.encode()) != self:
            raise FormatError(f"Batch {self.number} has a moment without a zone or a short hash.")
        return text.encode()

    def leaf(self) -> bytes:
        """The hash of the header's leaf, which the next batch's header names."""
        return hashes.leaf(self.content())

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """The header of a leaf's content; FormatError unless `content()` gives the same bytes."""
        try:
            lines = content.decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise FormatError("A batch's header must be ASCII text.") from None
        if len(lines) != 9 or lines[0] != "lacuna batch 1" or lines[8]:
            raise FormatError("A batch's header must be the 8 lines of `lacuna batch 1`.")
        era, first_xid, end_xid = _numbers("its era and transactions", lines[2], 3)
        first_seq, number_of_entries = _numbers("its first entry and their number", lines[3], 2)
        header = cls(
            number=_numbers("its number", lines[1], 1)[0],
            era=era,
            first_xid=first_xid,
            end_xid=end_xid,
            first_seq=first_seq,
            entries=number_of_entries,
            ids_hash=hash_of_text("The header's hash of ids", lines[4]),
            previous=hash_of_text("The header's hash of the previous header", lines[5]),
            sealed_at=_moment("The header's moment of sealing", lines[6]),
            system_identifier=_numbers("the system identifier", lines[7], 1)[0],
        )
        header._check()
        return header

    def _check(self) -> None:
        if max(self.number, self.era, self.end_xid, self.seq) >= 1 << 63:
            raise FormatError("A batch's header has a number beyond 2^63 - 1.")
        if self.system_identifier >= 1 << 64:
            raise FormatError("A batch's header has a system identifier beyond 2^64 - 1.")
        if not self.number or not self.entries:
            raise FormatError("A batch's header must count batches and entries from 1.")
        if self.first_xid > self.end_xid:
            raise FormatError(
                f"Batch {self.number} ends with transaction {self.end_xid}, "
                f"before its first, {self.first_xid}."
            )
        if (self.number == 1) != (self.first_seq == 0) or (self.number == 1) != (
            self.previous == NO_BATCH
        ):
            raise FormatError(
                f"Batch {self.number}: the first batch alone begins at 0 and follows no other."
            )


def _numbers(what: str, line: str, number: int) -> list[int]:
    words = line.split(" ")
    if len(words) != number or not all(map(_NUMBER_TEXT.fullmatch, words)):
        raise FormatError(f"A batch's header must give {what} as {number} plain whole number(s).")
    return [int(word) for word in words]


def _uuid(name: str, text: object) -> UUID | None:
    if text is None:
        return None
    if not isinstance(text, str) or not _UUID_TEXT.fullmatch(text):
        raise FormatError(f"The field {name} must be a UUID in lower case.")
    return UUID(text)


def hash_of_text(what: str, text: object) -> bytes:
    """The 32 bytes of 64 hex digits; FormatError names what should have been that."""
    if not isinstance(text, str) or not _HASH_TEXT.fullmatch(text):
        raise FormatError(f"{what} must be 64 hex digits in lower case.")
    return bytes.fromhex(text)


def _moment(what: str, text: object) -> datetime:
    if not isinstance(text, str) or not _MOMENT_TEXT.fullmatch(text):
        raise FormatError(f"{what} must be written like 2026-11-21T10:00:00.123456Z.")
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise FormatError(f"{what}, {text}, is no moment: {error}.") from None
    if canonical.moment(at) != text:  # newer Pythons read 24:00 as the next day's midnight
        raise FormatError(f"{what}, {text}, is written in another way than the log writes it.")
    return at
